"""Speech to text with Kyutai's streaming recogniser: a token for every 80 ms of sound, 2.5 s behind it, so words carry times."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Needs, Text, Transcribe, Unsupported, Word
from local_models._own import own_spec
from local_models._torch import memory_gb
from local_models._transcriber import Transcriber

NEW_WORD, SILENCE = 0, 3
"""Tokens without text: the first announces a word, the second fills the time until the next."""


class KyutaiStt(Transcriber):
    model_class, processor_class = "KyutaiSpeechToTextForConditionalGeneration", "KyutaiSpeechToTextProcessor"
    rate = 24_000

    def settings(self, request: Transcribe) -> dict[str, Any]:
        if request.language and request.language.strip().lower().replace("_", "-").partition("-")[0] != "en":
            raise Unsupported(f"{self.spec.id} does not know the language {request.language!r}")
        return {"word_times": True} if request.word_times else {}

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        made = self.processor(audio=samples, sampling_rate=self.rate, return_tensors="pt")
        return made.to(self.device, self.model.dtype)

    def most_tokens(self, seconds: float) -> None:
        return None

    def text_of(self, ids: list[int], asked: dict[str, Any]) -> Text:
        """A word begins where its announcement stands; it ends where the next one, or the silence after it, begins."""
        ears = self.processor.feature_extractor
        frame_s = self.model.config.frame_size / self.rate
        behind_s = ears.audio_delay_seconds + ears.audio_silence_prefix_seconds
        found: list[tuple[int, int, list[int]]] = []
        announced, textless = True, {NEW_WORD, SILENCE, *self.tokenizer.all_special_ids}
        for place, token in enumerate(ids):
            if token in textless:
                announced = announced or token == NEW_WORD
                continue
            begins = announced or not found or self.tokenizer.convert_ids_to_tokens(token).startswith("▁")
            first, _, written = (place, 0, []) if begins else found.pop()
            found.append((first, place + 1, [*written, token]))
            announced = False
        words = tuple(
            Word(text, max(0.0, first * frame_s - behind_s), max(0.0, end * frame_s - behind_s))
            for first, end, written in found
            if (text := self.tokenizer.decode(written, skip_special_tokens=True).strip())
        )
        return Text(" ".join(word.text for word in words), words=words if "word_times" in asked else (), language="en")


ENGINES = [
    EngineSpec(
        id="kyutai_stt/stt-2.6b-en",
        task="asr",
        name="Kyutai STT 2.6B (English)",
        vendor="Kyutai (open weights)",
        system="Kyutai STT (Moshi family)",
        engine=KyutaiStt,
        where="local",
        model="kyutai/stt-2.6b-en-trfs",
        license_code="Apache-2.0 (transformers)",
        license_weights="CC-BY-4.0",
        languages=("en",),
        summary="Streaming recogniser, here on the whole sound at once; word times in steps of 80 ms; greedy. English only.",
        docs_url="https://huggingface.co/kyutai/stt-2.6b-en-trfs",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("kyutai/stt-2.6b-en-trfs"),),
            download_gb=6.0,
            memory_gb=memory_gb(2.6e9),
            gpu_memory_gb=memory_gb(2.6e9, "bfloat16"),
        ),
        parameters=2.6e9,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
