"""Spoken words in, a spoken answer and its text out: Kyutai's Moshi. It hears the question in the sound itself.

Moshi is made for talk in both directions at once; here it hears the whole sound first and then talks into silence. Its words
and its voice are sampled as its checkpoint asks, from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.audio import Audio
from engine.contract import Ask, Download, EngineSpec, Limits, Needs, Piece, Text, Unsupported
from local_models._chat import ChatEngine, named
from local_models._own import own_spec
from local_models._stream import Tokens, hypotheses
from local_models._torch import memory_gb

NEW_WORD, SILENCE = 0, 3
"""Text tokens without text: the first announces a word, the second fills the time until the next."""
ANSWER_S = 12.0


class Moshi(ChatEngine):
    model_class = "MoshiForConditionalGeneration"
    rate = 24_000

    def open(self) -> None:
        self.tokenizer = self.pretrained(named("AutoTokenizer"), weights_too=False)
        self.model = self.pretrained(named(self.model_class))
        encoder = self.model.config.audio_encoder_config
        self.frame = int(self.rate / encoder.frame_rate)
        self.most = int(ANSWER_S * encoder.frame_rate)

    def run(self, request: Ask, timeout_s: float) -> Iterator[Piece]:
        asked = request.prompt.strip()
        if asked and asked != Ask.__dataclass_fields__["prompt"].default:
            raise Unsupported(f"{self.spec.id} takes no written question: ask it aloud, in the sound")
        inputs, ids = self.inputs(self.heard(request.audio), ""), []
        answer = yield from hypotheses(lambda streamer: self.generate(inputs, streamer), self.text_of, ids)
        yield Text(self.text_of(ids).strip())
        wave = answer.audio_sequences[0, 0, inputs["user_input_values"].shape[-1] :]
        yield Audio(wave.float().cpu().numpy(), self.rate)
        yield self.facts({"answer_s": ANSWER_S, "seed": 0})

    def inputs(self, samples: np.ndarray, question: str) -> dict[str, Any]:
        """Both voices as streams of equal length: the person's sound, Moshi's silence and its unwritten words."""
        import torch

        padded = np.pad(samples, (0, -len(samples) % self.frame))
        user = torch.from_numpy(padded).to(self.device, self.model.dtype)[None, None]
        words = torch.full((1, len(padded) // self.frame), SILENCE, device=self.device)
        return {"input_ids": words, "user_input_values": user, "moshi_input_values": torch.zeros_like(user)}

    def generate(self, inputs: Any, streamer: Tokens, most: int | None = None) -> Any:
        import torch

        torch.manual_seed(0)
        return self.model.generate(**inputs, max_new_tokens=most or self.most, streamer=streamer)

    def text_of(self, ids: list[int]) -> str:
        return self.tokenizer.decode([token for token in ids if token not in (NEW_WORD, SILENCE)], skip_special_tokens=True)


def _spec(voice: str, what: str) -> EngineSpec:
    source = f"kmhf/hf-{voice}"
    return EngineSpec(
        id=f"moshi/{voice}",
        task="audio_lm",
        name=f"Moshi ({voice.capitalize()})",
        vendor="Kyutai (open weights)",
        system="Moshi",
        engine=Moshi,
        where="local",
        model=source,
        license_code="Apache-2.0 (transformers)",
        license_weights="CC-BY-4.0",
        languages=("en",),
        summary=f"Talks: hears a spoken question of up to 4 minutes and answers for 12 s in a {what} voice. English only.",
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        limits=Limits(audio_seconds=228),
        needs=Needs(
            packages=("torch", "transformers", "sentencepiece"),
            downloads=(Download(source),),
            download_gb=15.8,
            memory_gb=memory_gb(7.9e9),
            gpu_memory_gb=memory_gb(7.9e9, "bfloat16"),
        ),
        parameters=7.9e9,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "cpu"),
        streams=True,
    )


ENGINES = [_spec("moshika", "female"), _spec("moshiko", "male")]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
