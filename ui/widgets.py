"""From one request field to one Gradio component: a new task or setting needs no tab code."""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from comparisons.asking import CONSENTS
from comparisons.voices import VoiceList, list_name
from engine.contract import EngineSpec, Voice, options_of
from engine.tasks import Task
from ui.inputs import Source

OWN = ("the engine's own", "")
"""The first choice of a list: nothing is asked for."""


def setting_widgets(
    task: Task, specs: tuple[EngineSpec, ...], *, skip: tuple[str, ...] = ()
) -> dict[str, gr.components.Component]:
    """A component for every setting of the task's request, by field name, in the order of the fields.

    After a sound that holds somebody's voice comes the box "<name>_consent", shown once there is a sound.
    """
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
        if how.longest_s is not None:
            label = f"{how.label} · up to {how.longest_s:g} s"
            sources = ["upload", "microphone"]
            widgets[name] = Source(label=label, sources=sources, type="filepath", buttons=[], elem_classes="sc-sound-setting")
            if name in CONSENTS:
                widgets[consent_box(name)] = gr.Checkbox(False, label=CONSENTS[name], visible=False)
        elif bool in kinds:
            widgets[name] = gr.Checkbox(**common)
        elif (int in kinds or float in kinds) and fields[name].default is None:
            # gr.Number writes 0 into an empty box as soon as it is shown, which then counts as asked for; text is checked later
            widgets[name] = gr.Textbox(**common, max_length=20)
        elif int in kinds or float in kinds:
            widgets[name] = gr.Number(
                **common, minimum=how.minimum, maximum=how.maximum, step=how.step, precision=0 if int in kinds else None
            )
        elif choices := how.choices or (voice_choices(honoured) if name == "voice" else ()):
            widgets[name] = gr.Dropdown([OWN, *choices], **common | {"value": ""}, allow_custom_value=not how.choices)
        else:
            widgets[name] = gr.Textbox(**common, lines=how.lines, max_lines=how.lines + 3, max_length=how.max_length)
    return widgets


def consent_box(name: str) -> str:
    """The name of the box that goes with the sound `name`."""
    return f"{name}_consent"


def voice_choices(specs: Sequence[EngineSpec], lists: Mapping[str, VoiceList] | None = None) -> tuple[tuple[str, str], ...]:
    """Every voice named with its engine, because a voice means nothing to another engine.

    `lists`: lists that were fetched, by `list_name`; they come first, for a browser shows only the first hundred until somebody
    types. One list stands for all engines that share it, under the vendor's name.
    """
    fetched, choices = dict(lists or {}), []
    shared = Counter(list_name(spec) for spec in specs)
    for spec in specs:
        if found := fetched.pop(list_name(spec), None):
            whose = spec.vendor if shared[list_name(spec)] > 1 else spec.name
            choices += [(f"{_called(voice)} · {whose}", voice.id) for voice in found.voices]
    rest = [spec for spec in specs if list_name(spec) not in (lists or {})]
    return (*choices, *((f"{voice} · {spec.name}", voice) for spec in rest for voice in spec.voices))


def _called(voice: Voice) -> str:
    told = voice.language if voice.language and voice.language not in voice.name else None
    return f"{voice.name} ({told})" if told else voice.name
