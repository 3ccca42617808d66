"""Text to speech with Kyutai's Pocket TTS in transformers: a small model that speaks on in the voice of a reference recording."""

from __future__ import annotations

from typing import Any

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._own import own_spec
from local_models._speech import CONSENT, CloningEngine, processor
from local_models._torch import memory_gb


class PocketTTS(CloningEngine):
    half = "float32"
    longest = 200  # about the 50 tokens at which its own code cuts

    def load(self) -> None:
        from transformers import PocketTTSAudioTokenizerModel, PocketTTSForConditionalGeneration, PocketTTSProcessor

        self.place()
        self.model = self.pretrained(PocketTTSForConditionalGeneration)
        self.codec = self.pretrained(PocketTTSAudioTokenizerModel, 1)
        self.processor = processor(self, PocketTTSProcessor, self.codec)
        self.rate = self.processor.feature_extractor.sampling_rate

    def speak_like(self, passage: str, heard: Any) -> Any:
        voice = [] if heard is None else [{"type": "audio"}]
        talk = [{"role": "user", "content": [*voice, {"type": "text", "text": passage}]}]
        prompt = self.processor.apply_chat_template(talk, tokenize=False)
        inputs = self.processor(
            text=[prompt], audio=None if heard is None else [heard[0]], sampling_rate=self.rate, return_tensors="pt"
        )
        spoken = self.model.generate(**inputs.to(self.device))
        latents = spoken[0] if isinstance(spoken, list) else spoken.audio_latents[0]
        return self.processor.decode(latents)


ENGINES = [
    EngineSpec(
        id="pocket_tts/english",
        task="tts",
        name="Pocket TTS",
        vendor="Kyutai",
        system="Pocket TTS (Kyutai)",
        engine=PocketTTS,
        where="local",
        model="eustlb/pocket-tts",
        license_code="Apache-2.0",
        license_weights="CC-BY-4.0",
        languages=("en",),
        summary="A 100-million-weight English model for the CPU; it always speaks in the voice of a reference recording.",
        docs_url="https://huggingface.co/eustlb/pocket-tts",
        checked_on="2026-11-20",
        honours=("reference",),
        requires=("reference",),
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("eustlb/pocket-tts"), Download("eustlb/pocket-tts-audio-tokenizer")),
            download_gb=0.5,
            memory_gb=memory_gb(120e6),
            gpu_memory_gb=memory_gb(120e6),
        ),
        parameters=120e6,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
        consent=CONSENT,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
