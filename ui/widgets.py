"""From one request field to one Gradio component: a new task or setting needs no tab code."""

from __future__ import annotations

import typing
from typing import Any

import gradio as gr

from engine.contract import EngineSpec, options_of
from engine.tasks import Task


def setting_widgets(
    task: Task, specs: tuple[EngineSpec, ...], *, skip: tuple[str, ...] = ()
) -> dict[str, gr.components.Component]:
    """A component for every setting of the task's request, by field name, in the order of the fields."""
    types, fields = typing.get_type_hints(task.request), task.request.__dataclass_fields__
    widgets: dict[str, gr.components.Component] = {}
    for name, how in options_of(task.request).items():
        if name in skip:
            continue
        kinds = (types[name], *typing.get_args(types[name]))
        honoured = [spec for spec in specs if name in spec.honours]
        if not honoured:
            continue
        common: dict[str, Any] = {"label": how.label, "info": how.help or None, "value": fields[name].default}
        if bool in kinds:
            widgets[name] = gr.Checkbox(**common)
        elif int in kinds or float in kinds:
            widgets[name] = gr.Number(
                **common, minimum=how.minimum, maximum=how.maximum, step=how.step, precision=0 if int in kinds else None
            )
        elif choices := how.choices or _voices(name, honoured):
            widgets[name] = gr.Dropdown(
                [("the engine's own", ""), *choices], **common | {"value": ""}, allow_custom_value=not how.choices
            )
        else:
            widgets[name] = gr.Textbox(**common, lines=how.lines, max_lines=how.lines + 3, max_length=how.max_length)
    return widgets


def _voices(name: str, specs: list[EngineSpec]) -> tuple[tuple[str, str], ...]:
    """Every voice that an engine lists, named with its engine, because a voice means nothing to another engine."""
    if name != "voice":
        return ()
    return tuple((f"{voice} · {spec.name}", voice) for spec in specs for voice in spec.voices)
