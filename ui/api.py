"""Named endpoints for every task, for gradio_client, curl and MCP: the same engines, clock and rows as the page.

Keys come from the environment of this install: a key as an argument would be a documented, recorded parameter.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from comparisons.asking import CONSENTS, SoundFile, build_request, missing_consent, reference_from_text
from comparisons.catalogue import engines_for, find, listing, readiness
from comparisons.intake import take_in
from comparisons.metrics import Reference
from comparisons.runner import Plan, Runner
from comparisons.settle import visible_line
from engine.contract import EngineError, options_of
from engine.tasks import TASKS, Task
from ui.inputs import LONGEST_S, MOST_REPEATS

AGREED = "i_may_use_this_voice"


def build_api(runner: Runner) -> None:
    """Add /engines and one endpoint per task to the open Blocks; its components are never shown."""
    with gr.Column(visible=False):
        for task in TASKS.values():
            _endpoint(task, runner)
        which = gr.Dropdown(["", *TASKS], value="", label="task", allow_custom_value=True)
        button, found = gr.Button(), gr.JSON(label="engines")

    def engines(task: str = "") -> list[dict[str, Any]]:
        """Every engine with id, task, status, what it needs, licence and prices; of one task, or of all."""
        return listing(task or None)

    button.click(engines, which, found, api_name="engines", concurrency_limit=None)


def _endpoint(task: Task, runner: Runner) -> None:
    options = options_of(task.request)
    settings = [name for name, how in options.items() if how.longest_s is None]
    sounds = {f"{name}_sound": options[name] for name in options if name not in settings}
    agreed = [AGREED] if CONSENTS.keys() & options.keys() else []
    source = gr.Audio(type="filepath", label=task.source) if task.takes_audio else gr.Textbox(label=task.source)
    inputs = [
        source,
        gr.Dropdown([spec.id for spec in engines_for(task.name)], multiselect=True, allow_custom_value=True, label="engines"),
        gr.Textbox(label="reference"),
        gr.JSON(label="settings"),
        gr.Number(1, label="repeats", precision=0),
        gr.Number(120, label="timeout_s"),
        gr.Checkbox(True, label="use_cache"),
        *(gr.Audio(type="filepath", label=name) for name in sounds),
        *(gr.Checkbox(False, label=name) for name in agreed),
    ]
    outputs = [gr.JSON(label="rows"), gr.File(label="files", file_count="multiple")]
    call = _call(task, runner, tuple(sounds))
    call.__name__ = task.name
    # The input is called by what it is: audio, text or prompt. Sounds among the settings are files, each with a parameter.
    taken = inspect.signature(call)
    first, *rest, _further = taken.parameters.values()
    defaults = dict.fromkeys(sounds) | dict.fromkeys(agreed, False)
    further = [first.replace(name=name, default=value) for name, value in defaults.items()]
    call.__signature__ = taken.replace(parameters=[first.replace(name=task.source), *rest, *further])
    call.__doc__ = (
        f"{task.title}: one input on many engines.\n\n"
        f"{task.source}: {'an audio file' if task.takes_audio else 'the text'}.\n"
        f"engines: ids as /engines lists them; empty takes every engine that is ready.\n"
        f"reference: what is right, where the task has such a thing.\n"
        f"settings: an object with any of {', '.join(settings) or 'nothing'}.\n"
        + "".join(f"{name}: an audio file. {how.help} Up to {how.longest_s:g} s.\n" for name, how in sounds.items())
        + "".join(f"{name}: must be true with a voice: it is yours or its owner agreed.\n" for name in agreed)
        + f"repeats: 1 to {MOST_REPEATS}. timeout_s: per engine and repeat, up to {LONGEST_S:g}.\n"
        "Returns one row per engine and repeat, with every column of the table, and the sounds that came out."
    )
    gr.Button().click(call, inputs, outputs, api_name=task.name, concurrency_limit=None, show_progress="hidden")


def _call(task: Task, runner: Runner, sounds: tuple[str, ...]) -> Callable[..., tuple[list[dict[str, Any]], list[str]]]:
    def call(
        source: str,
        engines: list[str] | None = None,
        reference: str | None = None,
        settings: dict[str, Any] | None = None,
        repeats: int = 1,
        timeout_s: float = 120,
        use_cache: bool = True,
        request: gr.Request = None,
        *further: Any,
    ) -> tuple[list[dict[str, Any]], list[str]]:
        try:
            given = {name.removesuffix("_sound"): path for name, path in zip(sounds, further, strict=False) if path}
            agreed = any(further[len(sounds) :])
            if missing := missing_consent(given, agreed, f"{AGREED} must be true"):
                raise EngineError(missing)
            if settings is not None and not isinstance(settings, dict):
                raise EngineError(f"settings must be an object, got {type(settings).__name__}")
            settings = (settings or {}) | {name: SoundFile(Path(path)) for name, path in given.items()}
            plan = _plan(task, source, engines, reference, settings, repeats, timeout_s, use_cache, request, agreed)
        except EngineError as error:
            raise gr.Error(str(error), print_exception=False) from None
        run = runner.start(plan)
        try:
            for _event in run.events():
                pass
        finally:
            run.cancel()
        rows = [dict(run.results[cell].row) for cell in run.cells]
        files = [str(runner.store.blob_path(file["sha256"])) for row in rows for file in json.loads(row["output_files"] or "[]")]
        return rows, files

    return call


def _plan(
    task: Task,
    source: str,
    engines: list[str] | None,
    reference: str | None,
    settings: dict[str, Any] | None,
    repeats: int,
    timeout_s: float,
    use_cache: bool,
    request: gr.Request | None,
    agreed: bool,
) -> Plan:
    if not source:
        raise EngineError(f"{task.source} is empty")
    if not 1 <= (repeats or 0) <= MOST_REPEATS:
        raise EngineError(f"repeats must be from 1 to {MOST_REPEATS}, got {repeats!r}")
    if not 0 < (timeout_s or 0) <= LONGEST_S:
        raise EngineError(f"timeout_s must be above 0 and at most {LONGEST_S:g}, got {timeout_s!r}")
    specs = tuple(find(str(engine_id), task.name) for engine_id in dict.fromkeys(engines or ()))
    specs = specs or tuple(spec for spec in engines_for(task.name) if readiness(spec).status == "ready")
    if task.takes_audio:
        taken = take_in(source)
        source, name = taken.audio, taken.name
    else:
        name = visible_line(source, 60)
    return Plan(
        task=task.name,
        request=build_request(task.name, source, settings),
        specs=specs,
        input_name=name,
        reference=reference_from_text(task.name, reference) if isinstance(reference, str) else Reference(),
        repeats=int(repeats),
        timeout_s=float(timeout_s),
        use_cache=bool(use_cache),
        session=getattr(request, "session_hash", None),
        agreed=agreed,
    )
