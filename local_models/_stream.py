"""Tokens while generate() writes them: it runs in a thread of its own and stops when nobody waits for them any more."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any

from engine.contract import Text

STEP = 0.02
"""Share of all tokens that must be new before the next hypothesis: each repeats the whole text so far."""


class _Left(Exception):
    """Raised inside generate() when nobody waits for the answer any more."""


class Tokens:
    """The streamer that generate() feeds: first the prompt, which is dropped, then one token at a time."""

    def __init__(self) -> None:
        self.written: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.left, self._prompt_came = threading.Event(), False

    def put(self, ids: Any) -> None:
        if self.left.is_set():
            raise _Left
        if self._prompt_came:
            self.written.put(ids.flatten().tolist())
        self._prompt_came = True

    def end(self) -> None:
        """Nothing: generate() returns right after."""


class Windows(Tokens):
    """For a model that hears window after window: each brings its prompt, then its tokens, then an empty list."""

    def __init__(self) -> None:
        super().__init__()
        self._prompt_came = True  # it is passed on

    def end(self) -> None:
        self.written.put([])


def streamed(generate: Callable[[Tokens], Any], tokens: Tokens | None = None) -> Generator[list[int], None, Any]:
    """Run `generate(streamer)`; yields the new tokens of each step and returns what it returned. Its errors fly.

    Closing the generator stops the model at its next token.
    """
    tokens, answer = tokens or Tokens(), {}

    def write() -> None:
        try:
            answer["value"] = generate(tokens)
        except _Left:
            pass
        except BaseException as error:  # noqa: BLE001  carried to the caller's thread
            answer["error"] = error
        finally:
            tokens.written.put(None)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        while (new := tokens.written.get()) is not None:
            yield new
    finally:
        tokens.left.set()
        writer.join()
    if "error" in answer:
        raise answer["error"]
    return answer["value"]


def hypotheses(
    generate: Callable[[Tokens], Any], text_of: Callable[[list[int]], str], ids: list[int]
) -> Generator[Text, None, Any]:
    """Hypotheses, each time the text has grown enough; returns what `generate` returned. `ids` is filled with every token."""
    next_count, last, steps = 0.0, "", streamed(generate)
    try:
        while True:
            ids += next(steps)
            text = text_of(ids).rstrip("\N{REPLACEMENT CHARACTER}") if len(ids) >= next_count else ""
            if text and text != last:  # without the last character, which may be half written
                next_count, last = len(ids) * (1 + STEP), text
                yield Text(text, final=False)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()
