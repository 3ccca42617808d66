# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "cosyvoice2-eu==0.2.8",
#   "numpy==1.26.0",
#   "onnxruntime==1.18.0",
#   "setuptools<81",
#   "soxr==1.1.0",
#   "torch==2.7.1",
#   "torchaudio==2.7.1",
#   "transformers==4.40.1",
# ]
#
# [tool.uv]
# override-dependencies = [
#   "deepspeed ; sys_platform == 'never'",
#   "onnxruntime-gpu ; sys_platform == 'never'",
#   "piper-phonemize ; sys_platform == 'never'",
# ]
# ///
"""Text to speech with CosyVoice 2 in an environment of its own: it speaks on in a reference voice whose words are given.

The publisher's repository is no Python package. `cosyvoice2-eu` carries its code, changed by a third party so that it also reads
French and German; here it runs the publisher's own weights.
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
        import torch

        self.place()
        if self.device == "cpu":  # the package looks for itself
            torch.cuda.is_available = lambda: False
        from cosyvoice.cli.cosyvoice import CosyVoice2

        # "final" means llm.pt, flow.pt and hift.pt, as the publisher calls them; "blanken" is the text model among the weights.
        self.model = CosyVoice2(str(weights.needed(self.spec)), final=True, backbone="blanken")
        self.rate = self.model.sample_rate

    def settings(self, request: Synthesize) -> dict[str, Any]:
        import torch

        sent = super().settings(request)
        self.prompt = torch.from_numpy(request.reference.mono().resample(16_000).samples.copy())  # [1, frames]
        return sent

    def speak_like(self, passage: str, heard: tuple[np.ndarray, str] | None) -> Any:
        import torch

        spoken = [
            piece["tts_speech"][0] for piece in self.model.inference_zero_shot(passage, heard[1], self.prompt, stream=False)
        ]
        return torch.cat(spoken) if spoken else None


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
        license_code="Apache-2.0 (cosyvoice2-eu)",
        license_weights="Apache-2.0",
        languages=("zh", "en", "ja", "ko"),
        summary="Speaks on in a reference voice whose words are given. Code through a third party's package. Wants a GPU.",
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
        packages=("cosyvoice2-eu", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        tested="runs",
        # The settings among the weights are YAML that names the Python to call.
        remote_code=True,
        consent=CONSENT,
    )
]


if __name__ == "__main__":
    from engine.worker import serve

    serve()
