"""Text to speech with Sesame's CSM in transformers: English speech that follows a conversation, a reference and its words."""

from __future__ import annotations

from typing import Any

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._own import own_spec
from local_models._speech import CONSENT, CloningEngine
from local_models._torch import memory_gb

FRAMES_PER_S = 12.5


class Csm(CloningEngine):
    half = "bfloat16"
    longest = 240
    needs_words = True

    def load(self) -> None:
        from transformers import CsmForConditionalGeneration, CsmProcessor

        self.place()
        self.model = self.pretrained(CsmForConditionalGeneration)
        self.processor = self.pretrained(CsmProcessor, weights_too=False)
        self.rate = self.processor.feature_extractor.sampling_rate

    def speak_like(self, passage: str, heard: Any) -> Any:
        talk = [{"role": "0", "content": [{"type": "text", "text": passage}]}]
        if heard is not None:
            talk.insert(0, {"role": "0", "content": [{"type": "text", "text": heard[1]}, {"type": "audio"}]})
        prompt = self.processor.apply_chat_template(talk, tokenize=False)
        inputs = self.processor(
            text=[prompt], audio=None if heard is None else [heard[0]], sampling_rate=self.rate, return_tensors="pt"
        )
        # Five characters a second is slower than anybody speaks: a run-away model ends here.
        most = int(FRAMES_PER_S * (4 + len(passage) / 5))
        spoken = self.model.generate(**inputs.to(self.device, self.model.dtype), output_audio=True, max_new_tokens=most)
        return (spoken if isinstance(spoken, list) else spoken.audio)[0]


ENGINES = [
    EngineSpec(
        id="csm/1b",
        task="tts",
        name="CSM 1B",
        vendor="Sesame",
        system="CSM",
        engine=Csm,
        where="local",
        model="sesame/csm-1b",
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=("en",),
        summary="Conversational English; picks a voice of its own, or follows a reference whose words are given. Wants a GPU.",
        docs_url="https://huggingface.co/sesame/csm-1b",
        checked_on="2026-11-20",
        honours=("reference", "reference_text"),
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("torch", "transformers"),
            # The repository also holds the original code's copies of the same weights.
            downloads=(Download("sesame/csm-1b", ("*.json", "*.jinja", "transformers*.safetensors")),),
            gated=True,
            download_gb=6.6,
            memory_gb=memory_gb(1.65e9),
            gpu_memory_gb=memory_gb(1.65e9, "bfloat16"),
        ),
        parameters=1.65e9,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "cpu"),
        streams=True,
        consent=CONSENT,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
