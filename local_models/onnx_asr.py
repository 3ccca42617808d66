"""Speech to text with the package onnx-asr: Parakeet, Canary, GigaAM, Whisper and others as ONNX files on the CPU, no torch.

Greedy. Sound longer than a window is cut at pauses; a model without token times refuses word times.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import BadInput, Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Transcribe, Unsupported
from local_models._own import own_spec
from local_models._transcript import RATE, Heard, language_code, samples_of, whole_text, words_of

WINDOW_S = 30.0


class OnnxAsr(Engine):
    def load(self) -> None:
        from onnx_asr.loader import Manager
        from onnx_asr.utils import ModelLoadingError

        folder = weights.needed(self.spec)
        kind = None if self.spec.own else self.spec.model
        self.quantization = _quantization(folder) if self.spec.own else self.spec.extra["quantization"]
        try:
            manager = Manager(providers=["CPUExecutionProvider"])
            self.model = manager.create_asr(kind, folder, quantization=self.quantization, offline=True).with_timestamps()
        except (ModelLoadingError, FileNotFoundError, KeyError) as error:
            raise NotReady(f"{self.spec.id}: the files in {str(folder)!r} are no model of onnx-asr ({error})"[:300]) from None
        self._hear(np.zeros(RATE, np.float32), {})

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        settings = self._settings(request)
        if request.word_times and not self._times():
            raise Unsupported(f"{self.spec.id} gives no times of words")
        sent = settings | {"quantization": self.quantization or "none", "window_s": WINDOW_S}
        unasked = "Heard as English: this model must be told the language."
        notice = unasked if self._is("NemoConformerAED") and not settings else None
        yield Facts(device="cpu", dtype=self.quantization or "float32", model=self.spec.model, sent=sent, notice=notice)
        yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], settings, request.word_times)]])

    def _is(self, *names: str) -> bool:
        return any(kind.__name__ in names for kind in type(self.model.asr).__mro__)

    def _times(self) -> bool:
        return not self._is("NemoConformerAED", "_Whisper")

    def _settings(self, request: Transcribe) -> dict[str, str]:
        """What the recogniser is told. Raises Unsupported for a language that it does not have."""
        if not self._is("NemoConformerAED", "_Whisper"):
            if request.language and self.spec.languages is None:
                raise Unsupported(f"{self.spec.id} takes no language: leave it empty")
            language_code(request.language, self.spec.languages or (), self.spec.id)
            return {}
        marks = [mark[2:-2] for mark in self.model.asr._tokens if mark.startswith("<|")]
        known = [code for code in marks if code in _EUROPEAN or (self._is("_Whisper") and len(code) in (2, 3))]
        code = language_code(request.language, known, self.spec.id)
        return {"language": code} if code else {}

    def _hear(self, window: np.ndarray, settings: dict[str, str], word_times: bool = False) -> Heard:
        result = self.model.recognize(window, sample_rate=RATE, **settings)
        if not word_times or not result.tokens:
            return Heard(result.text.strip(), language=settings.get("language"))
        starts = result.timestamps
        frame_s = self.model.asr.window_step * self.model.asr._subsampling_factor
        ends = [*starts[1:], starts[-1] + frame_s]
        # A token is known by its first frame; it lasts until the next one, yet no word stretches over a pause.
        tokens = zip(
            result.tokens, starts, (min(end, start + 4 * frame_s) for start, end in zip(starts, ends, strict=True)), strict=True
        )
        return Heard(result.text.strip(), words_of(tokens), settings.get("language"))


def _quantization(folder: Path) -> str | None:
    """int8 where a folder has nothing else."""
    names = [path.stem for path in folder.rglob("*.onnx")]
    if not names:
        raise BadInput(f"{str(folder)!r} holds no .onnx file")
    return "int8" if all(name.endswith("int8") for name in names) else None


_NEMO = ("config.json", "vocab.txt")
_PAIR = ("encoder-model.int8.onnx", "decoder_joint-model.int8.onnx")
_EUROPEAN = (
    "bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu", "it", "lv", "lt", "mt", "pl", "pt", "ro", "ru", "sk",
    "sl", "es", "sv", "uk",
)  # fmt: skip


def _model(
    name: str,
    title: str,
    key: str,
    repository: str,
    files: tuple[str, ...],
    parameters: float,
    *,
    quantization: str | None = "int8",
    system: str,
    vendor: str = "NVIDIA (open weights), istupakov (ONNX)",
    weights_license: str | None = "CC-BY-4.0",
    languages: tuple[str, ...] = ("en",),
    honours: tuple[str, ...] = ("language", "word_times"),
    summary: str,
) -> EngineSpec:
    size_gb = parameters * (1.05e-9 if quantization else 4e-9)
    return EngineSpec(
        id=f"onnx_asr/{name}",
        task="asr",
        name=title,
        vendor=vendor,
        system=system,
        engine=OnnxAsr,
        where="local",
        model=key,
        license_code="MIT (onnx-asr)",
        license_weights=weights_license,
        languages=languages,
        summary=summary,
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        honours=honours,
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("onnx_asr", "onnxruntime"),
            downloads=(Download(repository, files),),
            download_gb=round(size_gb, 2),
            memory_gb=round(size_gb * 1.5 + 0.4, 1),
        ),
        parameters=parameters,
        tier="2",
        packages=("onnx-asr", "onnxruntime"),
        tested="runs" if key.startswith("nemo-parakeet-ctc") else "loads",
        extra={"quantization": quantization},
    )


ENGINES = [
    _model(
        "parakeet-tdt-0.6b-v3-int8", "Parakeet TDT 0.6B v3 (ONNX int8)", "nemo-parakeet-tdt-0.6b-v3",
        "istupakov/parakeet-tdt-0.6b-v3-onnx", (*_NEMO, *_PAIR), 627e6, system="Parakeet TDT (ONNX)", languages=_EUROPEAN,
        honours=("word_times",), summary="25 European languages, detected by itself, with punctuation: quick on a CPU.",
    ),
    _model(
        "parakeet-tdt-0.6b-v3", "Parakeet TDT 0.6B v3 (ONNX)", "nemo-parakeet-tdt-0.6b-v3",
        "istupakov/parakeet-tdt-0.6b-v3-onnx", (*_NEMO, "encoder-model.onnx*", "decoder_joint-model.onnx"), 627e6,
        quantization=None, system="Parakeet TDT (ONNX)", languages=_EUROPEAN, honours=("word_times",),
        summary="The unquantised weights: 25 European languages, with punctuation.",
    ),
    _model(
        "parakeet-tdt-0.6b-v2-int8", "Parakeet TDT 0.6B v2 (ONNX int8)", "nemo-parakeet-tdt-0.6b-v2",
        "istupakov/parakeet-tdt-0.6b-v2-onnx", (*_NEMO, *_PAIR), 618e6, system="Parakeet TDT v2 (ONNX)",
        summary="English with punctuation: quick on a CPU.",
    ),
    _model(
        "parakeet-ctc-0.6b-int8", "Parakeet CTC 0.6B (ONNX int8)", "nemo-parakeet-ctc-0.6b",
        "istupakov/parakeet-ctc-0.6b-onnx", (*_NEMO, "model.int8.onnx"), 600e6, system="Parakeet CTC (ONNX)",
        summary="English in lower case without punctuation, all tokens at once.",
    ),
    _model(
        "parakeet-rnnt-0.6b-int8", "Parakeet RNN-T 0.6B (ONNX int8)", "nemo-parakeet-rnnt-0.6b",
        "istupakov/parakeet-rnnt-0.6b-onnx", (*_NEMO, *_PAIR), 600e6, system="Parakeet RNN-T (ONNX)",
        summary="English in lower case without punctuation, token after token.",
    ),
    _model(
        "canary-1b-v2-int8", "Canary 1B v2 (ONNX int8)", "nemo-canary-1b-v2", "istupakov/canary-1b-v2-onnx",
        (*_NEMO, "encoder-model.int8.onnx", "decoder-model.int8.onnx"), 978e6, system="Canary (ONNX)", languages=_EUROPEAN,
        honours=("language",), summary="25 European languages with punctuation; the language must be chosen, English otherwise.",
    ),
    _model(
        "gigaam-v3-e2e-ctc-int8", "GigaAM v3 CTC (ONNX int8)", "gigaam-v3-e2e-ctc", "istupakov/gigaam-v3-onnx",
        ("config.json", "v3_e2e_ctc.int8.onnx", "v3_e2e_ctc_vocab.txt"), 220e6, system="GigaAM (ONNX)", languages=("ru",),
        vendor="Sber (open weights), istupakov (ONNX)", weights_license="MIT", summary="Russian with punctuation and numbers.",
    ),
    _model(
        "gigaam-v3-e2e-rnnt-int8", "GigaAM v3 RNN-T (ONNX int8)", "gigaam-v3-e2e-rnnt", "istupakov/gigaam-v3-onnx",
        ("config.json", *(f"v3_e2e_rnnt_{part}.int8.onnx" for part in ("encoder", "decoder", "joint")), "v3_e2e_rnnt_vocab.txt"),
        220e6, system="GigaAM RNN-T (ONNX)", languages=("ru",), vendor="Sber (open weights), istupakov (ONNX)",
        weights_license="MIT", summary="Russian with punctuation and numbers, token after token.",
    ),
    _model(
        "vosk-model-small-ru", "Vosk small Russian (ONNX)", "alphacep/vosk-model-small-ru", "alphacep/vosk-model-small-ru",
        ("*/encoder.onnx", "*/decoder.onnx", "*/joiner.onnx", "*/tokens.txt"), 26e6, quantization=None,
        system="Vosk Zipformer (ONNX)", languages=("ru",), vendor="Alpha Cephei", weights_license="Apache-2.0",
        summary="Russian on small devices: lower case, no punctuation.",
    ),
    _model(
        "t-one", "T-one (ONNX)", "t-tech/t-one", "t-tech/T-one", ("config.json", "model.onnx"), 71e6, quantization=None,
        system="T-one (ONNX)", languages=("ru",), vendor="T-Tech", weights_license="Apache-2.0",
        summary="Russian telephone speech at 8 kHz: lower case, no punctuation.",
    ),
    _model(
        "whisper-base-int8", "Whisper base (ONNX int8)", "whisper-base", "istupakov/whisper-base-onnx",
        ("config.json", "vocab.json", "added_tokens.json", "whisper-base_beamsearch.int8.onnx"), 74e6, system="Whisper (ONNX)",
        languages=("*",), honours=("language",), vendor="OpenAI (open weights), istupakov (ONNX)",
        weights_license="Apache-2.0 on the hub, MIT in OpenAI's repository",
        summary="Whisper base with beam search, 99 languages.",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A model that onnx-asr can open, at a folder or hub id: .onnx files, a vocabulary, and config.json with its "model_type"."""
    return own_spec(ENGINES[0], source, files=("config.json", "*.onnx*", "*vocab*"))
