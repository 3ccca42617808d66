"""Speech to text with sherpa-onnx on the CPU, no torch: Paraformer and SenseVoice for Chinese, Zipformer for English.

A streaming Zipformer hears the sound in pieces of a third of a second; the others hear windows that are cut at pauses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Text, Transcribe
from local_models._own import own_spec
from local_models._transcript import RATE, Growing, Heard, language_code, samples_of, whole_text, words_of

WINDOW_S = 30.0
CHUNK_S = 0.32
THREADS = 2
_FRAME_S = 0.06
"""Length of the last token, which no other one ends: a frame of Paraformer and SenseVoice."""
_ENDING_S = 0.8
"""Silence after a streamed sound: the last words come out of a Zipformer only when its window is full."""
_SENSE_VOICE = ("zh", "en", "ja", "ko", "yue")


class Sherpa(Engine):
    def load(self) -> None:
        folder = weights.needed(self.spec)
        self.kind: str = self.spec.extra["kind"]
        if self.spec.own:
            self.kind = _kind_of(self.spec, folder)
        self.folder, self.language = folder, ""
        self.recognizer = self._open("")
        if self.kind != "zipformer-streaming":
            self._hear(np.zeros(RATE, np.float32), False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        known = _SENSE_VOICE if self.kind == "sense-voice" else self.spec.languages or ()
        language = language_code(request.language, known, self.spec.id) or ""
        if self.kind == "sense-voice" and language != self.language:
            self.recognizer, self.language = self._open(language), language
        streaming = self.kind == "zipformer-streaming"
        sent = {"kind": self.kind, "language": language or "auto"} | ({} if streaming else {"window_s": WINDOW_S})
        yield Facts(device="cpu", dtype=self.spec.extra["dtype"], model=self.spec.model, threads=THREADS, sent=sent)
        if streaming:
            yield from self._stream(samples, request.word_times)
        else:
            yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], request.word_times)]])

    def _file(self, *patterns: str) -> str:
        """The first file that any of the patterns finds, quantised ones before others."""
        for pattern in patterns:
            if found := sorted(self.folder.rglob(pattern)):
                return str(found[-1])
        raise NotReady(f"{self.spec.id}: {str(self.folder)!r} holds no file like {patterns[-1]!r}")

    def _open(self, language: str) -> Any:
        from sherpa_onnx import OfflineRecognizer, OnlineRecognizer

        how = {"tokens": self._file("tokens.txt"), "num_threads": THREADS}
        if self.kind == "paraformer":
            return OfflineRecognizer.from_paraformer(self._file("model.int8.onnx", "model.onnx"), **how)
        if self.kind == "sense-voice":
            model = self._file("model.int8.onnx", "model.onnx")
            return OfflineRecognizer.from_sense_voice(model, language=language, use_itn=True, **how)
        parts = {
            "encoder": self._file("encoder*.int8.onnx", "encoder*.onnx"),
            "decoder": self._file("decoder*[0-9rt].onnx", "decoder*.onnx"),
            "joiner": self._file("joiner*.int8.onnx", "joiner*.onnx"),
        }
        if self.kind == "zipformer-streaming":
            return OnlineRecognizer.from_transducer(**parts, **how)
        return OfflineRecognizer.from_transducer(**parts, **how)

    def _hear(self, window: np.ndarray, word_times: bool) -> Heard:
        stream = self.recognizer.create_stream()
        stream.accept_waveform(RATE, window)
        self.recognizer.decode_stream(stream)
        result = stream.result
        words = words_of(_timed(result.tokens, result.timestamps)) if word_times else ()
        return Heard(result.text.strip(), words, result.lang.strip("<|>") or None)

    def _stream(self, samples: np.ndarray, word_times: bool) -> Iterator[Text]:
        stream, growing = self.recognizer.create_stream(), Growing()
        step = int(CHUNK_S * RATE)
        for first in range(0, len(samples), step):
            stream.accept_waveform(RATE, samples[first : first + step])
            self._decode(stream)
            yield from growing.news(self.recognizer.get_result(stream))
        stream.accept_waveform(RATE, np.zeros(int(_ENDING_S * RATE), np.float32))
        stream.input_finished()
        self._decode(stream)
        result = self.recognizer.get_result_all(stream)
        words = words_of(_timed(result.tokens, result.timestamps)) if word_times else ()
        yield Text(result.text.strip(), words=words)

    def _decode(self, stream: Any) -> None:
        while self.recognizer.is_ready(stream):
            self.recognizer.decode_stream(stream)


def _timed(tokens: list[str], starts: list[float]) -> Iterator[tuple[str, float, float]]:
    """Tokens with times, a blank before those that begin a word; Paraformer marks what goes on with "@@" at the end instead."""
    goes_on = any(token.endswith("@@") for token in tokens)
    before = ""
    for number, (token, start_s) in enumerate(zip(tokens, starts, strict=False)):
        end_s = starts[number + 1] if number + 1 < len(starts) else start_s + _FRAME_S
        begins = goes_on and not before.endswith("@@") and token.isascii()
        before = token
        yield (" " if begins else "") + token.removesuffix("@@").replace("\u2581", " "), start_s, end_s


def _kind_of(spec: EngineSpec, folder: Path) -> str:
    """What a person's own folder holds, from its "soundcheck.json" ({"kind": ...}) or its files."""
    stated = folder / "soundcheck.json"
    if stated.exists():
        kind = json.loads(stated.read_text()).get("kind")
        if kind in KINDS:
            return kind
        raise NotReady(f"{spec.id}: the kind {kind!r} in soundcheck.json is none of {', '.join(KINDS)}")
    if any(folder.rglob("joiner*.onnx")):
        return "zipformer-streaming" if any(folder.rglob("*chunk*.onnx")) else "zipformer"
    raise NotReady(f'{spec.id}: put a soundcheck.json with {{"kind": ...}} beside the files: {", ".join(KINDS)}')


KINDS = ("paraformer", "sense-voice", "zipformer", "zipformer-streaming")


def _model(
    name: str, kind: str, title: str, system: str, repository: str, files: tuple[str, ...], parameters: float, download_gb: float,
    *, vendor: str, weights_license: str | None, languages: tuple[str, ...], tier: str = "2", summary: str,
) -> EngineSpec:  # fmt: skip
    return EngineSpec(
        id=f"sherpa/{name}",
        task="asr",
        name=title,
        vendor=vendor,
        system=system,
        engine=Sherpa,
        where="local",
        model=repository,
        license_code="Apache-2.0 (sherpa-onnx)",
        license_weights=weights_license,
        languages=languages,
        summary=summary,
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("sherpa_onnx",),
            downloads=(Download(repository, files),),
            download_gb=download_gb,
            memory_gb=round(download_gb * 2 + 0.3, 1),
        ),
        parameters=parameters,
        tier=tier,
        packages=("sherpa-onnx",),
        streams=kind == "zipformer-streaming",
        tested="runs" if kind == "paraformer" else "loads",
        extra={"kind": kind, "dtype": "int8"},
    )


_INT8 = ("tokens.txt", "encoder-*.int8.onnx", "decoder-*.onnx", "joiner-*.int8.onnx")
ENGINES = [
    _model(
        "paraformer-zh-int8", "paraformer", "Paraformer Chinese (sherpa-onnx)", "Paraformer via sherpa-onnx",
        "csukuangfj/sherpa-onnx-paraformer-zh-2023-09-14", ("model.int8.onnx", "tokens.txt"), 220e6, 0.24,
        vendor="Tongyi Fun, Alibaba (open weights), k2-fsa (ONNX)", weights_license="FunASR model licence",
        languages=("zh", "en"), summary="Mandarin with some English, all tokens at once, no punctuation.",
    ),
    _model(
        "sense-voice-int8", "sense-voice", "SenseVoice small (sherpa-onnx)", "SenseVoice via sherpa-onnx",
        "csukuangfj/sherpa-onnx-sense-voice-zh-en-ja-ko-yue-2024-07-17", ("model.int8.onnx", "tokens.txt"), 234e6, 0.24,
        vendor="Tongyi Fun, Alibaba (open weights), k2-fsa (ONNX)", weights_license="FunASR model licence",
        languages=_SENSE_VOICE,
        summary="Chinese, Cantonese, English, Japanese and Korean with punctuation, detected by itself.",
    ),
    _model(
        "zipformer-gigaspeech-int8", "zipformer", "Zipformer GigaSpeech (sherpa-onnx)", "Zipformer via sherpa-onnx",
        "k2-fsa/sherpa-onnx-zipformer-gigaspeech-2023-12-12", _INT8, 65.5e6, 0.07,
        vendor="k2-fsa", weights_license="Apache-2.0", languages=("en",), summary="English in capitals, no punctuation: small.",
    ),
    _model(
        "zipformer-streaming-en-int8", "zipformer-streaming", "Streaming Zipformer English (sherpa-onnx)",
        "Streaming Zipformer via sherpa-onnx", "csukuangfj/sherpa-onnx-streaming-zipformer-en-2023-06-26", _INT8, 65.5e6, 0.07,
        vendor="k2-fsa", weights_license="Apache-2.0", languages=("en",),
        summary="English in capitals, no punctuation; words come while the sound is still being read.",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A model of sherpa-onnx at a folder or hub id: a Zipformer, or what its soundcheck.json calls one of KINDS."""
    return own_spec(ENGINES[0], source, files=("tokens.txt", "*.onnx", "*.json"))
