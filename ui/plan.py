"""From what stands in a tab to a plan of the run, and what is said of both before Run is pressed."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons import catalogue
from comparisons.asking import CONSENTS, SoundFile, build_request, missing_consent, reference_from_text
from comparisons.catalogue import Access, find, readiness
from comparisons.cost import estimate
from comparisons.faults import check_key
from comparisons.hearing import find_hearer
from comparisons.intake import Intake, take_in
from comparisons.metrics import Reference
from comparisons.runner import Plan
from comparisons.settle import visible_line
from engine.contract import BadInput, EngineError, EngineSpec, Request, options_of
from engine.tasks import Task, usage_of
from ui.inputs import INPUT_TITLES, LONGEST_S, MOST_REPEATS
from ui.keys import read_keys
from ui.note import bad, warn
from ui.widgets import consent_box


@dataclass(frozen=True)
class Page:
    """The inputs of a tab's events, in the order in which Gradio hands them over."""

    names: tuple[str, ...]
    keys: int

    def settings(self, values: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.names, values, strict=False))

    def read(self, values: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Access]]:
        """The settings, and what the pasted keys open. Raises BadInput for what cannot be a key."""
        return self.settings(values), read_keys(values[len(self.names) :])


@dataclass(frozen=True)
class Look:
    """What a tab holds before Run is pressed."""

    request: Request | None = None
    said: str | dict[str, str] = ""
    """On the input, or why it cannot be used."""
    refused: str = ""
    """Why Run would refuse the settings."""


def look(task: Task, page: Page, values: Sequence[Any]) -> Look:
    state = page.settings(values)
    source, said = state["source"], ""
    if not source:
        return Look()
    try:
        if task.takes_audio:
            taken = _taken(source)
            source = taken.audio
            words = f"{source.seconds:.1f} s · {taken.source_rate / 1000:g} kHz · {_channels(taken.source_channels)}"
            said = warn(" ".join([words + ".", *taken.warnings])) if taken.warnings else words
        else:
            build_request(task.name, source)
    except EngineError as error:
        return Look(said=bad(str(error)))
    try:
        return Look(_request(task, state, source), said)
    except EngineError as error:
        return Look(None, said, str(error))


_TAKEN: OrderedDict[tuple[str, int, int], Intake] = OrderedDict()
_KEPT_SOUNDS, _KEPT_BYTES = 8, 32 << 20


def _taken(path: str) -> Intake:
    """The sound of an input box. Every change of a setting looks at it again, so the last few small ones stay decoded."""
    try:
        found = Path(path).stat()
    except OSError:
        raise BadInput("Your sound is no longer on the server: add it again.") from None
    key = (path, found.st_mtime_ns, found.st_size)
    if key in _TAKEN:
        return _TAKEN[key]
    taken = take_in(path)
    if taken.audio.samples.nbytes <= _KEPT_BYTES:
        _TAKEN[key] = taken
        while len(_TAKEN) > _KEPT_SOUNDS:
            _TAKEN.popitem(last=False)
    return taken


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _request(task: Task, state: dict[str, Any], source: Any) -> Request:
    given = {name: (state[name], how) for name, how in options_of(task.request).items() if name in state}
    settings = {name: SoundFile(Path(value)) if value and how.longest_s else value for name, (value, how) in given.items()}
    return build_request(task.name, source, settings)


def _missing_consent(state: dict[str, Any]) -> str:
    given = [name for name in CONSENTS if consent_box(name) in state and state.get(name) and not state[consent_box(name)]]
    return missing_consent(given, False, "tick the box under it in Settings")


def _specs(task: str, state: dict[str, Any]) -> tuple[EngineSpec, ...]:
    """The ticked engines, and the person's own server when its address and model are given."""
    ticked = tuple(find(engine_id, task) for engine_id in state["picker"]["selected"])
    if not state.get("server_url") or not state.get("server_model"):
        return ticked
    return (*ticked, catalogue.own_server(state["server_url"], state["server_model"], task))


def within(value: Any, low: float, high: float, missing: Any, what: str) -> Any:
    """The number in a box, typed or written; nothing gives `missing`. Raises EngineError naming the range."""
    if value is None or value == "":
        return missing
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high:
        raise EngineError(f"{what} must be from {low:g} to {high:g}.")
    return int(number) if isinstance(missing, int) else number


def _how(state: dict[str, Any]) -> dict[str, Any]:
    """The run settings as fields of a plan. Raises EngineError naming the range."""
    return {
        "repeats": within(state["repeats"], 1, MOST_REPEATS, 1, "Repeats"),
        "timeout_s": float(within(state["timeout_s"], 1, LONGEST_S, 120, "The deadline")),
        "use_cache": bool(state["use_cache"]),
        "machine_usd_per_hour": within(state["machine_usd_per_hour"], 0, 10_000, None, "The machine's price"),
        "spend_cap_usd": within(state["spend_cap_usd"], 0, 10_000, None, "The spend cap"),
    }


# ---------------------------------------------------------------- before the run


def forecast(task: Task, page: Page, values: Sequence[Any], seen: Look) -> str | dict[str, str]:
    """What Run will do and cost, or why it would refuse: "3 cloud calls, about $0.0041; 2 local; 1 skipped: not ready"."""
    try:
        state, access = page.read(values)
        if seen.refused:
            return bad(seen.refused)
        note = _forecast(_specs(task.name, state), _how(state), access, seen.request)
    except EngineError as error:
        return bad(str(error))
    return warn(f"{missing} {note}") if (missing := _missing_consent(state)) else note


def _forecast(specs: Sequence[EngineSpec], how: dict[str, Any], access: dict[str, Access], request: Request | None) -> str:
    if not specs:
        return "Tick at least one engine."
    skipped = [spec for spec in specs if readiness(spec, access.get(spec.vendor_slug)).status != "ready"]
    refused = [spec for spec in specs if spec not in skipped and request is not None and catalogue.blocked(spec, request)]
    going = [spec for spec in specs if spec not in skipped and spec not in refused]
    parts = []
    expected = estimate(going, usage_of(request, None) if request is not None else {}, how["repeats"])
    if expected.cloud_calls:
        parts.append(f"{expected.cloud_calls} cloud {'call' if expected.cloud_calls == 1 else 'calls'}")
        if expected.cost_usd is not None:
            parts[-1] += f", about ${expected.cost_usd:.4f}"
        if expected.unknown_calls:
            parts[-1] += f", {expected.unknown_calls} of unknown cost"
    if expected.local_runs:
        parts.append(f"{expected.local_runs} local")
    if skipped:
        parts.append(f"{len(skipped)} skipped: not ready")
    for said, cannot in _sound_notes(going, refused, request):
        parts.append(said)
        refused = [spec for spec in refused if spec not in cannot]
    if refused:
        parts.append(f"{len(refused)} skipped: {catalogue.blocked(refused[0], request)}")
    return "; ".join(parts) + f". Stops at {how['timeout_s']:g} s each."


def _sound_notes(
    going: Sequence[EngineSpec], refused: Sequence[EngineSpec], request: Request | None
) -> Iterator[tuple[str, list[EngineSpec]]]:
    """Of each sound that is set: a sentence on who uses it and who is skipped because of it, and the skipped."""
    for name, how in options_of(type(request)).items() if request is not None else ():
        if how.longest_s is not None and getattr(request, name) is not None:
            cannot = [spec for spec in refused if name not in spec.honours]
            users = _listed([spec for spec in going if name in spec.honours])
            said = f"{how.label.lower()} used by {users or 'no ticked engine'}"
            yield f"{said}, {len(cannot)} skipped that cannot: {_listed(cannot)}" if cannot else said, cannot


def _listed(specs: Sequence[EngineSpec], most: int = 4) -> str:
    more = f" and {len(specs) - most} more" if len(specs) > most else ""
    return ", ".join(spec.name for spec in specs[:most]) + more


# ---------------------------------------------------------------- the run


def plan_of(task: Task, page: Page, values: Sequence[Any], session: str | None) -> Plan:
    """Everything checked again on this side: what a browser sends is anybody's. Raises EngineError with one sentence."""
    state, access = page.read(values)
    specs = _specs(task.name, state)
    if not specs:
        raise EngineError("Tick at least one engine, then press Run.")
    if not state["source"]:
        raise EngineError(f"{INPUT_TITLES[task.source]} is empty: add some, or press one of the samples.")
    if missing := _missing_consent(state):
        raise EngineError(missing)
    name, source = visible_line(str(state["source"]), 60), state["source"]
    if task.takes_audio:
        taken = _taken(source)
        name, source = taken.name, taken.audio
    if key := (state.get("server_key") or "").strip():
        access |= {spec.id: Access(check_key(key)) for spec in specs if spec.vendor_slug == catalogue.SERVERS}
    return Plan(
        task=task.name,
        request=_request(task, state, source),
        specs=specs,
        input_name=name,
        reference=_read_reference(task, state.get("reference")),
        access=access,
        session=session,
        hear_with=find_hearer(state["hear_with"], task.name) if state.get("hear_with") else None,
        agreed=any(state.get(consent_box(name)) for name in CONSENTS),
        **_how(state),
    )


def _read_reference(task: Task, given: Any) -> Reference:
    if task.reference is None:  # there a box of this name holds a sound to speak with
        return Reference()
    if task.reference == "stems":
        stems = {Path(path).stem: take_in(path).audio for path in given or []}
        return Reference(stems=stems or None)
    return reference_from_text(task.name, given) if given else Reference()
