"""One builder for every task's tab: input, settings, engines, Run, cards, chart, CSV. Nothing here knows a task by name."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from comparisons import catalogue
from comparisons.asking import CONSENTS, SoundFile, build_request, missing_consent, reference_from_text
from comparisons.catalogue import Access, engines_for, find, on_space, readiness
from comparisons.cost import estimate
from comparisons.faults import check_key
from comparisons.hearing import find_hearer
from comparisons.intake import Intake, take_in
from comparisons.metrics import Reference
from comparisons.runner import Plan, Run, Runner
from comparisons.samples import for_task
from comparisons.settle import visible_line
from comparisons.table import write_csv
from engine.audio import Audio
from engine.contract import BadInput, EngineError, EngineSpec, Request, Stem, Tag, options_of
from engine.tasks import TASKS, Task, usage_of
from ui.board import Board, servable
from ui.cards import Cards
from ui.chart import Chart, bars_from_rows
from ui.choices import ASKS_FIRST, picker_state, preselected
from ui.deck import Deck, deck_from_results
from ui.inputs import (
    INPUT_TITLES,
    LONGEST_S,
    MOST_REPEATS,
    fill,
    first,
    reference_box,
    run_settings,
    sample_chips,
    server_boxes,
    source_box,
)
from ui.judge import JUDGED_TASKS, JudgeSection
from ui.keys import read_keys
from ui.matrix import Matrix, matrix_from_results
from ui.note import Note, bad, warn
from ui.picker import Picker
from ui.voices import on_fetch, voice_box
from ui.widgets import consent_box, setting_widgets
from ui.words import Words, chosen_text, state_from_results

log = logging.getLogger(__name__)

REDRAW_S = 0.1
"""Pieces are gathered for this long: ten redraws a second look live and leave the processor to the engines."""
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_EMPTY = "Choose an input and engines, then press Run. A sample is already there."


@dataclass
class Desk:
    """What all tabs share: the runner, the key boxes and the comparisons under way, by session."""

    runner: Runner
    keys: list[gr.Textbox]
    running: dict[str, set[Any]] = field(default_factory=dict)
    """Whatever has `cancel()`: runs of the task tabs, and batches."""

    def stop(self, session: str | None) -> None:
        """Cancel everything of one session, because its page is closed."""
        for run in list(self.running.get(session or "", ())):
            run.cancel()


# ---------------------------------------------------------------- from the page to a plan


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


def _request(task: Task, page: dict[str, Any], source: Any) -> Request:
    given = {name: (page[name], how) for name, how in options_of(task.request).items() if name in page}
    settings = {name: SoundFile(Path(value)) if value and how.longest_s else value for name, (value, how) in given.items()}
    return build_request(task.name, source, settings)


def _missing_consent(page: dict[str, Any]) -> str:
    given = [name for name in CONSENTS if consent_box(name) in page and page.get(name) and not page[consent_box(name)]]
    return missing_consent(given, False, "tick the box under it in Settings")


def _specs(task: str, page: dict[str, Any]) -> tuple[EngineSpec, ...]:
    """The ticked engines, and the person's own server when its address and model are given."""
    ticked = tuple(find(engine_id, task) for engine_id in page["picker"]["selected"])
    if not page.get("server_url") or not page.get("server_model"):
        return ticked
    return (*ticked, catalogue.own_server(page["server_url"], page["server_model"], task))


def _price_note(task: Task, page: dict[str, Any], access: dict[str, Access], request: Request | None) -> str:
    """What Run will do and cost: "3 cloud calls, about $0.0041; 2 local; 1 skipped: key missing"."""
    specs = _specs(task.name, page)
    if not specs:
        return "Tick at least one engine."
    skipped = [spec for spec in specs if readiness(spec, access.get(spec.vendor_slug)).status != "ready"]
    refused = [spec for spec in specs if spec not in skipped and request is not None and catalogue.blocked(spec, request)]
    going = [spec for spec in specs if spec not in skipped and spec not in refused]
    repeats, parts = int(page.get("repeats") or 1), []
    expected = estimate(going, usage_of(request, None) if request is not None else {}, repeats)
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
    return "; ".join(parts) + f". Stops at {float(page.get('timeout_s') or 120):g} s each."


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


# ---------------------------------------------------------------- the tab


def build_tab(task_name: str, desk: Desk) -> None:
    """The whole tab, inside an open gr.Tab. Every listener is private: keys travel with them."""
    task, specs, samples = TASKS[task_name], engines_for(task_name), for_task(task_name)
    with gr.Row():
        with gr.Column(elem_classes="sc-left"):
            with gr.Column(elem_classes="sc-card"):
                source = source_box(task, samples)
                chips = sample_chips(samples)
                said = Note()
                asked = {}
                if "prompt" in options_of(task.request) and task_name == "audio_lm":
                    asked["prompt"] = gr.Textbox(
                        label="Question", value=first(samples, "prompt"), lines=2, max_lines=5, max_length=5_000
                    )
                reference = reference_box(task, samples)
                with gr.Accordion("Settings", open=False, visible=any(_honoured(task, specs))):
                    asked |= setting_widgets(task, specs, skip=tuple(asked))
                    voices = voice_box(task_name, asked)
            with gr.Column(elem_classes="sc-card"):
                picker = Picker({"selected": preselected(task_name)})
                with gr.Row(elem_classes="sc-run"):
                    run_button = gr.Button("Run", variant="primary", size="lg", elem_id=f"run-{task_name}")
                    stop_button = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id=f"stop-{task_name}")
                    price = Note()
                with gr.Accordion("Run settings", open=False):
                    how = run_settings(task)
                how |= server_boxes(task)
        with gr.Column(elem_classes="sc-right"):
            board = Board({"phase": "empty", "empty_text": _EMPTY})
            chart = Chart(visible=False)
            deck = Deck() if Audio in task.pieces or Stem in task.pieces else None
            words = Words() if task_name == "asr" else None
            matrix = Matrix() if Tag in task.pieces else None
            judge = JudgeSection(task_name) if task_name in JUDGED_TASKS else None
            with gr.Row():
                download = gr.DownloadButton(
                    "Download this run as CSV", visible=False, size="md", elem_id=f"csv-{task_name}", elem_classes="sc-download"
                )

    inputs = {"source": source, **({"reference": reference} if reference is not None else {}), **asked, **how, "picker": picker}
    page = Page(tuple(inputs), len(desk.keys))
    everything = [*inputs.values(), *desk.keys]

    def look(values: Sequence[Any]) -> tuple[Request | None, str | dict[str, str]]:
        """The request as it stands now, and what to say about the input."""
        try:
            state, _ = page.read(values)
            if not state["source"]:
                return None, ""
            if not task.takes_audio:
                return _request(task, state, state["source"]), ""
            taken = _taken(state["source"])
            words = f"{taken.audio.seconds:.1f} s · {taken.source_rate / 1000:g} kHz · {_channels(taken.source_channels)}"
            return _request(task, state, taken.audio), warn(" ".join([words + ".", *taken.warnings])) if taken.warnings else words
        except EngineError as error:
            return None, bad(str(error))

    def refresh(*values: Any) -> tuple[Any, ...]:
        request, words = look(values)
        try:
            state, access = page.read(values)
            shown = picker_state(task_name, state["picker"]["selected"], access, request)
        except EngineError as error:
            return gr.skip(), bad(str(error)), gr.skip()
        return shown, words, priced(values, request)

    def priced(values: Sequence[Any], request: Request | None) -> str | dict[str, str]:
        try:
            state, access = page.read(values)
            note = _price_note(task, state, access, request)
        except EngineError as error:
            return bad(str(error))
        return warn(f"{missing} {note}") if (missing := _missing_consent(state)) else note

    def reprice(*values: Any) -> Any:
        return priced(values, look(values)[0])

    async def run(request: gr.Request, *values: Any) -> AsyncIterator[dict[Any, Any]]:
        try:
            plan = await asyncio.to_thread(_plan, task, page, values, request.session_hash)
            under_way = await asyncio.to_thread(desk.runner.start, plan)
        except Exception as error:  # noqa: BLE001  whatever it was, the person can press Run again
            yield {price: bad(_why(error))}
            return
        cards = Cards(plan, desk.runner.store)
        runs = desk.running.setdefault(request.session_hash or "", set())
        runs.add(under_way)
        try:
            yield {
                board: cards.state(),
                run_button: gr.Button(visible=False),
                stop_button: gr.Button(visible=True),
                price: "",
            } | {each: {} for each in more}
            while not under_way.finished:
                await asyncio.sleep(REDRAW_S)
                if await asyncio.to_thread(cards.apply, under_way.drain()):
                    yield {board: cards.state()}
            await asyncio.to_thread(cards.apply, under_way.drain())
            yield await asyncio.to_thread(finished, plan, under_way, cards, page.settings(values)["source"])
        except Exception as error:  # noqa: BLE001  a tab without its Run button would be lost until it is loaded again
            yield {price: bad(_why(error)), **ready()}
        finally:
            runs.discard(under_way)
            if not under_way.finished:
                under_way.cancel()

    def ready() -> dict[Any, Any]:
        return {run_button: gr.Button(visible=True), stop_button: gr.Button(visible=False)}

    def finished(plan: Plan, under_way: Run, cards: Cards, source: Any) -> dict[Any, Any]:
        """Everything that is shown once all cells have settled. What cannot be shown says why and takes nothing else with it."""
        parts: dict[Any, Callable[[], Any]] = {
            chart: lambda: gr.update(value=bars_from_rows(cards.rows), visible=True),
            download: lambda: gr.update(value=_csv(task_name, cards.rows), visible=True),
        }
        if deck is not None:
            given = getattr(plan.request, "audio", None)
            parts[deck] = lambda: deck_from_results(cards.in_order, desk.runner.store, given, task)
        if matrix is not None:
            parts[matrix] = lambda: matrix_from_results(cards.in_order, plan.reference, servable(source))
        if words is not None:
            parts[words] = lambda: state_from_results(cards.in_order, servable(source), plan.request.language)
        if judge is not None:
            parts |= judge.parts(cards.in_order)
        notes, shown, missing = cards.finish(), {}, []
        for component, make in parts.items():
            try:
                shown[component] = make()
            except Exception as error:  # noqa: BLE001  the other parts are shown
                missing.append(_why(error))
        said = " · ".join([" ".join([_summary(under_way, cards), *notes]), *dict.fromkeys(missing)])
        return shown | {board: cards.state(done=True), price: bad(said) if missing else said} | ready()

    def chosen(event: gr.EventData) -> Any:
        return chosen_text(event) or gr.skip()

    async def choose(request: gr.Request, *values: Any) -> AsyncIterator[dict[Any, Any]]:
        """A reference built from chosen words: known answers are measured against it at once, and nothing is paid for twice."""
        if not page.settings(values)["use_cache"]:
            yield {price: "The reference has grown. Press Run to measure against it."}
            return
        async for update in run(request, *values):
            yield update

    def stop(request: gr.Request) -> None:
        """Cancel what this tab runs; other tabs and batches go on."""
        for run in list(desk.running.get(request.session_hash or "", ())):
            if isinstance(run, Run) and run.plan.task == task_name:
                run.cancel()

    def prepare(*values: Any) -> Iterator[tuple[Any, ...]]:
        try:
            state, access = page.read(values)
            if on_space():
                raise EngineError("Preparing is switched off where visitors share the machine.")
            spec = find(state["picker"]["prepare"], task_name)
            if catalogue.agreement(spec):
                raise EngineError(f"{spec.name}: {ASKS_FIRST}")
            for line in catalogue.prepare(spec):
                yield gr.skip(), line
            yield picker_state(task_name, state["picker"]["selected"], access, look(values)[0]), "Prepared."
        except (EngineError, OSError) as error:
            yield gr.skip(), bad(_why(error))

    more = [each for each in (deck, words, matrix, *(judge.emptied if judge is not None else ())) if each is not None]
    results = [board, chart, download, run_button, stop_button, price, *more]
    run_button.click(run, everything, results, concurrency_limit=None, **PRIVATE)
    if words is not None:
        words.choose(chosen, None, reference, queue=False, **PRIVATE).then(
            choose, everything, results, concurrency_limit=None, **PRIVATE
        )
    stop_button.click(stop, None, None, queue=False, **PRIVATE)
    if judge is not None:
        judge.listen(desk, how["spend_cap_usd"], download, partial(_csv, task_name))
    picker.input(reprice, everything, price, concurrency_limit=None, trigger_mode="always_last", **PRIVATE)
    picker.prepare(prepare, everything, [picker, price], **PRIVATE)
    if voices is not None:
        on_fetch(voices, task_name, asked["voice"], picker, desk.keys, desk.runner.store.folder / "voices")
    for box, consent in ((asked[name], asked[consent_box(name)]) for name in CONSENTS if name in asked):
        # Another voice is another person's: the tick does not stay.
        box.change(lambda sound: gr.Checkbox(False, visible=bool(sound)), box, consent, queue=False, **PRIVATE)
    changing = [source, *asked.values(), *how.values()]
    refreshed = {"fn": refresh, "inputs": everything, "outputs": [picker, said, price], "concurrency_limit": None}
    gr.on([picker.opened, *(each.change for each in changing)], **refreshed, trigger_mode="always_last", **PRIVATE)
    gr.on([box.blur for box in desk.keys], **refreshed, trigger_mode="always_last", **PRIVATE)
    for chip, sample in zip(chips, samples, strict=True):
        filled = [source, *([reference] if reference is not None else []), *([asked["prompt"]] if "prompt" in asked else [])]
        chip.click(partial(fill, task, sample, len(filled)), None, filled, queue=False, **PRIVATE)


def _why(error: Exception) -> str:
    """One sentence for the person; what nobody foresaw goes whole into the log."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: free some space, then run again."
    log.error("a run could not be shown", exc_info=error)
    return f"A part of this could not be shown ({type(error).__name__}); the log says more. The Table tab has every finished run."


def _honoured(task: Task, specs: Sequence[EngineSpec]) -> Iterator[bool]:
    for name in options_of(task.request):
        yield name != "prompt" and any(name in spec.honours for spec in specs)


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _plan(task: Task, page: Page, values: Sequence[Any], session: str | None) -> Plan:
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
        repeats=_within(state["repeats"], 1, MOST_REPEATS, 1, "Repeats"),
        timeout_s=float(_within(state["timeout_s"], 1, LONGEST_S, 120, "The deadline")),
        use_cache=bool(state["use_cache"]),
        access=access,
        session=session,
        machine_usd_per_hour=_within(state["machine_usd_per_hour"], 0, 10_000, None, "The machine's price"),
        spend_cap_usd=_within(state["spend_cap_usd"], 0, 10_000, None, "The spend cap"),
        hear_with=find_hearer(state["hear_with"], task.name) if state.get("hear_with") else None,
    )


def _within(value: Any, low: float, high: float, missing: Any, what: str) -> Any:
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


def _read_reference(task: Task, given: Any) -> Reference:
    if task.reference is None:  # there a box of this name holds a sound to speak with
        return Reference()
    if task.reference == "stems":
        stems = {Path(path).stem: take_in(path).audio for path in given or []}
        return Reference(stems=stems or None)
    return reference_from_text(task.name, given) if given else Reference()


def _csv(task: str, rows: Sequence[Any]) -> str:
    folder = Path(tempfile.mkdtemp(prefix="soundcheck-"))
    file = folder / f"soundcheck-{task}-{datetime.now():%Y%m%d-%H%M%S}.csv"
    write_csv(rows, file)
    return str(file)


def _summary(under_way: Run, cards: Cards) -> str:
    answered = sum(row["status"] == "ok" for row in cards.rows)
    spent = f" · spent ${under_way.spent_usd:.4f}" if under_way.spent_usd else ""
    return f"{answered} of {len(under_way.cells)} answered{spent}"
