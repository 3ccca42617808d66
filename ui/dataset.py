"""The dataset tab: many inputs on many engines, with progress while it goes and figures with n when it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from comparisons import catalogue
from comparisons.asking import CONSENTS
from comparisons.batch import Batch, BatchPlan
from comparisons.catalogue import engines_for, find, on_space, readiness
from comparisons.datasets import Dataset, open_dataset
from comparisons.hearing import find_hearer
from comparisons.intake import safe_name
from comparisons.manifests import missing_voice_consent
from comparisons.metrics import preload
from comparisons.runner import Runner
from engine.contract import BadInput, EngineError, options_of
from engine.tasks import TASKS
from ui.chart import Chart
from ui.choices import ASKS_FIRST, picker_state, preselected
from ui.dataset_state import BatchBoard, BatchState, outcome_of, progress_state
from ui.desk import PRIVATE, Desk
from ui.inputs import LONGEST_S, MOST_REPEATS, listener_box
from ui.keys import read_keys
from ui.note import Note, bad
from ui.picker import Picker

LOOK_S = 0.5
UPLOADS = (".zip", ".csv", ".tsv", ".jsonl", ".txt")


class UnderWay:
    """A batch from the press of Start on: it can be cancelled while its dataset is still being opened."""

    def __init__(self) -> None:
        self.batch: Batch | None = None
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        if self.batch is not None:
            self.batch.cancel()


def _number(value: Any, low: float, high: float, missing: Any, what: str) -> Any:
    if value is None:
        return missing
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadInput(f"{what} must be from {low:g} to {high:g}")
    return value


def _source(page: dict[str, Any]) -> str:
    """The upload, or on a private install what was named. Raises BadInput."""
    named = str(page.get("named") or "").strip()
    if named and on_space():
        raise BadInput("folders and hub datasets are switched off where visitors share the machine: upload a zip")
    if named:
        return named
    if not page["upload"]:
        raise BadInput("Choose a dataset first: a zip of files, or of files with a manifest.csv.")
    if Path(page["upload"]).suffix.lower() not in UPLOADS:
        raise BadInput(f"{safe_name(str(page['upload']))!r} is no dataset: upload one of {', '.join(UPLOADS)}")
    return str(page["upload"])


def open_batch(runner: Runner, page: dict[str, Any], keys: Sequence[Any], session: str | None) -> tuple[Batch, str]:
    """A batch that is ready to start, and what to say about engines left out. Raises EngineError with one sentence."""
    access, task = read_keys(keys), TASKS[page["task"]]
    source = _source(page)
    ticked = [find(engine_id, task.name) for engine_id in page["picker"]["selected"]]
    specs = tuple(spec for spec in ticked if readiness(spec, access.get(spec.vendor_slug)).status == "ready")
    if not specs:
        raise BadInput("Tick at least one engine that is ready, then press Start.")
    language = (page.get("language") or "").strip()
    plan = BatchPlan(
        task=task.name,
        specs=specs,
        settings={"language": language} if language and "language" in options_of(task.request) else {},
        repeats=int(_number(page["repeats"], 1, MOST_REPEATS, 1, "Repeats")),
        timeout_s=float(_number(page["timeout_s"], 1, LONGEST_S, 120, "The deadline")),
        use_cache=bool(page["use_cache"]),
        access=access,
        session=session,
        spend_cap_usd=_number(page["spend_cap_usd"], 0, 10_000, None, "The spend cap"),
        hear_with=find_hearer(page["hear_with"], "tts") if task.name == "tts" and page["hear_with"] else None,
        agreed=bool(page.get("consent")),
    )
    plan.check()
    dataset = open_dataset(source, task.name)
    try:
        if missing := missing_voice_consent(dataset.columns, task, bool(page.get("consent")), "tick the box under the dataset"):
            raise BadInput(missing)
        preload(task.name)
        batch = Batch(runner, dataset, plan, batch_id=(page["resume"] or "").strip() or None)
    except BaseException:
        dataset.close()
        raise
    left_out = len(ticked) - len(specs)
    return batch, f"Left out, because not ready: {left_out} of {len(ticked)} ticked engines." if left_out else ""


def _close(batch: Batch, dataset: Dataset) -> None:
    """Remove what was unpacked, once no thread of the batch reads from it any more."""
    batch.wait()
    dataset.close()


def build_dataset_tab(desk: Desk) -> None:
    """The whole tab, inside an open gr.Tab. Every listener is private: keys travel with them."""
    first_task = next(iter(TASKS))
    with gr.Row():
        with gr.Column(elem_classes="sc-left"):
            with gr.Column(elem_classes="sc-card"):
                task = gr.Dropdown(
                    [(each.title, name) for name, each in TASKS.items()], value=first_task, label="Task", elem_id="dataset-task"
                )
                upload = gr.File(
                    label="Dataset: a zip, or a manifest of texts", file_count="single", height=150, elem_id="dataset-upload"
                )
                inputs: dict[str, gr.components.Component] = {"task": task, "upload": upload}
                if not on_space():
                    inputs["named"] = gr.Textbox(
                        label="Or a folder, a manifest or hub:owner/name",
                        placeholder="/data/calls or hub:owner/name:test",
                        max_length=500,
                    )
                inputs["language"] = language = gr.Textbox(
                    label="Language", placeholder="en; empty lets the engine decide", max_length=12
                )
                inputs["consent"] = consent = gr.Checkbox(
                    False, label=CONSENTS["reference"], info="For a manifest with the column voice_file.", visible=False
                )
            with gr.Column(elem_classes="sc-card"):
                picker = Picker({"selected": preselected(first_task)})
                with gr.Row(elem_classes="sc-run"):
                    start = gr.Button("Start", variant="primary", size="lg", elem_id="dataset-start")
                    pause = gr.Button("Pause", size="lg", visible=False, elem_id="dataset-pause")
                    stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="dataset-stop")
                said = Note()
                with gr.Accordion("Run settings", open=False):
                    inputs["repeats"] = gr.Number(1, label="Repeats", minimum=1, maximum=MOST_REPEATS, precision=0)
                    inputs["timeout_s"] = gr.Number(120, label="Deadline per answer (s)", minimum=1, maximum=LONGEST_S)
                    inputs["spend_cap_usd"] = gr.Number(None, label="Spend cap for the whole batch ($)", minimum=0)
                    inputs["use_cache"] = gr.Checkbox(
                        True, label="Reuse known answers", info="Marked cached and kept out of every time."
                    )
                    inputs["hear_with"] = hear = listener_box("tts", visible=False)
                    inputs["resume"] = gr.Textbox(
                        label="Go on with the batch",
                        placeholder="20260131T235959Z-0123abcd",
                        max_length=80,
                        elem_id="dataset-resume",
                    )
        with gr.Column(elem_classes="sc-right"):
            board = BatchBoard(elem_id="dataset-board")
            with gr.Row(visible=False) as downloads:
                titles = ("All rows as CSV", "Summary as JSON", "Summary as CSV")
                files = [
                    gr.DownloadButton(title, size="md", elem_id=f"dataset-file-{number}", elem_classes="sc-download")
                    for number, title in enumerate(titles)
                ]
            chart = Chart(visible=False)
    inputs["picker"] = picker
    everything = [*inputs.values(), *desk.keys]
    busy: dict[str, UnderWay] = {}

    def read(values: Sequence[Any]) -> tuple[dict[str, Any], Sequence[Any]]:
        return dict(zip(inputs, values, strict=False)), values[len(inputs) :]

    def buttons(running: bool, paused: bool = False) -> dict[Any, Any]:
        return {
            start: gr.Button(visible=not running),
            pause: gr.Button("Go on" if paused else "Pause", visible=running),
            stop: gr.Button(visible=running),
        }

    async def run(request: gr.Request, *values: Any) -> AsyncIterator[dict[Any, Any]]:
        session = request.session_hash or ""
        if session in busy:
            yield {said: bad("A batch is under way already: stop it first.")}
            return
        busy[session] = under_way = UnderWay()
        watched = desk.running.setdefault(session, set())
        watched.add(under_way)
        batch: Batch | None = None
        try:
            opening = BatchState(phase="opening", said="Opening the dataset …")
            yield {
                board: opening,
                said: "",
                chart: gr.update(visible=False),
                downloads: gr.update(visible=False),
                **buttons(True),
            }
            page, keys = read(values)
            try:
                # On a Space visitors are kept apart; elsewhere a batch is gone on with after a reload, in a new session.
                batch, note = await asyncio.to_thread(open_batch, desk.runner, page, keys, session if on_space() else None)
            except EngineError as error:
                yield {board: BatchState(), said: bad(str(error)), **buttons(False)}
                return
            if under_way.cancelled:
                yield {board: BatchState(), said: "Stopped before it began.", **buttons(False)}
                return
            under_way.batch = batch.start()
            if under_way.cancelled:  # Stop came from another thread between the two lines above
                batch.cancel()
            over, before = False, ""
            while not over:
                over = await asyncio.to_thread(batch.wait, 0)
                now = await asyncio.to_thread(batch.progress)
                # What is drawn anew twice a second is read aloud twice a second, so the rest comes only with a new state.
                changed = {said: note, **buttons(True, now.state == "paused")} if now.state != before else {}
                state = progress_state(now)
                if over:
                    state.said = f"{state.said} Working out the figures …"
                yield {board: state, **changed}
                before = now.state
                await asyncio.sleep(0 if over else LOOK_S)
            outcome = await asyncio.to_thread(outcome_of, batch)
            yield {
                board: outcome.state,
                chart: gr.update(value=outcome.chart, visible=True),
                downloads: gr.update(visible=True),
                **dict(zip(files, outcome.files, strict=True)),
                **buttons(False),
            }
        except (OSError, EngineError) as error:
            yield {
                said: bad(f"The batch could not be kept or shown: {getattr(error, 'strerror', None) or error}"),
                **buttons(False),
            }
        finally:
            watched.discard(under_way)
            busy.pop(session, None)
            if batch is not None and under_way.batch is None:
                batch.dataset.close()
            elif batch is not None:
                under_way.cancel()
                threading.Thread(target=_close, args=(batch, batch.dataset), daemon=True).start()

    def switch(request: gr.Request) -> Any:
        under_way = busy.get(request.session_hash or "")
        if under_way is None or under_way.batch is None:
            return gr.skip()
        paused = under_way.batch.progress().state == "paused"
        (under_way.batch.go_on if paused else under_way.batch.pause)()
        return gr.Button("Pause" if paused else "Go on")

    def halt(request: gr.Request) -> None:
        if under_way := busy.get(request.session_hash or ""):
            under_way.cancel()

    def follow(*values: Any) -> tuple[Any, ...]:
        """The settings that do not apply to another task go."""
        name = read(values)[0]["task"]
        spoken = "language" in options_of(TASKS[name].request)
        speaks = gr.update(visible=name == "tts")
        voiced = gr.Checkbox(False, visible=bool(CONSENTS.keys() & options_of(TASKS[name].request).keys()))
        return gr.update(visible=spoken), speaks, voiced

    def refresh(*values: Any) -> Any:
        """The task's engines; ticks of another task give way to its own first ones."""
        page, keys = read(values)
        name, ticked = page["task"], page["picker"]["selected"]
        kept = {spec.id for spec in engines_for(name)}.issuperset(ticked)
        try:
            return picker_state(name, ticked if kept else preselected(name), read_keys(keys), None)
        except EngineError:
            return gr.skip()

    def prepare(*values: Any) -> Iterator[tuple[Any, ...]]:
        page, _ = read(values)
        try:
            if on_space():
                raise BadInput("Preparing is switched off where visitors share the machine.")
            spec = find(page["picker"]["prepare"], page["task"])
            if catalogue.agreement(spec):
                raise BadInput(f"{spec.name}: {ASKS_FIRST}")
            for line in catalogue.prepare(spec):
                yield gr.skip(), line
            yield refresh(*values), "Prepared."
        except EngineError as error:
            yield gr.skip(), bad(str(error))

    results = [board, said, chart, downloads, *files, start, pause, stop]
    start.click(run, everything, results, concurrency_limit=None, **PRIVATE)
    pause.click(switch, None, pause, queue=False, **PRIVATE)
    stop.click(halt, None, None, queue=False, **PRIVATE)
    task.change(follow, everything, [language, hear, consent], trigger_mode="always_last", concurrency_limit=None, **PRIVATE)
    picker.prepare(prepare, everything, [picker, said], **PRIVATE)
    # One listener for all three, so that a late answer for another task cannot come last.
    gr.on(
        [picker.opened, task.change, *(box.blur for box in desk.keys)],
        refresh,
        everything,
        picker,
        trigger_mode="always_last",
        concurrency_limit=None,
        **PRIVATE,
    )
