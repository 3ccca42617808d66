"""What all components of our own share: a state goes to the browser, a script draws it as plain text, nothing comes back."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import component_meta
from gradio.data_classes import GradioModel

HERE = Path(__file__).parent
SHARED = "shared"
_GIVEN = "{ element, trigger, props, server, upload, watch }"
"""What Gradio gives to a component's script."""


def _source(name: str) -> str:
    text = (HERE / f"{name}.js").read_text(encoding="utf-8")
    if "</script" in text.lower():
        raise ValueError(f"ui/{name}.js would end the page's script at its own '</script'")
    return text


@cache
def scripts() -> str:
    """For launch(head=...): every script of this folder as a function, after what they share. So a page holds each one once."""
    names = sorted(path.stem for path in HERE.glob("*.js") if path.stem != SHARED)
    drawn = ",\n".join(f"{name}({_GIVEN}) {{\n{_source(name)}\n}}" for name in names)
    return f"<script>\nwindow.soundcheck = (() => {{\n{_source(SHARED)}\nreturn {{\n{drawn}\n}};\n}})();\n</script>"


@cache
def script(name: str) -> str:
    """A component's `js_on_load`: it calls ui/<name>.js, which `scripts` put into the page, and names the events raised there,
    because Gradio looks for an event of our own in this text."""
    raised = dict.fromkeys(re.findall(r"""trigger\(["'](\w+)["']""", _source(name)))
    return f"window.soundcheck.{name}({_GIVEN}); // {' '.join(map(repr, raised))}"


class _Unwritten(component_meta.ComponentMeta):
    """Gradio's metaclass without its .pyi file beside each new component: parsing sources for it took 0.2 s of every start."""

    def __new__(cls, *described: Any) -> type:
        writes, component_meta.create_or_modify_pyi = component_meta.create_or_modify_pyi, lambda *_: None
        try:
            return super().__new__(cls, *described)
        finally:
            component_meta.create_or_modify_pyi = writes


class Shown(gr.HTML, metaclass=_Unwritten):
    """Shows its `data_model` or a dictionary of its fields. As an input it yields None: the browser's copy proves nothing."""

    data_model: type[GradioModel]

    def preprocess(self, payload: Any) -> Any:
        return None

    def postprocess(self, value: Any) -> Any:
        return self.data_model.model_validate(value or {})

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> dict[str, Any]:
        return {}
