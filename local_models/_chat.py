"""What the models share that hear a sound and answer a question: chat template, greedy decoding, text as it is written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine import weights
from engine.audio import Audio
from engine.contract import Ask, BadInput, Download, Facts, Piece, Text
from local_models._question import plain
from local_models._stream import Tokens, hypotheses
from local_models._torch import TorchEngine

SHORTEST_S = 0.1
MOST_TOKENS = 1024
"""Tokens that an answer may have; one that is cut there says so."""


class ChatEngine(TorchEngine):
    """Base of one family: `model_class` and `processor_class` name classes of transformers, or are classes."""

    half = "bfloat16"
    model_class: Any
    processor_class: Any
    rate = 16_000
    system: str | None = None
    """The system turn that the model was trained with, where it has one."""

    def load(self) -> None:
        self.place()
        self.open()
        if self.device != "cpu":  # the first call compiles and picks kernels
            self.generate(self.inputs(np.zeros(self.rate, np.float32), "What do you hear?"), Tokens(), most=2)

    def run(self, request: Ask, timeout_s: float) -> Iterator[Piece]:
        if not request.prompt.strip():
            raise BadInput(f"{self.spec.id} needs a question, and this one is empty")
        inputs, ids = self.inputs(self.heard(request.audio), self.question(request.prompt)), []
        answer = yield from hypotheses(lambda streamer: self.generate(inputs, streamer), self.text_of, ids)
        yield Text(self.text_of(ids).strip())
        yield from self.spoken(answer)
        yield self.ending(ids)

    # ------------------------------------------------------------ what a family may change

    def open(self) -> None:
        """Load processor, tokenizer and model from this machine."""
        self.processor = self.pretrained(named(self.processor_class), weights_too=False)
        self.tokenizer = self.processor.tokenizer
        self.model = self.pretrained(named(self.model_class))

    def longest_s(self) -> float | None:
        """Seconds of sound that the model really hears: beyond them its processor would cut silently."""
        return self.spec.limits.audio_seconds

    def question(self, words: str) -> str:
        """The person's question as plain text: none of it acts as a control token."""
        seen = (getattr(self.processor, f"{kind}_token", None) for kind in ("audio", "image", "video"))
        return plain(words, self.tokenizer, self.spec.id, *filter(None, seen))

    def inputs(self, samples: np.ndarray, question: str) -> Any:
        """What generate() takes, on the device, for mono `samples` at `rate` and a plain `question`."""
        content = [{"type": "audio", "audio": samples}, {"type": "text", "text": question}]
        turns = [{"role": "system", "content": [{"type": "text", "text": self.system}]}] if self.system else []
        made = self.processor.apply_chat_template(
            [*turns, {"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"sampling_rate": self.rate},
        )
        return made.to(self.device, self.model.dtype)

    def generate(self, inputs: Any, streamer: Tokens, most: int = MOST_TOKENS) -> Any:
        return self.model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=most, streamer=streamer)

    def spoken(self, answer: Any) -> Iterator[Audio]:
        """The spoken answer in what generate() returned; nothing for models that only write."""
        return iter(())

    # ------------------------------------------------------------ what all do alike

    def heard(self, audio: Audio) -> np.ndarray:
        """Mono samples at the model's rate. Raises BadInput for a sound that it cannot hear whole."""
        longest_s = self.longest_s()
        if audio.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, not {audio.seconds:.3f} s")
        if longest_s is not None and audio.seconds > longest_s:
            raise BadInput(f"{self.spec.id} hears at most {longest_s:g} s of sound, and this is {audio.seconds:.1f} s")
        return audio.mono().resample(self.rate).samples[0]

    def text_of(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def ending(self, ids: list[int]) -> Facts:
        facts = self.facts({"do_sample": False, "max_new_tokens": MOST_TOKENS})
        if len(ids) < MOST_TOKENS:
            return facts
        cut = f"The answer was cut after {MOST_TOKENS} tokens."
        return dataclasses.replace(facts, notice=f"{facts.notice} {cut}" if facts.notice else cut)


def named(kind: Any) -> Any:
    """The class of transformers with that name; a class as it is."""
    import transformers

    return getattr(transformers, kind) if isinstance(kind, str) else kind


def model_type_of(source: str) -> str | None:
    """What the checkpoint at `source`, a folder or a hub id, says it is; None while it is not on this machine."""
    folder = weights.found(Download(source))
    config = folder / "config.json" if folder else None
    return json.loads(config.read_text()).get("model_type") if config and config.exists() else None


def window_of(feature_extractor: Any) -> float:
    """Seconds that a Whisper feature extractor keeps; it cuts the rest."""
    return feature_extractor.n_samples / feature_extractor.sampling_rate
