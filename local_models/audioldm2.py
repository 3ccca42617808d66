"""Sound, music and speech-like sound from a description with AudioLDM 2 through diffusers; 200 denoising steps, its default.

The checkpoints name GPT2Model as their language model; the pipeline calls what only GPT2LMHeadModel has, so that is loaded.
"""

from __future__ import annotations

from typing import Any

from engine.contract import Download, EngineSpec, Needs
from local_models._diffusion import DiffusionEngine
from local_models._own import own_spec
from local_models._torch import memory_gb


class AudioLDM2(DiffusionEngine):
    longest_s, length_name, steps = 10.24, "audio_length_in_s", 200

    def pipeline(self, how: dict[str, Any]) -> Any:
        from diffusers import AudioLDM2Pipeline
        from transformers import GPT2LMHeadModel

        writer = self.pretrained(GPT2LMHeadModel, subfolder="language_model")
        return self.pretrained(AudioLDM2Pipeline, weights_too=False, language_model=writer, **how)


def _audioldm2(checkpoint: str, name: str, parameters: float, download_gb: float, words: str) -> EngineSpec:
    return EngineSpec(
        id=f"audioldm2/{checkpoint.removeprefix('audioldm2').strip('-') or 'base'}",
        task="music",
        name=name,
        vendor="University of Surrey (open weights)",
        system="AudioLDM 2",
        engine=AudioLDM2,
        where="local",
        model=f"cvssp/{checkpoint}",
        license_code="Apache-2.0 (diffusers)",
        license_weights="CC-BY-NC-SA-4.0",
        languages=("en",),
        summary=f"{words} Latent diffusion, up to 10 s at 16 kHz, mono.",
        docs_url=f"https://huggingface.co/cvssp/{checkpoint}",
        checked_on="2026-11-20",
        honours=("duration_s", "seed"),
        needs=Needs(
            packages=("torch", "diffusers", "transformers", "librosa"),
            downloads=(Download(f"cvssp/{checkpoint}"),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        parameters=parameters,
        tier="2",
        packages=("diffusers", "transformers", "torch"),
        devices=("cuda", "cpu"),
    )


# 1.1B and 1.5B as the model cards state.
ENGINES = [
    _audioldm2("audioldm2", "AudioLDM 2", 1.1e9, 4.4, "The general checkpoint: effects, music, ambience."),
    _audioldm2("audioldm2-music", "AudioLDM 2 music", 1.1e9, 4.4, "The checkpoint trained on music."),
    _audioldm2("audioldm2-large", "AudioLDM 2 large", 1.5e9, 6.0, "The general checkpoint with a denoiser twice the size."),
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
