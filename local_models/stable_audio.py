"""Stereo sound and music from a description with Stable Audio Open 1.0 through diffusers; 100 denoising steps, its default.

The model always writes its whole window of 47 s and is told how much of it to fill, so short pieces take as long as long ones.
"""

from __future__ import annotations

import math
from typing import Any

from engine.contract import Download, EngineSpec, Needs
from local_models._diffusion import DiffusionEngine
from local_models._own import own_spec
from local_models._torch import memory_gb

PARTS = ("model_index.json", *(f"{part}/*" for part in (
    "projection_model", "scheduler", "text_encoder", "tokenizer", "transformer", "vae",
)))  # fmt: skip
"""The pipeline's files; the repository holds the same weights twice more for the publisher's own library."""


class StableAudio(DiffusionEngine):
    longest_s, length_name, steps = 47.0, "audio_end_in_s", 100

    def pipeline(self, how: dict[str, Any]) -> Any:
        from diffusers import StableAudioPipeline

        pipe = self.pretrained(StableAudioPipeline, weights_too=False, **how)
        window_s = pipe.transformer.config.sample_size * pipe.vae.hop_length / pipe.vae.config.sampling_rate
        self.longest_s = math.floor(10 * min(self.longest_s, window_s)) / 10
        return pipe

    def rate(self) -> int:
        return self.pipe.vae.config.sampling_rate


ENGINES = [
    EngineSpec(
        id="stable_audio/open-1.0",
        task="music",
        name="Stable Audio Open 1.0",
        vendor="Stability AI (open weights)",
        system="Stable Audio Open",
        engine=StableAudio,
        where="local",
        model="stabilityai/stable-audio-open-1.0",
        license_code="Apache-2.0 (diffusers)",
        license_weights="Stability AI Community",
        languages=("en",),
        summary="Latent diffusion in stereo at 44.1 kHz, up to 47 s: effects, loops, ambience. Weak at melody and voices.",
        docs_url="https://huggingface.co/stabilityai/stable-audio-open-1.0",
        checked_on="2026-11-20",
        honours=("duration_s", "seed"),
        needs=Needs(
            packages=("torch", "diffusers", "transformers", "torchsde"),
            downloads=(Download("stabilityai/stable-audio-open-1.0", PARTS),),
            gated=True,
            download_gb=5.3,
            memory_gb=memory_gb(1.32e9),
            gpu_memory_gb=memory_gb(1.32e9, "float16"),
        ),
        # The published float32 files over 4: denoiser 1,057M, autoencoder 156M, T5 base 110M.
        parameters=1.32e9,
        tier="2",
        packages=("diffusers", "transformers", "torch", "torchsde"),
        devices=("cuda", "cpu"),
        consent="The Stability AI Community licence: free below 1 million USD of yearly revenue, a paid licence above.",
    )
]


def own(source: str) -> EngineSpec:
    """A checkpoint in the layout of diffusers' StableAudioPipeline."""
    return own_spec(ENGINES[0], source, files=PARTS)
