"""One line of plain text that the app says: read aloud by screen readers, never parsed as HTML."""

from __future__ import annotations

from typing import Any

from ui.shown import Shown, script


class Note(Shown):
    """Value: a string, or {"text": ..., "tone": "plain" | "bad" | "warn"}; as an input it yields None."""

    def __init__(self, value: str | dict[str, str] = "", **options: Any) -> None:
        super().__init__(
            value,
            html_template="<p class='sc-note' role='status' aria-live='polite' hidden></p>",
            js_on_load=script("note"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: str | dict[str, str] | None) -> dict[str, str]:
        return {"text": value or "", "tone": "plain"} if not isinstance(value, dict) else value


def bad(text: str) -> dict[str, str]:
    return {"text": text, "tone": "bad"}


def warn(text: str) -> dict[str, str]:
    return {"text": text, "tone": "warn"}
