"""One line of plain text that the app says: read aloud by screen readers, never parsed as HTML."""

from __future__ import annotations

from typing import Any

import gradio as gr

_JS = """
const line = element.querySelector('.sc-note');
const draw = () => {
  const value = props.value || {};
  line.textContent = value.text || '';
  line.dataset.tone = value.tone || 'plain';
  line.hidden = !value.text;
};
watch('value', draw);
draw();
"""


class Note(gr.HTML):
    """Value: a string, or {"text": ..., "tone": "plain" | "bad" | "warn"}; as an input it yields None."""

    def __init__(self, value: str | dict[str, str] = "", **options: Any) -> None:
        super().__init__(
            value,
            html_template="<p class='sc-note' role='status' aria-live='polite' hidden></p>",
            js_on_load=_JS,
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: Any) -> None:
        return None

    def postprocess(self, value: str | dict[str, str] | None) -> dict[str, str]:
        return {"text": value or "", "tone": "plain"} if not isinstance(value, dict) else value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


def bad(text: str) -> dict[str, str]:
    return {"text": text, "tone": "bad"}


def warn(text: str) -> dict[str, str]:
    return {"text": text, "tone": "warn"}
