"""Speech to text with Whisper, Distil-Whisper and Pingala through faster-whisper, on CTranslate2: no torch needed.

A plain engine decodes as the library does: five beams, other temperatures where a window fails, hypotheses by segment. A batched
one cuts the sound at pauses and decodes several windows at once, without that second try. The seed is fixed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

from engine import weights
from engine.contract import Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Text, Transcribe, Word
from local_models._long import at_pauses
from local_models._own import own_spec
from local_models._torch import answered
from local_models._whisper import (
    PARAMETERS,
    RATE,
    WINDOW_S,
    check_terms,
    cpu_threads,
    is_distilled,
    language_code,
    languages_of,
    samples_of,
    spoken,
)

FILES = ("*.json", "vocabulary.*", "model.bin")
"""A CTranslate2 folder; its model.bin is that library's own format, not a pickle."""
FORMATS = {
    "int8": {"cpu": "int8", "cuda": "int8_float16"},
    "float": {"cpu": "float32", "cuda": "float16"},
    "as-stored": {"cpu": "default", "cuda": "default"},
}
BATCH = {"cuda": 16, "cpu": 4}


class FasterWhisper(Engine):
    def load(self) -> None:
        folder = weights.needed(self.spec)
        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (folder / name).is_file():
                raise NotReady(f"{self.spec.id}: {str(folder)!r} holds no {name}, so it is no CTranslate2 folder of Whisper")
        import ctranslate2
        from faster_whisper import WhisperModel

        there = {"cuda": ctranslate2.get_cuda_device_count() > 0, "cpu": True}
        asked = os.environ.get("SOUNDCHECK_DEVICE", "").strip().lower()
        if asked and not there.get(asked):
            usable = " or ".join(device for device, is_there in there.items() if is_there)
            raise NotReady(f"{self.spec.id} cannot run on {asked!r}: SOUNDCHECK_DEVICE may be {usable}")
        device = asked or ("cuda" if there["cuda"] else "cpu")
        self.threads = cpu_threads()
        self.model = WhisperModel(
            str(folder),
            device=device,
            compute_type=FORMATS[self.spec.extra["format"]][device],
            cpu_threads=self.threads,
            local_files_only=True,
        )
        self.fix_seed = ctranslate2.set_random_seed

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples, settings = samples_of(request, self.spec.id), self._settings(request)
        self.fix_seed(0)
        segments, heard = self._transcribe(samples, settings)
        text, words = "", []
        for segment in segments:
            text += segment.text
            words += [
                Word(each.word.strip(), float(each.start), float(each.end), float(each.probability))
                for each in segment.words or ()
                if each.word.strip()
            ]
            yield Text(text.strip(), final=False)
        yield Text(text.strip(), words=tuple(words), language=heard.language)
        model = self.model.model
        yield Facts(
            device=model.device,
            dtype=model.compute_type,
            threads=self.threads,
            model=answered(self.spec),
            sent=self._sent(settings),
        )

    def _settings(self, request: Transcribe) -> dict[str, Any]:
        """What transcribe() is asked for. Raises Unsupported for an unknown language, BadInput for terms that it cannot take."""
        settings: dict[str, Any] = {"word_timestamps": True} if request.word_times else {}
        if code := language_code(request.language, self.model.supported_languages, self.spec.id):
            settings["language"] = code
        if self.spec.extra.get("distilled"):
            settings["condition_on_previous_text"] = False  # earlier text throws the distilled ones off
        if request.prompt:
            tokens = self.model.hf_tokenizer.encode(f" {request.prompt.strip()}", add_special_tokens=False).ids
            check_terms(request.prompt, len(tokens), self.model.max_length // 2 - 1, self.spec.id)
            # Terms stand before every window, and together with earlier text they would leave the decoder no room to write.
            settings |= {"hotwords": request.prompt, "condition_on_previous_text": False}
        return settings

    def _transcribe(self, samples: Any, settings: dict[str, Any]) -> tuple[Any, Any]:
        """Segments as they are decoded, and what is known of the sound."""
        return self.model.transcribe(samples, **settings)

    @staticmethod
    def _sent(settings: dict[str, Any]) -> dict[str, Any]:
        return settings | {"beam_size": 5}


class BatchedFasterWhisper(FasterWhisper):
    def _transcribe(self, samples: Any, settings: dict[str, Any]) -> tuple[Any, Any]:
        from faster_whisper import BatchedInferencePipeline

        spans = [{"start": first / RATE, "end": end / RATE} for first, end in at_pauses(samples, RATE, WINDOW_S)]
        size = BATCH[self.model.model.device]
        return BatchedInferencePipeline(self.model).transcribe(samples, clip_timestamps=spans, batch_size=size, **settings)


def _weights(size: str) -> str:
    if size == "large-v3-turbo":
        return "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
    if size == "distil-large-v3.5":
        return "distil-whisper/distil-large-v3.5-ct2"
    return f"Systran/faster-{'distil-whisper-' + size.removeprefix('distil-') if is_distilled(size) else 'whisper-' + size}"


def _spec(size: str, number: str, engine: type[FasterWhisper] = FasterWhisper) -> EngineSpec:
    """`number` is a key of FORMATS."""
    distilled, batched, repository = is_distilled(size), engine is BatchedFasterWhisper, _weights(size)
    family = "Distil-Whisper" if distilled else "Whisper"
    parameters, in_memory = PARAMETERS[size], {"int8": 1, "float": 4}[number]
    return EngineSpec(
        id=f"faster_whisper/{size}-{number}{'-batched' if batched else ''}",
        task="asr",
        name=f"faster-whisper {size}, {number}{', batched' if batched else ''}",
        vendor="SYSTRAN (open weights)",
        system=f"{family} via faster-whisper",
        engine=engine,
        where="local",
        model=repository,
        license_code="MIT (faster-whisper, CTranslate2)",
        license_weights="MIT",
        languages=languages_of(size),
        summary=(
            f"{family} {size.removeprefix('distil-')} on CTranslate2, {'8-bit' if number == 'int8' else 'not quantised'}, "
            f"{'batches of windows cut at pauses' if batched else 'five beams'}: {spoken(size)}, with punctuation."
        ),
        docs_url="https://github.com/SYSTRAN/faster-whisper",
        checked_on="2026-11-20",
        honours=("language", "prompt", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("faster_whisper", "ctranslate2"),
            downloads=(Download(repository, FILES),),
            # The files hold float16 whatever is asked for; the library turns them into int8 while it loads.
            download_gb=round(parameters * 2 / 1e9 + 0.005, 2),
            memory_gb=round(parameters * in_memory / 1e9 * 1.2 + 0.3, 1),
            gpu_memory_gb=round(parameters * min(in_memory, 2) / 1e9 * 1.2 + 0.6, 1),
        ),
        parameters=parameters,
        tier="1",
        packages=("faster-whisper", "ctranslate2", "tokenizers"),
        devices=("cuda", "cpu"),
        streams=True,
        extra={"format": number, "distilled": distilled},
    )


_PINGALA = EngineSpec(
    id="faster_whisper/pingala-v1-en",
    task="asr",
    name="Pingala V1 English, verbatim",
    vendor="Shunya Labs",
    system="Shunya Pingala V1",
    engine=FasterWhisper,
    where="local",
    model="shunyalabs/pingala-v1-en-verbatim",
    license_code="MIT (faster-whisper, CTranslate2)",
    license_weights="Shunya RAIL-M (at most 10,000 hours a month, no redistribution)",
    languages=("en",),
    summary="Whisper-class English recogniser that keeps fillers, as CTranslate2 weights in faster-whisper.",
    docs_url="https://huggingface.co/shunyalabs/pingala-v1-en-verbatim",
    checked_on="2026-11-20",
    honours=("language", "prompt", "word_times"),
    limits=Limits(audio_seconds=3600),
    needs=Needs(
        packages=("faster_whisper", "ctranslate2"),
        downloads=(Download("shunyalabs/pingala-v1-en-verbatim", FILES),),
        gated=True,
    ),
    packages=("faster-whisper", "ctranslate2", "tokenizers"),
    devices=("cuda", "cpu"),
    streams=True,
    consent="Use of Pingala is bound to the Shunya RAIL-M licence: at most 10,000 hours a month, no redistribution.",
    extra={"format": "int8", "distilled": False},
)

ENGINES = [
    *(_spec(size, number) for number in ("int8", "float") for size in PARAMETERS),
    *(_spec(size, "int8", BatchedFasterWhisper) for size in ("base", "large-v3", "large-v3-turbo", "distil-large-v3.5")),
    _PINGALA,
]


OWN_VARIANTS = {
    "": "numbers as stored, five beams",
    "int8": "8-bit, five beams",
    "batched": "numbers as stored, windows in batches",
    "int8-batched": "8-bit, windows in batches",
}


def own(source: str, variant: str = "") -> EngineSpec:
    spec = own_spec(ENGINES[0], source, files=FILES, variant=variant)
    return dataclasses.replace(
        spec,
        engine=BatchedFasterWhisper if variant.endswith("batched") else FasterWhisper,
        extra={"format": "int8" if variant.startswith("int8") else "as-stored", "distilled": False},
    )
