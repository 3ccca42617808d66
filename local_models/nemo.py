# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "nemo_toolkit[asr]==3.0.0",
#   "numpy==2.3.5",
#   "soxr==1.1.0",
#   "torch==2.13.0",
#   "transformers==5.23.0",
# ]
# ///
"""Speech to text with NVIDIA's own toolkit, NeMo, in an environment of its own: what its .nemo files were made for.

The same weights run in the app by shorter routes (parakeet, onnx_asr); this one is for comparing them and for .nemo fine-tunes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Transcribe, Unsupported, Word
from local_models._own import own_spec
from local_models._transcript import RATE, Heard, language_code, samples_of, whole_text

WINDOW_S = 60.0


class Nemo(Engine):
    def load(self) -> None:
        import torch
        from nemo.collections.asr.models import ASRModel
        from nemo.utils import logging

        logging.setLevel(logging.ERROR)
        folder = weights.needed(self.spec)
        files = [folder] if folder.is_file() else sorted(folder.rglob("*.nemo"))
        if not files:
            raise NotReady(f"{self.spec.id}: {str(folder)!r} holds no .nemo file")
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = ASRModel.restore_from(str(files[0]), map_location=self.device).eval()
        self._hear(np.zeros(RATE, np.float32), False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        if request.language and (self.spec.languages is None or len(self.spec.languages) > 1):
            raise Unsupported(f"{self.spec.id} detects the language: leave it empty")
        language_code(request.language, self.spec.languages or (), self.spec.id)
        yield Facts(device=self.device, dtype="float32", model=self.spec.model, sent={"window_s": WINDOW_S})
        yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], request.word_times)]])

    def _hear(self, window: np.ndarray, word_times: bool) -> Heard:
        (said,) = self.model.transcribe([window], batch_size=1, timestamps=word_times or None, verbose=False)
        if not word_times:
            return Heard(said.text.strip())
        words = said.timestamp["word"]
        return Heard(said.text.strip(), tuple(Word(each["word"], float(each["start"]), float(each["end"])) for each in words))


_EUROPEAN = (
    "bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu", "it", "lv", "lt", "mt", "pl", "pt", "ro", "ru", "sk",
    "sl", "es", "sv", "uk",
)  # fmt: skip


def _model(name: str, title: str, languages: tuple[str, ...], honours: tuple[str, ...], summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"nemo/{name}",
        task="asr",
        name=f"{title} (NeMo)",
        vendor="NVIDIA (open weights)",
        system="Parakeet via NeMo",
        engine=Nemo,
        where="local",
        model=f"nvidia/{name}",
        license_code="Apache-2.0 (NeMo)",
        license_weights="CC-BY-4.0",
        languages=languages,
        summary=summary,
        docs_url=f"https://huggingface.co/nvidia/{name}",
        checked_on="2026-11-20",
        honours=honours,
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=(Download(f"nvidia/{name}", (f"{name}.nemo",)),), download_gb=2.5, memory_gb=6.0, gpu_memory_gb=4.0
        ),
        parameters=627e6,
        tier="2",
        packages=("nemo_toolkit", "torch", "numpy"),
        devices=("cuda", "cpu"),
        isolated=True,
        tested="loads",
    )


ENGINES = [
    _model(
        "parakeet-tdt-0.6b-v3", "Parakeet TDT 0.6B v3", _EUROPEAN, ("word_times",), "25 European languages, with punctuation."
    ),
    _model("parakeet-tdt-0.6b-v2", "Parakeet TDT 0.6B v2", ("en",), ("language", "word_times"), "English with punctuation."),
]


def own(source: str) -> EngineSpec:
    """A .nemo file's folder on this machine, or the hub repository that holds one."""
    return own_spec(ENGINES[0], source, files=() if Path(source).is_dir() else ("*.nemo",))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
