# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "cosyvoice @ git+https://github.com/FunAudioLLM/CosyVoice.git",
#   "gradio==5.4.0",
#   "HyperPyYAML==1.2.2",
#   "modelscope==1.20.0",
#   "numpy==1.26.4",
#   "onnxruntime==1.18.0",
#   "openai-whisper==20231117",
#   "soxr",
#   "torch==2.3.1",
#   "torchaudio==2.3.1",
#   "transformers==4.51.3",
# ]
# ///
"""Text to speech with CosyVoice 2 in an environment of its own: it speaks on in a reference voice whose words are given.

Its code is in a git repository only, which a lock cannot hold by hash; nothing of this was run in the making of this app.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, Synthesize
from local_models._speech import CONSENT, CloningEngine
from local_models._torch import memory_gb


class CosyVoice(CloningEngine):
    half = "float32"
    rate = 24_000
    longest = 200
    needs_words = True

    def load(self) -> None:
        from cosyvoice.cli.cosyvoice import CosyVoice2

        self.place()
        self.model = CosyVoice2(str(weights.needed(self.spec)), load_jit=False, load_trt=False)
        self.rate = self.model.sample_rate

    def settings(self, request: Synthesize) -> dict[str, Any]:
        import torch

        sent = super().settings(request)
        self.prompt = torch.from_numpy(request.reference.mono().resample(16_000).samples.copy())  # [1, frames]
        return sent

    def speak_like(self, passage: str, heard: tuple[np.ndarray, str] | None) -> Any:
        import torch

        spoken = self.model.inference_zero_shot(passage, heard[1], self.prompt, stream=False)
        return torch.cat([piece["tts_speech"][0] for piece in spoken])


ENGINES = [
    EngineSpec(
        id="cosyvoice/2-0.5b",
        task="tts",
        name="CosyVoice2 0.5B",
        vendor="Alibaba (open weights)",
        system="CosyVoice2-0.5B",
        engine=CosyVoice,
        where="local",
        model="FunAudioLLM/CosyVoice2-0.5B",
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=("zh", "en", "ja", "ko"),
        summary="Speaks on in a reference voice whose words are given. Wants a GPU.",
        docs_url="https://github.com/FunAudioLLM/CosyVoice",
        checked_on="2026-11-20",
        honours=("reference", "reference_text"),
        requires=("reference", "reference_text"),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(Download("FunAudioLLM/CosyVoice2-0.5B", ("*.yaml", "*.pt", "*.onnx", "CosyVoice-BlankEN/*")),),
            download_gb=4.9,
            memory_gb=memory_gb(0.6e9),
            gpu_memory_gb=memory_gb(0.6e9, "bfloat16"),
        ),
        parameters=0.6e9,
        tier="1",
        packages=("cosyvoice", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        tested="",
        consent=CONSENT,
    )
]


if __name__ == "__main__":
    from engine.worker import serve

    serve()
