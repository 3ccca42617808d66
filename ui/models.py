"""The models tab: what local engines hold on this machine, preparing and deleting it, and people's own checkpoints."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel
from pydantic import BaseModel, Field

from comparisons import models, own_models
from comparisons.catalogue import agreement, engines, find, on_space, readiness
from comparisons.preparing import Preparations
from engine import environment, weights
from engine.contract import BadInput, EngineError, EngineSpec
from engine.tasks import TASKS
from ui.choices import families_of
from ui.desk import EACH, PRIVATE
from ui.shown import Shown, script

STEP_S = 0.4
LOCKED = "Visitors share this machine: only its owner can prepare or delete models, on the command line."
REFRESH = "() => { for (const shown of document.querySelectorAll('.sc-models')) shown.dispatchEvent(new Event('sc-refresh')); }"


class Kept(BaseModel):
    """One thing on disk."""

    kind: str
    name: str
    gb: float
    engines: list[str]


class Offer(BaseModel):
    """One engine that prepare can make ready, or is making ready."""

    id: str
    name: str
    task: str
    family: str = ""
    """Under this name the engines of one task are folded away together."""
    gb: float | None = None
    environment: str = ""
    """What its own environment takes beside that; "" where it takes little or is built."""
    licence: str = ""
    terms: str = ""
    """Address at which the publisher's terms are accepted; "" where nothing is asked."""
    consent: str = ""
    runs_code: bool = False
    line: str = ""
    share: float | None = None
    error: str = ""
    busy: bool = False


class Own(BaseModel):
    id: str
    source: str
    ready: bool


class ModelsState(GradioModel):
    """What ui/models.js draws."""

    ready: bool = False
    locked: str = ""
    free_gb: float = 0.0
    kept: list[Kept] = Field(default_factory=list)
    offers: list[Offer] = Field(default_factory=list)
    unavailable: int = 0
    """Local engines whose weights no device of this machine can hold."""
    own: list[Own] = Field(default_factory=list)
    said: str = ""
    bad: bool = False


def _ways(family: str) -> list[list[str]]:
    """The variants of a family: name, what people read, and title of the task."""
    ways = own_models.variants(family).items()
    return [[name, f"{name or own_models.PLAIN}: {said}", TASKS[task].title] for name, (said, task) in ways]


class Models(Shown):
    """Shows a ModelsState. Events: "prepare" {"id", "agreed"}, "halt" {"id"}, "discard" {"kind", "name"}, "adopt" {"family",
    "source", "variant"}, "forget" {"id"} and "look" {}; every field is a stranger's word and is checked here.
    """

    data_model = ModelsState

    def __init__(self, value: ModelsState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<div class='sc-models-inside'></div>",
            js_on_load=script("models"),
            apply_default_css=False,
            elem_classes=["sc-models"],
            families=[[name, _ways(name)] for name in own_models.families()],
            tasks=[[task.name, task.title] for task in TASKS.values()],
            **options,
        )


def _offer(spec: EngineSpec, family: str, preparations: Preparations) -> Offer:
    running = next((each for each in preparations.current() if each.spec.id == spec.id), None)
    code, weighed = spec.license_code, spec.license_weights
    offer = Offer(
        id=spec.id,
        name=spec.name,
        task=spec.task,
        family=family,
        gb=spec.needs.download_gb,
        environment=environment.size_words(spec),
        licence=f"{code}" if code == weighed else f"code {code} · weights {weighed or 'of unknown licence'}",
        terms=f"https://huggingface.co/{spec.needs.downloads[0].source}" if spec.needs.gated else "",
        consent=spec.consent,
        runs_code=spec.remote_code,
    )
    if running is None:
        return offer
    return offer.model_copy(
        update={"line": running.line, "share": running.share, "error": running.error, "busy": not running.done}
    )


def state(preparations: Preparations, said: str = "", bad: bool = False) -> ModelsState:
    """Everything the tab shows, read from disk now."""
    if on_space():
        return ModelsState(ready=True, locked=LOCKED)
    local = [(spec, readiness(spec)) for spec in engines().values() if spec.where == "local"]
    families = families_of([spec for spec, _ in local])
    order = list(TASKS)
    offers = [_offer(spec, families[spec.id], preparations) for spec, ready in local if ready.preparable]
    offers.sort(key=lambda each: (order.index(each.task), each.family.lower(), each.gb or 0))
    return ModelsState(
        ready=True,
        free_gb=shutil.disk_usage(environment.home()).free / 1e9,
        kept=[Kept(kind=each.kind, name=each.name, gb=each.size_gb, engines=list(each.engines)) for each in models.held()],
        offers=offers,
        unavailable=sum(ready.status == "unavailable" for _, ready in local),
        own=[Own(id=spec.id, source=spec.own, ready=ready.status == "ready") for spec, ready in local if spec.own is not None],
        said=said,
        bad=bad,
    )


def _text(data: Any, name: str, longest: int = 1_000) -> str:
    value = data.get(name) if isinstance(data, dict) else None
    return value[:longest] if isinstance(value, str) else ""


def _prepare(preparations: Preparations, data: Any) -> None:
    spec = find(_text(data, "id"))
    asked = agreement(spec)
    if asked and not (isinstance(data, dict) and data.get("agreed") is True):
        raise BadInput(f"{spec.name} asks for your agreement first: {asked}")
    preparations.start(spec)


def _discard(preparations: Preparations, data: Any) -> str:
    freed = models.delete_held(_text(data, "kind"), _text(data, "name"))
    return f"{freed:.2f} GB freed."


def _adopt(preparations: Preparations, data: Any) -> str:
    spec = own_models.add(_text(data, "family"), _text(data, "source"), _text(data, "variant"))
    how = "Prepare it below." if weights.missing(spec) else "It is ready."
    return f"{spec.id} is an engine of {TASKS[spec.task].title} now. {how}"


def _forget(preparations: Preparations, data: Any) -> str:
    return "Forgotten; its files stay." if own_models.remove(_text(data, "id")) else "It was not there any more."


def build_models_tab(tab: gr.Tab) -> None:
    """Fill `tab`, inside whose context this is called. The disk is read whenever the tab is opened."""
    preparations, shown = Preparations(), Models()

    def follow() -> Iterator[ModelsState]:
        """The state now, its progress while something is being prepared, and the state after that."""
        now = state(preparations)
        yield now
        waited = False
        while not now.locked and any(not each.done for each in preparations.current()):
            time.sleep(STEP_S)
            waited = True
            now.offers = [_offer(find(each.id), each.family, preparations) for each in now.offers]
            yield now
        if waited:
            yield state(preparations)

    def doing(act: Any) -> Any:
        def listener(event: gr.EventData) -> Iterator[ModelsState]:
            try:
                if on_space():
                    raise BadInput(LOCKED)
                said = act(preparations, event._data) or ""
            except EngineError as error:
                yield state(preparations, str(error), bad=True)
                return
            if said:
                yield state(preparations, said)
            if act is _prepare:
                yield from follow()

        return listener

    def halt(event: gr.EventData) -> None:
        if not on_space():
            preparations.stop(_text(event._data, "id"))

    private: dict[str, Any] = {**PRIVATE, "concurrency_limit": None}
    shown.look(follow, None, shown, **private)
    shown.prepare(doing(_prepare), None, shown, **EACH, **private)
    shown.discard(doing(_discard), None, shown, **EACH, **private)
    shown.adopt(doing(_adopt), None, shown, **EACH, **private)
    shown.forget(doing(_forget), None, shown, **EACH, **private)
    shown.halt(halt, None, None, queue=False, **EACH, **PRIVATE)
    tab.select(None, None, None, js=REFRESH)
