"""What all components of our own share: a state goes to the browser, a script draws it as plain text, nothing comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel

HERE = Path(__file__).parent


def script(name: str) -> str:
    """The script that draws a component: ui/<name>.js."""
    return (HERE / f"{name}.js").read_text(encoding="utf-8")


class Shown(gr.HTML):
    """Shows its `data_model` or a dictionary of its fields. As an input it yields None: the browser's copy proves nothing."""

    data_model: type[GradioModel]

    def preprocess(self, payload: Any) -> None:
        return None

    def postprocess(self, value: GradioModel | dict[str, Any] | None) -> GradioModel:
        return self.data_model.model_validate(value or {})

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

    def example_payload(self) -> None:
        return None

    def example_value(self) -> dict[str, Any]:
        return {}
