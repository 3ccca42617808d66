# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "numpy==1.26.4",
#   "pytorch-lightning==2.5.5",
#   "setuptools<81",
#   "soxr==1.1.0",
#   "stable-audio-tools==0.0.20",
#   "torch==2.7.1",
#   "torchaudio==2.7.1",
#   "transformers==4.57.3",
# ]
#
# [tool.uv]
# override-dependencies = [
#   "gradio ; sys_platform == 'never'",
#   "numpy==1.26.4",
#   "transformers==4.57.3",
# ]
# ///
"""Stereo sound from a description with Stable Audio Open Small through the publisher's own library, in its own environment.

Eight steps of the "pingpong" sampler without guidance, as on the model card. The model writes its whole window of 11 s at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from engine import weights
from engine.audio import Audio
from engine.contract import Compose, Download, Engine, EngineSpec, Facts, Needs, NotReady, Piece
from local_models._music import check_tokens, described, length_of, seed_of

LONGEST_S = 11.0
SAMPLING = {"steps": 8, "cfg_scale": 1.0, "sampler_type": "pingpong"}


class StableAudioTools(Engine):
    def load(self) -> None:
        # The library readies a compiler that these models never use: its processes would run beside the measured one.
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
        import torch
        from stable_audio_tools.models.factory import create_model_from_config
        from stable_audio_tools.models.utils import load_ckpt_state_dict

        asked = os.environ.get("SOUNDCHECK_DEVICE", "").strip().lower()
        there = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]
        if asked and asked not in there:
            raise NotReady(f"{self.spec.id} cannot run on {asked!r}: SOUNDCHECK_DEVICE may be {' or '.join(there)}")
        self.device = asked or there[0]
        folder, text = weights.needed(self.spec), weights.needed(self.spec, 1)
        self.config = json.loads((folder / "model_config.json").read_text())
        for part in self.config["model"]["conditioning"]["configs"]:
            if part["type"] == "t5":  # else it is fetched by name
                part["config"]["model_path"] = str(text)
        self.model = create_model_from_config(self.config)
        self.model.load_state_dict(load_ckpt_state_dict(str(folder / "model.safetensors")))
        self.model.to(self.device).eval().requires_grad_(False)

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        from stable_audio_tools.inference.generation import generate_diffusion_cond

        text, seconds, seed = described(self.spec, request), length_of(self.spec, request, LONGEST_S), seed_of(request)
        for part in self.model.conditioner.conditioners.values():
            if hasattr(part, "tokenizer"):
                check_tokens(self.spec, len(part.tokenizer(text).input_ids), part.max_length)
        sent = {"seed": seed, "duration_s": seconds, **SAMPLING}
        yield Facts(device=self.device, dtype="float32", model=self.spec.model, sent=sent)
        sound = generate_diffusion_cond(
            self.model,
            conditioning=[{"prompt": text, "seconds_total": seconds}],
            sample_size=self.config["sample_size"],
            seed=seed,
            device=self.device,
            **SAMPLING,
        )[0]
        rate = self.config["sample_rate"]
        yield Audio(sound.float().cpu().numpy()[:, : round(seconds * rate)].clip(-1, 1), rate)


ENGINES = [
    EngineSpec(
        id="stable_audio_tools/open-small",
        task="music",
        name="Stable Audio Open Small",
        vendor="Stability AI (open weights)",
        system="Stable Audio Open Small",
        engine=StableAudioTools,
        where="local",
        model="stabilityai/stable-audio-open-small",
        license_code="MIT",
        license_weights="Stability AI Community",
        languages=("en",),
        summary="Distilled latent diffusion in stereo at 44.1 kHz, up to 11 s: effects and drum loops.",
        docs_url="https://huggingface.co/stabilityai/stable-audio-open-small",
        checked_on="2026-11-20",
        honours=("duration_s", "seed"),
        needs=Needs(
            downloads=(
                Download("stabilityai/stable-audio-open-small", ("model_config.json", "model.safetensors")),
                Download("google-t5/t5-base", ("config.json", "spiece.model", "tokenizer*.json", "model.safetensors")),
            ),
            gated=True,
            download_gb=2.4,
            memory_gb=3.5,
            gpu_memory_gb=3.5,
        ),
        parameters=341e6,
        tier="2",
        packages=("stable-audio-tools", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        tested="runs",
        consent="The Stability AI Community licence: free below 1 million USD of yearly revenue, a paid licence above.",
    )
]

if __name__ == "__main__":
    from engine.worker import serve

    serve()
