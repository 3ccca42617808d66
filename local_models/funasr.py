# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "funasr==1.4.16",
#   "numpy==2.3.5",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
#   "transformers==5.23.0",
# ]
# ///
"""Speech to text with FunASR on torch, in an environment of its own: Paraformer for Mandarin.

Its weights are a pickle, which torch reads as plain weights; Python code that comes with a checkpoint is never run.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine import weights
from engine.contract import Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Transcribe, Unsupported
from local_models._own import own_spec
from local_models._transcript import RATE, Heard, joined, language_code, samples_of, timed, units_of, whole_text

WINDOW_S = 30.0


class FunAsrTorch(Engine):
    def load(self) -> None:
        import torch
        from funasr import AutoModel

        folder = weights.needed(self.spec)
        missing = [name for name in ("config.yaml", "model.pt") if not (folder / name).exists()]
        if missing:
            raise NotReady(f"{self.spec.id}: {str(folder)!r} lacks {', '.join(missing)}")
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = AutoModel(
            model=str(folder), device=self.device, hub="hf", disable_update=True, disable_pbar=True, trust_remote_code=False
        )
        self._hear(np.zeros(RATE, np.float32), False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        if request.language:
            language_code(request.language, ("zh", "en"), self.spec.id)
        yield Facts(device=self.device, dtype="float32", model=self.spec.model, sent={"window_s": WINDOW_S})
        yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], request.word_times)]])

    def _hear(self, window: np.ndarray, word_times: bool) -> Heard:
        said = next(iter(self.model.generate(input=window, fs=RATE, disable_pbar=True)), {"text": ""})
        text = said["text"].strip()
        if not word_times or not text:
            return Heard(joined(units_of(text)))
        if "timestamp" not in said:
            raise Unsupported(f"{self.spec.id} has a checkpoint that gives no times of words")
        return Heard(joined(units_of(text)), timed(text, said["timestamp"], self.spec.id))


ENGINES = [
    EngineSpec(
        id="funasr/paraformer-zh",
        task="asr",
        name="Paraformer Chinese (FunASR)",
        vendor="Tongyi Fun, Alibaba (open weights)",
        system="Paraformer",
        engine=FunAsrTorch,
        where="local",
        model="funasr/paraformer-zh",
        license_code="MIT",
        license_weights="FunASR model licence",
        languages=("zh", "en"),
        summary="Mandarin with some English, all tokens at once, no punctuation; the toolkit that trained it.",
        docs_url="https://huggingface.co/funasr/paraformer-zh",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=(Download("funasr/paraformer-zh", ("model.pt", "config.yaml", "am.mvn", "tokens.json", "seg_dict")),),
            download_gb=0.9,
            memory_gb=2.0,
            gpu_memory_gb=1.5,
        ),
        parameters=220e6,
        tier="2",
        packages=("funasr", "torch", "numpy"),
        devices=("cuda", "cpu"),
        isolated=True,
    )
]


def own(source: str) -> EngineSpec:
    """A Paraformer fine-tune of FunASR at a folder or hub id: model.pt, config.yaml, am.mvn, tokens.json."""
    return own_spec(ENGINES[0], source, files=("model.pt", "config.yaml", "am.mvn", "tokens.json", "seg_dict"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
