# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "funasr-onnx==0.4.3",
#   "librosa==0.11.0",
#   "numpy==2.3.5",
#   "onnxruntime==1.31.1",
#   "soxr==1.1.0",
# ]
#
# [tool.uv]
# override-dependencies = ["numpy==2.3.5"]
# ///
"""Speech to text with FunASR's own ONNX runtime, in an environment of its own: Paraformer for Mandarin on the CPU.

Its package declares numpy 1; it runs on numpy 2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine import weights
from engine.contract import Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Transcribe, Unsupported
from local_models._own import own_spec
from local_models._transcript import RATE, Heard, joined, language_code, samples_of, timed, units_of, whole_text

WINDOW_S = 30.0
THREADS = 2


class FunAsrOnnx(Engine):
    def load(self) -> None:
        from funasr_onnx import Paraformer

        folder = weights.needed(self.spec)
        self.quantised = (folder / "model_quant.onnx").exists()
        # Without it the package would go looking for torch and export a model.
        missing = [
            name
            for name in ("model_quant.onnx" if self.quantised else "model.onnx", "config.yaml", "am.mvn", "tokens.json")
            if not (folder / name).exists()
        ]
        if missing:
            raise NotReady(f"{self.spec.id}: {str(folder)!r} lacks {', '.join(missing)}")
        self.model = Paraformer(folder, quantize=self.quantised, intra_op_num_threads=THREADS)
        self._hear(np.zeros(RATE, np.float32), False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        if request.language:
            language_code(request.language, ("zh", "en"), self.spec.id)
        dtype = "int8" if self.quantised else "float32"
        yield Facts(device="cpu", dtype=dtype, model=self.spec.model, threads=THREADS, sent={"window_s": WINDOW_S})
        yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], request.word_times)]])

    def _hear(self, window: np.ndarray, word_times: bool) -> Heard:
        said = next(iter(self.model(window)), {"preds": ""})
        text = said["preds"] if isinstance(said["preds"], str) else said["preds"][0]
        if not word_times:
            return Heard(joined(units_of(text)))
        if "timestamp" not in said:
            if not text.strip():
                return Heard("")
            raise Unsupported(f"{self.spec.id} has a checkpoint that gives no times of words")
        return Heard(joined(units_of(text)), timed(text, said["timestamp"], self.spec.id))


ENGINES = [
    EngineSpec(
        id="funasr_onnx/paraformer-zh",
        task="asr",
        name="Paraformer Chinese (funasr-onnx)",
        vendor="Tongyi Fun, Alibaba (open weights)",
        system="Paraformer (ONNX)",
        engine=FunAsrOnnx,
        where="local",
        model="funasr/paraformer-zh-onnx",
        license_code="MIT",
        license_weights="FunASR model licence",
        languages=("zh", "en"),
        summary="Mandarin with some English, all tokens at once, no punctuation; FunASR's own ONNX runtime.",
        docs_url="https://github.com/modelscope/FunASR",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=(Download("funasr/paraformer-zh-onnx", ("model_quant.onnx", "config.yaml", "am.mvn", "tokens.json")),),
            download_gb=0.24,
            memory_gb=1.0,
        ),
        parameters=220e6,
        tier="2",
        packages=("funasr-onnx", "onnxruntime", "numpy"),
        isolated=True,
    )
]


def own(source: str) -> EngineSpec:
    """A Paraformer that FunASR exported to ONNX, at a folder or hub id: model(_quant).onnx, config.yaml, am.mvn, tokens.json."""
    return own_spec(ENGINES[0], source, files=("*.onnx", "config.yaml", "am.mvn", "tokens.json"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
