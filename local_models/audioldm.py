"""Sound and short music from a description with AudioLDM through diffusers, whose pipeline for it is no longer maintained.

Ten denoising steps, the pipeline's default and that of the model cards.
"""

from __future__ import annotations

from typing import Any

from engine.contract import Download, EngineSpec, Needs
from local_models._diffusion import DiffusionEngine
from local_models._own import own_spec
from local_models._torch import memory_gb


class AudioLDM(DiffusionEngine):
    longest_s, length_name, steps = 10.24, "audio_length_in_s", 10

    def pipeline(self, how: dict[str, Any]) -> Any:
        from diffusers import AudioLDMPipeline

        return self.pretrained(AudioLDMPipeline, weights_too=False, **how)


def _audioldm(size: str, name: str, parameters: float, download_gb: float, words: str) -> EngineSpec:
    return EngineSpec(
        id=f"audioldm/{size}",
        task="music",
        name=f"AudioLDM {name}",
        vendor="University of Surrey (open weights)",
        system="AudioLDM",
        engine=AudioLDM,
        where="local",
        model=f"cvssp/audioldm-{size}",
        license_code="Apache-2.0 (diffusers)",
        license_weights="CC-BY-NC-SA-4.0",
        languages=("en",),
        summary=f"{words} Latent diffusion, up to 10 s at 16 kHz, mono: effects and textures more than tunes.",
        docs_url=f"https://huggingface.co/cvssp/audioldm-{size}",
        checked_on="2026-11-20",
        honours=("duration_s", "seed"),
        needs=Needs(
            packages=("torch", "diffusers", "transformers"),
            downloads=(Download(f"cvssp/audioldm-{size}"),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        parameters=parameters,
        tier="2",
        packages=("diffusers", "transformers", "torch"),
        devices=("cuda", "cpu"),
    )


# Parameters: the sizes of the published float32 files (denoiser, autoencoder 55M, CLAP's text tower 125M, vocoder 55M) over 4.
ENGINES = [
    _audioldm("s-full-v2", "S full v2", 421e6, 1.7, "The small denoiser (185M), trained longest."),
    _audioldm("m-full", "M full", 652e6, 2.6, "The medium denoiser (415M)."),
    _audioldm("l-full", "L full", 975e6, 3.9, "The large denoiser (739M)."),
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
