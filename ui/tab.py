"""One builder for every task's tab: input, settings, engines, Run, cards, chart, CSV. Nothing here knows a task by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import gradio as gr

from comparisons import catalogue
from comparisons.asking import CONSENTS
from comparisons.catalogue import engines_for, find, on_space
from comparisons.runner import Plan, Run
from comparisons.samples import for_task
from comparisons.table import write_csv
from engine.audio import Audio
from engine.contract import EngineError, EngineSpec, Stem, Tag, options_of
from engine.tasks import TASKS, Task
from ui.board import Board, servable
from ui.cards import Cards
from ui.chart import Chart, bars_from_rows
from ui.choices import ASKS_FIRST, picker_state, preselected
from ui.deck import Deck, deck_from_results
from ui.desk import EACH, PRIVATE, Desk, why
from ui.downloads import fresh_folder
from ui.inputs import fill, first, reference_box, run_settings, sample_chips, server_boxes, source_box
from ui.judge import JUDGED_TASKS, JudgeSection
from ui.matrix import Matrix, matrix_from_results
from ui.note import Note, bad, since, turn
from ui.picker import Picker
from ui.plan import Page, forecast, look, plan_of
from ui.voices import on_fetch, voice_box
from ui.widgets import consent_box, setting_widgets
from ui.words import Words, beside_player, chosen_text, state_from_results

REDRAW_S = 0.1
"""Pieces are gathered for this long: ten redraws a second look live and leave the processor to the engines."""
_EMPTY = "Choose an input and engines, then press Run. A sample is already there."


def build_tab(task_name: str, desk: Desk) -> Deck | None:
    """The whole tab, inside an open gr.Tab; its deck, or None. Every listener is private: keys travel with them."""
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

    def refresh(*values: Any) -> tuple[Any, ...]:
        began = turn()
        seen = look(task, page, values)
        will = since(began, forecast(task, page, values, seen))
        try:
            state, access = page.read(values)
            shown = picker_state(task_name, state["picker"]["selected"], access, seen.request)
        except EngineError:  # the forecast says it
            shown = gr.skip()
        return shown, since(began, seen.said), will

    def reprice(*values: Any) -> Any:
        began = turn()
        return since(began, forecast(task, page, values, look(task, page, values)))

    async def run(request: gr.Request, *values: Any) -> AsyncIterator[dict[Any, Any]]:
        try:
            plan = await asyncio.to_thread(plan_of, task, page, values, request.session_hash)
            under_way = await asyncio.to_thread(desk.runner.start, plan)
        except Exception as error:  # noqa: BLE001  whatever it was, the person can press Run again
            yield {price: bad(why(error))}
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
            yield {price: bad(why(error)), **ready()}
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
                missing.append(why(error))
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
            yield picker_state(task_name, state["picker"]["selected"], access, look(task, page, values).request), "Prepared."
        except (EngineError, OSError) as error:
            yield gr.skip(), bad(why(error))

    more = [each for each in (deck, words, matrix, *(judge.emptied if judge is not None else ())) if each is not None]
    results = [board, chart, download, run_button, stop_button, price, *more]
    run_button.click(run, everything, results, concurrency_limit=None, **PRIVATE)
    if words is not None:
        beside_player(words, source, asked["word_times"])
        words.choose(chosen, None, reference, queue=False, **EACH, **PRIVATE).then(
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
        # Another voice is another person's: the tick does not stay. "change" comes twice, late enough to take a fresh tick away.
        given = [box.upload, box.stop_recording, box.clear]
        gr.on(given, lambda sound: gr.Checkbox(False, visible=bool(sound)), box, consent, queue=False, **PRIVATE)
    changing = [source, *asked.values(), *how.values()]
    refreshed = {"fn": refresh, "inputs": everything, "outputs": [picker, said, price], "concurrency_limit": None}
    gr.on([picker.opened, *(each.change for each in changing)], **refreshed, trigger_mode="always_last", **PRIVATE)
    gr.on([box.blur for box in desk.keys], **refreshed, trigger_mode="always_last", **PRIVATE)
    for chip, sample in zip(chips, samples, strict=True):
        filled = [source, *([reference] if reference is not None else []), *([asked["prompt"]] if "prompt" in asked else [])]
        chip.click(partial(fill, task, sample, len(filled)), None, filled, queue=False, **PRIVATE)
    return deck


def _honoured(task: Task, specs: Sequence[EngineSpec]) -> Iterator[bool]:
    for name in options_of(task.request):
        yield name != "prompt" and any(name in spec.honours for spec in specs)


def _csv(task: str, rows: Sequence[Any]) -> str:
    file = fresh_folder() / f"soundcheck-{task}-{datetime.now():%Y%m%d-%H%M%S}.csv"
    write_csv(rows, file)
    return str(file)


def _summary(under_way: Run, cards: Cards) -> str:
    answered = sum(row["status"] == "ok" for row in cards.rows)
    spent = f" · spent ${under_way.spent_usd:.4f}" if under_way.spent_usd else ""
    return f"{answered} of {len(under_way.cells)} answered{spent}"
