"""What recognisers built on language models share: any length in windows cut at pauses, greedy, text as it is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.contract import BadInput, Piece, Text, Transcribe, Word
from local_models._chat import SHORTEST_S, named
from local_models._long import at_pauses
from local_models._stream import Tokens, hypotheses
from local_models._torch import TorchEngine
from local_models._transcript import CUT, joined


class Transcriber(TorchEngine):
    """Base of one family: `model_class` and `processor_class` name classes of transformers, or are classes."""

    half = "bfloat16"
    model_class: Any
    processor_class: Any
    rate = 16_000
    window_s = 300.0
    """Longest part that is decoded at once: what bounds the memory of an hour."""
    tokens_per_s = 12.0
    """Tokens that a second of speech may become; decoding that does not end is cut there."""

    def load(self) -> None:
        self.place()
        self.open()
        if self.device != "cpu":  # the first call compiles and picks kernels
            inputs = self.inputs(np.zeros(self.rate, np.float32), {})
            self.generate(inputs, Tokens(), 2)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        """Hypotheses of the whole text so far, then the text; words where the model says when, with times in the whole sound."""
        if request.audio.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, not {request.audio.seconds:.3f} s")
        asked = self.settings(request)
        samples = request.audio.mono().resample(self.rate).samples[0]
        heard: list[Text] = []
        cut = False
        for first, end in at_pauses(samples, self.rate, self.window_s):
            part = samples[first:end]
            if len(part) < SHORTEST_S * self.rate:
                continue
            before = joined(text.text for text in heard)
            inputs, ids, most = self.inputs(part, asked), [], self.most_tokens(len(part) / self.rate)
            yield from hypotheses(
                lambda streamer, inputs=inputs, most=most: self.generate(inputs, streamer, most),
                lambda ids, before=before: joined((before, self.text_of(ids, asked).text)),
                ids,
            )
            cut = cut or (most is not None and len(ids) >= most)
            heard.append(_later(self.text_of(ids, asked), first / self.rate))
        yield Text(
            joined(text.text for text in heard),
            words=tuple(word for text in heard for word in text.words),
            language=next((text.language for text in heard if text.language), None),
        )
        facts = self.facts({"do_sample": False, "window_s": self.window_s, **asked})
        if cut:
            facts = dataclasses.replace(facts, notice=f"{facts.notice} {CUT}" if facts.notice else CUT)
        yield facts

    # ------------------------------------------------------------ what a family may change

    def open(self) -> None:
        """Load processor, tokenizer and model from this machine."""
        self.processor = self.pretrained(named(self.processor_class), weights_too=False)
        self.tokenizer = self.processor.tokenizer
        self.model = self.pretrained(named(self.model_class))

    def settings(self, request: Transcribe) -> dict[str, Any]:
        """The request's settings as this family takes them. Raises Unsupported or BadInput for those that it cannot take."""
        return {}

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        """What generate() takes, on the device, for one window of mono `samples` at `rate`."""
        raise NotImplementedError

    def most_tokens(self, seconds: float) -> int | None:
        """The bound of one window's text; None where the model itself stops with the sound."""
        return 64 + int(seconds * self.tokens_per_s)

    def generate(self, inputs: Any, streamer: Tokens, most: int | None) -> Any:
        bound = {} if most is None else {"max_new_tokens": most}
        return self.model.generate(**inputs, do_sample=False, num_beams=1, streamer=streamer, **bound)

    def text_of(self, ids: list[int], asked: dict[str, Any]) -> Text:
        """One window's tokens as text; times of its words count from the window's start."""
        return Text(self.tokenizer.decode(ids, skip_special_tokens=True).strip())


def _later(text: Text, by_s: float) -> Text:
    words = tuple(Word(word.text, word.start_s + by_s, word.end_s + by_s, word.confidence, word.speaker) for word in text.words)
    return dataclasses.replace(text, words=words)
