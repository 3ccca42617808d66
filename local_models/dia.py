"""Text to speech with Nari Labs' Dia in transformers: English dialogue with [S1] and [S2], laughs and coughs in brackets.

The voice is drawn anew for each text unless a reference and its words are given; later passages follow the first.
"""

from __future__ import annotations

from typing import Any

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._own import own_spec
from local_models._speech import CONSENT, CloningEngine, processor
from local_models._torch import memory_gb

FIRST = "[S1]"
FRAMES_PER_S = 44_100 / 512


class Dia(CloningEngine):
    longest = 200
    longest_s = 15.0  # reference and passage share 3,072 frames
    needs_words = True

    def load(self) -> None:
        from transformers import DacModel, DiaForConditionalGeneration, DiaProcessor

        self.place()
        self.model = self.pretrained(DiaForConditionalGeneration)
        # Its processor moves sound and codes in full precision.
        self.codec = self.pretrained(DacModel, 1).float()
        self.processor = processor(self, DiaProcessor, self.codec)
        self.rate = self.processor.feature_extractor.sampling_rate

    def speak_like(self, passage: str, heard: Any) -> Any:
        text = passage if passage.startswith("[S") else f"{FIRST} {passage}"
        if heard is None:
            inputs, before = self.processor(text=[text], return_tensors="pt"), None
        else:
            words = heard[1] if heard[1].startswith("[S") else f"{FIRST} {heard[1]}"
            inputs = self.processor(text=[f"{words} {text}"], audio=[heard[0]], sampling_rate=self.rate, return_tensors="pt")
            before = self.processor.get_audio_prompt_len(inputs["decoder_attention_mask"])
        room = self.model.config.decoder_config.max_position_embeddings - inputs["decoder_input_ids"].shape[1]
        most = min(room, int(FRAMES_PER_S * (4 + len(passage) / 5)))
        codes = self.model.generate(**inputs.to(self.device), max_new_tokens=most)
        first, tokens = codes[0, :, 0], self.model.config.decoder_config
        start = (first == tokens.bos_token_id).sum() if before is None else before
        if len(first) - (first == tokens.pad_token_id).sum() - 1 <= start:
            return None  # it ended before it began, which the codec cannot decode
        return self.processor.batch_decode(codes, audio_prompt_len=before)[0]


ENGINES = [
    EngineSpec(
        id="dia/1.6b-0626",
        task="tts",
        name="Dia 1.6B",
        vendor="Nari Labs",
        system="Dia",
        engine=Dia,
        where="local",
        model="nari-labs/Dia-1.6B-0626",
        license_code="Apache-2.0",
        license_weights="Apache-2.0; codec MIT",
        languages=("en",),
        summary="English dialogue at 44.1 kHz: [S1] and [S2] change speakers, (laughs) laughs. Wants a GPU.",
        docs_url="https://huggingface.co/nari-labs/Dia-1.6B-0626",
        checked_on="2026-11-20",
        honours=("reference", "reference_text"),
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("nari-labs/Dia-1.6B-0626"), Download("descript/dac_44khz")),
            download_gb=6.8,
            memory_gb=memory_gb(1.7e9),
            gpu_memory_gb=memory_gb(1.7e9, "float16"),
        ),
        parameters=1.6e9,
        packages=("transformers", "torch"),
        devices=("cuda", "cpu"),
        streams=True,
        consent=CONSENT,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
