"""Text to speech with Suno's Bark in transformers: sampled speech in thirteen languages, with laughter and sighs where it likes.

Voices are the published prompts; each passage of about 13 s starts from the voice's prompt and the same seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from engine.contract import Download, EngineSpec, Limits, Needs, Synthesize, Unsupported
from local_models._own import own_spec
from local_models._speech import WEIGHTS, SpeechEngine, chosen_voice, language_code
from local_models._torch import memory_gb

LANGUAGES = ("de", "en", "es", "fr", "hi", "it", "ja", "ko", "pl", "pt", "ru", "tr", "zh")
VOICES = tuple(f"v2/{language}_speaker_{number}" for language in LANGUAGES for number in range(10))


class Bark(SpeechEngine):
    longest = 180  # about 13 s, which is all that one generation holds

    def load(self) -> None:
        from transformers import BarkModel, BarkProcessor

        self.place()
        self.model = self.pretrained(BarkModel, use_safetensors=None)
        self.processor = self.pretrained(BarkProcessor, weights_too=False)
        self.rate = self.model.generation_config.sample_rate
        self.voices = [name for name in self.processor.available_voice_presets if not self.spec.voices or name in VOICES]

    def settings(self, request: Synthesize) -> dict[str, Any]:
        language = language_code(request.language)
        if language and language not in LANGUAGES:
            raise Unsupported(f"{self.spec.id} does not speak {request.language!r}; it speaks {', '.join(LANGUAGES)}")
        wanted = request.voice or (f"v2/{language}_speaker_6" if language else None)
        voice = chosen_voice(self.spec, wanted, self.voices)
        if language and voice and f"{language}_speaker" not in voice:
            raise Unsupported(f"{self.spec.id}: the voice {voice!r} does not speak {request.language!r}; leave one of them empty")
        return {"do_sample": True} | ({"voice": voice} if voice else {})

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        inputs = self.processor(passage, voice_preset=settings.get("voice"))
        if "history_prompt" in inputs:
            inputs["history_prompt"] = {name: prompt.to(self.device) for name, prompt in inputs["history_prompt"].items()}
        return self.model.generate(**inputs.to(self.device), do_sample=True)[0]


def _bark(variant: str, source: str, parameters: float, download_gb: float, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"bark/{variant}",
        task="tts",
        name="Bark" if variant == "full" else "Bark small",
        vendor="Suno",
        system="Bark",
        engine=Bark,
        where="local",
        model=source,
        license_code="Apache-2.0",
        license_weights="MIT",
        languages=LANGUAGES,
        summary=summary,
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        honours=("voice", "language"),
        limits=Limits(characters=20_000),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(source, ("*.json", "vocab.txt", WEIGHTS, "speaker_embeddings/v2/*.npy")),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        voices=VOICES,
        default_voice="v2/en_speaker_6",
        parameters=parameters,
        tier="2",
        packages=("transformers", "torch"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )


ENGINES = [
    _bark("small", "suno/bark-small", 410e6, 1.75, "Playful sampled speech that may drift from the text; very slow on a CPU."),
    _bark("full", "suno/bark", 1.1e9, 4.6, "The larger Bark: playful sampled speech that may drift from the text; wants a GPU."),
]


def own(source: str) -> EngineSpec:
    return dataclasses.replace(own_spec(ENGINES[0], source), voices=(), default_voice=None)
