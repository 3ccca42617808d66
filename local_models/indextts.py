# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = [
#   "accelerate==1.8.1",
#   "indextts @ git+https://github.com/index-tts/index-tts.git@v2.0.0",
#   "numpy==2.2.6",
#   "soxr",
#   "torch==2.8.0",
#   "torchaudio==2.8.0",
#   "transformers==4.52.1",
# ]
# ///
"""Text to speech with IndexTTS-2 in an environment of its own: Chinese and English in a reference voice.

Its code is in a git repository only, which a lock cannot hold by hash. This was written against that source and never run.
"""

from __future__ import annotations

import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, Synthesize
from local_models._speech import CONSENT, CloningEngine
from local_models._torch import memory_gb


def written(samples: np.ndarray, rate: int) -> str:
    """The path of a 16-bit WAV of `samples` [frames]; the package reads voices from files."""
    path = Path(tempfile.mkdtemp()) / "reference.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return str(path)


class IndexTTS(CloningEngine):
    half = "float32"
    rate = 22_050
    longest = 300
    longest_s = 15.0  # the package cuts what is longer

    def load(self) -> None:
        # Read before the package points the hub's cache at a folder of its own, where nothing lies.
        import huggingface_hub.constants  # noqa: F401
        from indextts.infer_v2 import IndexTTS2

        self.place()
        folder = weights.needed(self.spec)
        self.model = IndexTTS2(cfg_path=str(folder / "config.yaml"), model_dir=str(folder), device=self.device)

    def settings(self, request: Synthesize) -> dict[str, Any]:
        sent = super().settings(request)
        self.voice = written(self.heard[0], self.rate)
        return sent

    def speak_like(self, passage: str, heard: tuple[np.ndarray, str] | None) -> Any:
        import torch

        rate, samples = self.model.infer(self.voice, passage, None)  # int16 [frames, 1]
        self.rate = rate
        return torch.from_numpy(samples.reshape(-1).astype(np.float32) / 32_768)


ENGINES = [
    EngineSpec(
        id="indextts/2",
        task="tts",
        name="IndexTTS-2",
        vendor="Bilibili",
        system="IndexTTS-2",
        engine=IndexTTS,
        where="local",
        model="IndexTeam/IndexTTS-2",
        license_code="Bilibili IndexTTS licence",
        license_weights="Bilibili model licence",
        languages=("zh", "en"),
        summary="Chinese and English in a reference voice. Its package is in a git repository only; never run here. Wants a GPU.",
        docs_url="https://github.com/index-tts/index-tts",
        checked_on="2026-11-20",
        honours=("reference",),
        requires=("reference",),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(
                Download("IndexTeam/IndexTTS-2", ("*",)),
                Download("facebook/w2v-bert-2.0", ("*.json", "model.safetensors")),
                Download("amphion/MaskGCT", ("semantic_codec/model.safetensors",)),
                Download("funasr/campplus", ("campplus_cn_common.bin",)),
                Download("nvidia/bigvgan_v2_22khz_80band_256x", ("config.json", "bigvgan_generator.pt")),
            ),
            download_gb=9.0,
            memory_gb=memory_gb(1.5e9),
            gpu_memory_gb=memory_gb(1.5e9, "bfloat16"),
        ),
        parameters=1.5e9,
        tier="2",
        packages=("indextts", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        tested="",
        consent=f"The weights are under Bilibili's own model licence. {CONSENT}",
    )
]


if __name__ == "__main__":
    from engine.worker import serve

    serve()
