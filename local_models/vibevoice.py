"""Text to speech with Microsoft's VibeVoice in transformers: long-form speech, in its own voice or a reference recording's.

Later passages follow the voice of the reference, or of the first passage.
"""

from __future__ import annotations

from typing import Any

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._own import own_spec
from local_models._speech import CONSENT, CloningEngine
from local_models._torch import memory_gb

GUIDANCE, STEPS = 1.3, 10
"""The publisher's own settings."""
FRAMES_PER_S = 7.5


class VibeVoice(CloningEngine):
    half = "bfloat16"
    longest = 500

    def load(self) -> None:
        from transformers import VibeVoiceForConditionalGeneration, VibeVoiceProcessor

        self.place()
        self.model = self.pretrained(VibeVoiceForConditionalGeneration)
        self.processor = self.pretrained(VibeVoiceProcessor, weights_too=False)
        self.rate = self.processor.feature_extractor.sampling_rate

    def speak_like(self, passage: str, heard: Any) -> Any:
        voice = [] if heard is None else [{"type": "audio"}]
        talk = [{"role": "0", "content": [{"type": "text", "text": passage}, *voice]}]
        prompt = self.processor.apply_chat_template(talk, tokenize=False)
        inputs = self.processor(
            text=[prompt], audio=None if heard is None else [heard[0]], sampling_rate=self.rate, return_tensors="pt"
        )
        # Five characters a second is slower than anybody speaks: a run-away model ends here.
        most = int(FRAMES_PER_S * (4 + len(passage) / 5))
        spoken = self.model.generate(
            **inputs.to(self.device, self.model.dtype), max_new_tokens=most, guidance_scale=GUIDANCE, num_diffusion_steps=STEPS
        )
        audio = spoken[0] if isinstance(spoken, list) else spoken.audio[0]
        return None if audio is None else audio.reshape(-1)


ENGINES = [
    EngineSpec(
        id="vibevoice/1.5b",
        task="tts",
        name="VibeVoice 1.5B",
        vendor="Microsoft",
        system="VibeVoice 1.5B",
        engine=VibeVoice,
        where="local",
        model="vibevoice/VibeVoice-1.5B-hf",
        license_code="Apache-2.0",
        license_weights="MIT",
        languages=("en", "zh"),
        summary="Expressive long-form speech by next-token diffusion; clones a voice from seconds. Wants a GPU.",
        docs_url="https://huggingface.co/vibevoice/VibeVoice-1.5B-hf",
        checked_on="2026-11-20",
        honours=("reference",),
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("torch", "transformers", "diffusers"),
            downloads=(Download("vibevoice/VibeVoice-1.5B-hf"),),
            download_gb=5.4,
            memory_gb=memory_gb(2.7e9),
            gpu_memory_gb=memory_gb(2.7e9, "bfloat16"),
        ),
        parameters=2.7e9,
        packages=("transformers", "torch", "diffusers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
        consent=CONSENT,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
