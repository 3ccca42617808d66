# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "moonshine-voice==0.1.5",
#   "numpy==2.3.5",
#   "soxr==1.1.0",
# ]
# ///
"""Speech to text and text to speech with Moonshine's own runtime on the CPU, in an environment of its own.

It hears with quantised streaming models and speaks with Kokoro and Piper voices that its publisher prepared. The files lie one by
one at the publisher's address; the package finds them in a folder that is made of links to them.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.audio import Audio
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
    Synthesize,
    Transcribe,
    Word,
)
from local_models._long import passages
from local_models._own import own_spec
from local_models._speakable import speakable
from local_models._torch import memory_gb
from local_models._transcript import RATE, Heard, joined, language_code, samples_of, whole_text

WINDOW_S = 30.0
_FILES = (
    "streaming_config.json", "adapter.ort", "cross_kv.ort", "decoder_kv.ort", "decoder_kv_with_attention.ort", "encoder.ort",
    "frontend.model.ort", "frontend.weights.ort", "tokenizer.bin",
)  # fmt: skip
VOICES = "https://download.moonshine.ai/tts"
LONGEST = 1_000
"""Characters that are cut into utterances at once; each is spoken apart."""


class MoonshineVoice(Engine):
    def load(self) -> None:
        from moonshine_voice import ModelArch, Transcriber
        from moonshine_voice.errors import MoonshineError

        folder = weights.needed(self.spec)
        if not self.spec.own:
            folder = Path(tempfile.mkdtemp())
            for number, download in enumerate(self.spec.needs.downloads):
                (folder / Path(download.source).name).symlink_to(weights.needed(self.spec, number))
        options = {"word_timestamps": "true", "return_audio_data": "false", "identify_speakers": "false"}
        try:
            self.library = Transcriber(folder, ModelArch[self.spec.extra["architecture"]], options=options)
        except MoonshineError as error:
            raise NotReady(f"{self.spec.id}: the files of {self.spec.model!r} cannot be opened ({error})"[:300]) from None
        self._hear(np.zeros(RATE, np.float32), False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        language_code(request.language, self.spec.languages or (), self.spec.id)
        yield Facts(device="cpu", dtype="int8", model=self.spec.model, sent={"window_s": WINDOW_S})
        yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], request.word_times)]])

    def _hear(self, window: np.ndarray, word_times: bool) -> Heard:
        lines = self.library.transcribe_without_streaming(window.tolist(), RATE).lines
        words = (
            Word(word.word.strip(), word.start, word.end, min(1.0, max(0.0, word.confidence)))
            for line in lines
            for word in line.words or ()
        )
        return Heard(joined(line.text for line in lines), tuple(words) if word_times else ())


class MoonshineSpeech(Engine):
    def load(self) -> None:
        from moonshine_voice import TextToSpeech
        from moonshine_voice.errors import MoonshineError

        if self.spec.own:
            folder = weights.needed(self.spec)
            language, voice = _voice_in(folder, self.spec.id)
        else:
            folder, language, voice = Path(tempfile.mkdtemp()), self.spec.extra["language"], self.spec.model
            for number, download in enumerate(self.spec.needs.downloads):
                link = folder / download.source.removeprefix(f"{VOICES}/")
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(weights.needed(self.spec, number))
        self.library = TextToSpeech().language(language).voice(voice).models_from(folder)
        try:
            self.library.load()
        except MoonshineError as error:
            raise NotReady(f"{self.spec.id}: the files of {self.spec.model!r} cannot be opened ({error})"[:300]) from None
        self.voice = voice
        self.library.synthesize("a")  # the first call readies the networks

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        from moonshine_voice import split_say_utterances

        text, speed, spoken = speakable(request.text, self.spec.id), request.speed or 1.0, 0
        for passage in passages(text, LONGEST):
            for utterance in split_say_utterances(passage, self.library.language_tag):
                if not any(letter.isalnum() for letter in utterance):
                    continue
                samples, rate = self.library.synthesize(utterance, speed=speed)
                if samples:
                    spoken += 1
                    yield Audio(np.asarray(samples, np.float32), rate)
        if not spoken:
            raise BadInput(f"{self.spec.id} found nothing in this text that it can say aloud")
        yield Facts(device="cpu", model=self.voice, sent={"speed": speed, "utterances": spoken})


def _voice_in(folder: Path, engine_id: str) -> tuple[str, str]:
    """Language and id of the one Piper voice in a folder. Raises NotReady for none or several."""
    found = sorted(folder.glob("*/piper-voices/*.onnx.json"))
    if len(found) != 1:
        raise NotReady(f"{engine_id} wants one voice (LANGUAGE/piper-voices/NAME.onnx.json) and found {len(found)}")
    return found[0].parent.parent.name, f"piper_{found[0].name.removesuffix('.onnx.json')}"


def _model(name: str, architecture: str, parameters: float, download_gb: float) -> EngineSpec:
    address = f"https://download.moonshine.ai/model/{name}-streaming-en/quantized_26_08_21"
    return EngineSpec(
        id=f"moonshine_voice/{name}-streaming-en",
        task="asr",
        name=f"Moonshine Voice {name}",
        vendor="Moonshine AI (open weights)",
        system="Moonshine Voice runtime",
        engine=MoonshineVoice,
        where="local",
        model=f"{name}-streaming-en/quantized_26_08_21",
        license_code="MIT",
        license_weights="MIT",
        languages=("en",),
        summary="English with punctuation by the publisher's own runtime, quantised; its voice detector leaves silence out.",
        docs_url="https://github.com/moonshine-ai/moonshine",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=tuple(Download(f"{address}/{file}") for file in _FILES),
            download_gb=download_gb,
            memory_gb=download_gb + 0.4,
        ),
        parameters=parameters,
        tier="2",
        packages=("moonshine-voice", "numpy"),
        isolated=True,
        tested="loads",
        extra={"architecture": architecture},
    )


_ENGLISH = tuple(
    f"en_us/{file}" for file in ("dict_filtered_heteronyms.tsv", "g2p-config.json", "oov/model.ort", "oov/onnx-config.json")
)
_KOKORO = tuple(
    f"kokoro/{file}"
    for file in ("config.json", "prosody.model.ort", "prosody.weights.ort", "decoder.model.ort", "decoder.weights.ort")
)
_FRENCH = tuple(
    f"fr/{file}"
    for file in (
        "dict.tsv", "adj.csv", "adv.csv", "conj.csv", "det.csv", "noun.csv", "prep.csv", "pron.csv", "verb.csv",
    )
)  # fmt: skip
_PIPER = ("upstream.model.ort", "upstream.weights.ort", "generator.model.ort", "generator.weights.ort", "onnx.json")


def _speaker(voice: str, title: str, language: str, files: tuple[str, ...], license_weights: str, **own: Any) -> EngineSpec:
    """`files` are what the package itself says that the voice needs (list_tts_dependency_keys of 0.1.5); it gives no sizes."""
    return EngineSpec(
        id=f"moonshine_voice/{voice.lower().replace('_', '-', 1)}",
        task="tts",
        name=f"Moonshine Voice {title}",
        vendor="Moonshine AI (open weights)",
        system="Moonshine Voice runtime",
        engine=MoonshineSpeech,
        where="local",
        model=voice,
        license_code="MIT",
        license_weights=license_weights,
        languages=(language.partition("_")[0],),
        docs_url="https://github.com/moonshine-ai/moonshine",
        checked_on="2026-11-29",
        honours=("speed",),
        limits=Limits(characters=50_000),
        needs=Needs(downloads=tuple(Download(f"{VOICES}/{file}") for file in files), memory_gb=memory_gb(own["parameters"])),
        tier="2",
        packages=("moonshine-voice", "numpy"),
        isolated=True,
        extra={"language": language},
        **own,
    )


def _piper(name: str, title: str, language: str, files: tuple[str, ...], license_weights: str, summary: str) -> EngineSpec:
    return _speaker(
        f"piper_{name}", title, language, files + tuple(f"{language}/piper-voices/{name}.{part}" for part in _PIPER),
        license_weights, summary=summary, parameters=15.7e6, streams=True,
    )  # fmt: skip


ENGINES = [
    _model("tiny", "TINY_STREAMING", 34e6, 0.08),
    _model("small", "SMALL_STREAMING", 110e6, 0.22),
    _model("medium", "MEDIUM_STREAMING", 245e6, 0.42),
    _speaker(
        "kokoro_af_heart", "Kokoro Heart (US English)", "en_us", (*_ENGLISH, *_KOKORO, "kokoro/voices/af_heart.kokorovoice"),
        "Apache-2.0", parameters=82e6, streams=True, tested="loads",
        summary="Kokoro's American female voice in the publisher's own runtime, an utterance at a time, at 24 kHz.",
    ),
    _piper(
        "en_US-lessac-medium", "Piper Lessac (US English)", "en_us", _ENGLISH, "Blizzard Challenge 2013 terms: research only",
        "Piper's American female voice in Moonshine's runtime, which raises it to 24 kHz.",
    ),
    _piper(
        "de_DE-thorsten-medium", "Piper Thorsten (German)", "de", ("de/dict.tsv",), "CC0-1.0",
        "Piper's German male voice in Moonshine's runtime, which raises it to 24 kHz.",
    ),
    _piper(
        "fr_FR-siwis-medium", "Piper SIWIS (French)", "fr", _FRENCH, "CC-BY-4.0",
        "Piper's French female voice in Moonshine's runtime, which raises it to 24 kHz.",
    ),
]  # fmt: skip

OWN_VARIANTS = {"": "writes down what is said", "tts": "speaks"}


def own(source: str, variant: str = "") -> EngineSpec:
    """A folder as the package's own download makes it: of a small streaming model, or with one of its Piper voices."""
    template = "piper-en_us-lessac-medium" if variant else "small-streaming-en"
    spec = own_spec(next(each for each in ENGINES if each.id.endswith(template)), source, variant=variant)
    return dataclasses.replace(spec, needs=dataclasses.replace(spec.needs, downloads=spec.needs.downloads[:1]))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
