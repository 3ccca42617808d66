"""One line of plain text that the app says: read aloud by screen readers, never parsed as HTML."""

from __future__ import annotations

import time
from typing import Any

from ui.shown import Shown, script


def turn() -> int:
    """The place of an event among all, in microseconds of the clock, so that it still grows after a restart of the server."""
    return time.time_ns() // 1_000


class Note(Shown):
    """Value: a string, or {"text": ..., "tone": "plain" | "bad" | "warn"}; as an input it yields None.

    "turn" in the value is when its event began. The page keeps what it shows when something older arrives late: events of
    several buttons run side by side, and a slow forecast must not cover what a run has just said.
    """

    def __init__(self, value: str | dict[str, str] = "", **options: Any) -> None:
        super().__init__(
            value,
            html_template="<p class='sc-note' role='status' aria-live='polite' hidden></p>",
            js_on_load=script("note"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: str | dict[str, str] | None) -> dict[str, str]:
        told = {"text": value or "", "tone": "plain"} if not isinstance(value, dict) else value
        return {"turn": turn(), **told}


def since(began: int, value: str | dict[str, str]) -> dict[str, Any]:
    """The note of an event that took its turn when it began."""
    return {"text": value, "tone": "plain", "turn": began} if isinstance(value, str) else {**value, "turn": began}


def bad(text: str) -> dict[str, str]:
    return {"text": text, "tone": "bad"}


def warn(text: str) -> dict[str, str]:
    return {"text": text, "tone": "warn"}
