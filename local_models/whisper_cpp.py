"""Speech to text with Whisper and Distil-Whisper through whisper.cpp, from ggml files of 5, 8 or 16 bits: no torch needed.

Greedy, with other temperatures where a window fails, as the library does. Hypotheses are finished segments. Runs on the CPU.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import (
    BadInput,
    Download,
    Engine,
    EngineSpec,
    Facts,
    Limits,
    Needs,
    NotReady,
    Piece,
    Text,
    Transcribe,
    Unsupported,
    Word,
)
from local_models._own import own_spec
from local_models._torch import answered
from local_models._whisper import (
    PARAMETERS,
    RATE,
    check_terms,
    cpu_threads,
    is_distilled,
    language_code,
    languages_of,
    samples_of,
    spoken,
)

_MAGIC = b"lmgg"
_SHORTEST = int(1.01 * RATE)
"""whisper.cpp says nothing to less than a second of sound; silence fills it up."""
_LARGE_V3_TOKENS = 51_866
_BITS = {"q5_0": 5.5, "q5_1": 6.0, "q8_0": 8.5, "f16": 16.0}
"""Bits per weight: blocks of 32 carry one or two half floats of scale."""


class WhisperCpp(Engine):
    def load(self) -> None:
        folder, (pattern, *_) = weights.needed(self.spec), self.spec.needs.downloads[0].files
        files = sorted(folder.glob(pattern))
        if len(files) != 1:
            raise NotReady(f"{self.spec.id}: {str(folder)!r} must hold one file like {pattern!r}, and holds {len(files)}")
        with Path(files[0]).open("rb") as file:
            if file.read(4) != _MAGIC:
                raise NotReady(f"{self.spec.id}: {files[0].name!r} is no ggml file of whisper.cpp")
        import _pywhispercpp as library
        from pywhispercpp.model import Model

        self.library, self.threads = library, cpu_threads()
        self.model = Model(str(files[0]), n_threads=self.threads, print_progress=False, context_params={"use_gpu": False})
        self.context = self.model._ctx
        if self.context is None:
            raise NotReady(f"{self.spec.id}: whisper.cpp cannot read {files[0].name!r}")
        several = library.whisper_is_multilingual(self.context)
        self.languages = frozenset(self.model.available_languages()) if several else frozenset(("en",))

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples, settings = samples_of(request, self.spec.id), self._settings(request)
        samples = np.pad(samples, (0, max(0, _SHORTEST - len(samples))))
        written: queue.SimpleQueue[Any] = queue.SimpleQueue()
        left = threading.Event()

        def decode() -> None:
            try:
                self.model.transcribe(
                    samples,
                    new_segment_callback=lambda segment: written.put(segment.text),
                    abort_callback=left.is_set,
                    **settings,
                )
                written.put(None)
            except BaseException as error:  # noqa: BLE001  carried to the caller's thread
                written.put(error)

        decoder = threading.Thread(target=decode, daemon=True)
        decoder.start()
        text = ""
        try:
            while isinstance(said := written.get(), str):
                text = f"{text} {said}".strip()
                yield Text(text, final=False)
        finally:
            left.set()
            decoder.join()
        if said is not None:
            raise said
        segments = range(self.library.whisper_full_n_segments(self.context))
        text = b"".join(self.library.whisper_full_get_segment_text(self.context, each) for each in segments)
        words = [word for each in segments for word in self._words(each, request.audio.seconds)] if request.word_times else []
        language = self.library.whisper_lang_str(self.library.whisper_full_lang_id(self.context))
        yield Text(text.decode("utf-8", "replace").strip(), words=tuple(words), language=language)
        sent = {name: value for name, value in settings.items() if value}
        yield Facts(device="cpu", dtype=self.spec.extra["format"], threads=self.threads, model=answered(self.spec), sent=sent)

    def _settings(self, request: Transcribe) -> dict[str, Any]:
        """Every setting, because the library keeps the last run's. Raises Unsupported or BadInput for what it cannot take."""
        code = language_code(request.language, self.languages, self.spec.id)
        shape = self.library.whisper_model_n_text_layer(self.context), self.library.whisper_n_vocab(self.context)
        if request.word_times and shape[0] == 2 and shape[1] != _LARGE_V3_TOKENS:
            raise Unsupported(f"{self.spec.id} has no word times: whisper.cpp decodes the first distilled models without any")
        if request.prompt:
            check_terms(request.prompt, 0, 0, self.spec.id)
            # The library cuts what is longer without a word, and counts for no one; a token is at least one byte.
            room, asked = self.library.whisper_n_text_ctx(self.context) // 2 - 1, len(request.prompt.encode())
            if asked > room:
                raise BadInput(f"{self.spec.id} takes names and terms of up to {room} bytes, and these are {asked}")
        return {
            "language": code or ("" if len(self.languages) > 1 else "en"),
            "initial_prompt": request.prompt or "",
            # Terms stand before every window, not only the first.
            "carry_initial_prompt": bool(request.prompt),
            "token_timestamps": request.word_times,
        }

    def _words(self, segment: int, seconds: float) -> Iterator[Word]:
        """Words of one segment: its tokens up to the next that begins with a space, with the times of the first and the last."""
        library, context = self.library, self.context
        end_of_text = library.whisper_token_eot(context)
        said, start_s, end_s, probabilities = b"", 0.0, 0.0, []
        for number in range(library.whisper_full_n_tokens(context, segment)):
            token = library.whisper_full_get_token_data(context, segment, number)
            if token.id >= end_of_text:  # timestamps and other marks
                continue
            part = library.whisper_token_to_bytes(context, token.id)
            if said.strip() and part.startswith(b" "):
                yield _word(said, start_s, end_s, probabilities, seconds)
                said, probabilities = b"", []
            if not said.strip():
                start_s = token.t0 / 100
            said, end_s = said + part, token.t1 / 100
            probabilities.append(token.p)
        if said.strip():
            yield _word(said, start_s, end_s, probabilities, seconds)


def _word(said: bytes, start_s: float, end_s: float, probabilities: list[float], seconds: float) -> Word:
    """Times within the sound: the library's last window is padded."""
    start_s = min(start_s, seconds)
    confidence = float(np.mean(probabilities))
    return Word(said.decode("utf-8", "replace").strip(), start_s, min(max(start_s, end_s), seconds), confidence)


def _spec(size: str, number: str) -> EngineSpec:
    """`number` is a key of _BITS."""
    distilled = is_distilled(size)
    repository = f"distil-whisper/{size}-ggml" if distilled else "ggerganov/whisper.cpp"
    file = f"ggml-{size}{'' if number == 'f16' else '-' + number}.bin"
    weights_gb = PARAMETERS[size] * _BITS[number] / 8 / 1e9
    family = "Distil-Whisper" if distilled else "Whisper"
    return EngineSpec(
        id=f"whisper_cpp/{size}-{number}",
        task="asr",
        name=f"whisper.cpp {size}, {number}",
        vendor="Georgi Gerganov (open weights)",
        system=f"{family} via whisper.cpp",
        engine=WhisperCpp,
        where="local",
        model=f"{repository} {file}",
        license_code="MIT (whisper.cpp, pywhispercpp)",
        license_weights="MIT",
        languages=languages_of(size),
        summary=(
            f"{family} {size.removeprefix('distil-')} on ggml, {_BITS[number]:g} bits a weight, greedy: {spoken(size)}, with "
            "punctuation. Word times are the library's own, and experimental there."
        ),
        docs_url="https://github.com/ggml-org/whisper.cpp",
        checked_on="2026-11-20",
        honours=("language", "prompt", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("pywhispercpp",),
            downloads=(Download(repository, (file,)),),
            download_gb=round(weights_gb + 0.005, 2),
            memory_gb=round(weights_gb * 1.2 + 0.4, 1),
        ),
        parameters=PARAMETERS[size],
        tier="1",
        packages=("pywhispercpp",),
        streams=True,
        extra={"format": number},
    )


_FIVE_AND_EIGHT = {
    "tiny": "q5_1", "tiny.en": "q5_1", "base": "q5_1", "base.en": "q5_1", "small": "q5_1", "small.en": "q5_1", "medium": "q5_0",
    "medium.en": "q5_0", "large-v2": "q5_0", "large-v3-turbo": "q5_0",
}  # fmt: skip
"""Sizes that are published in 5, 8 and 16 bits, with the name of the first."""

ENGINES = [
    *(_spec(size, number) for size, five in _FIVE_AND_EIGHT.items() for number in (five, "q8_0", "f16")),
    _spec("large-v3", "q5_0"),
    _spec("large-v3", "f16"),
    _spec("large-v1", "f16"),
    _spec("distil-large-v3", "f16"),
]


def own(source: str) -> EngineSpec:
    spec = own_spec(ENGINES[0], source, files=("ggml-*.bin",))
    return dataclasses.replace(spec, extra={"format": None})
