"""The Comparison tab: one saved comparison, from a capsule file, an id or a link, to hear, read and take away."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from comparisons._capsule_reader import ID
from comparisons.capsule import SUFFIX, Capsule, NoComparison, open_capsule, save
from comparisons.columns import COLUMNS
from comparisons.kept_batch import BATCH_ID
from comparisons.kept_comparison import by_input, document, headline, plain, rows_of, shared
from comparisons.query import Query
from comparisons.report import write_report
from comparisons.results import Cell, Result, Settled
from comparisons.runner import Plan
from comparisons.samples import FOLDER
from comparisons.statistics import statistics_of
from comparisons.store import Store
from comparisons.table import write_csv
from engine.contract import BadInput, EngineError, Tag, Word
from engine.tasks import Output
from ui.board import Board, BoardState, Card, Sound, servable
from ui.capsule_sheet import Sheet, SheetState, kept_sound, sheet_of
from ui.cards import Cards
from ui.chart import Chart, ChartState, bars_from_rows
from ui.dataset_state import BatchBoard, BatchState, tables_of
from ui.desk import PRIVATE
from ui.downloads import fresh_folder
from ui.note import Note, bad
from ui.table_page import visible

FIRST = FOLDER / f"first{SUFFIX}"
MOST_LABEL = 160
EMPTY = "Open a capsule, or paste the id of a comparison: its answers appear here, with every sound."
DOWNLOAD = "() => requestAnimationFrame(() => document.getElementById('sc-sheet-download')?.click())"
Opened = tuple[str, str]
"""What is on view: ("id", of a comparison or a dataset's run), ("file", the path of an uploaded capsule) or ("sample", "")."""


# ---------------------------------------------------------------- from rows to cards


class _Kept(Cards):
    """The board of one comparison made from its rows: what events had said is in them."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], source: Store | Capsule) -> None:
        super().__init__(Plan(task=rows[0]["task"], request=None, specs=(), input_name=""), source)
        repeats = max(int(row["repeat"] or 1) for row in rows)
        for place, row in enumerate(rows):
            cell, name = Cell(row["engine_id"], place), row["engine_name"] or row["engine_id"]
            self._since[cell] = 0.0
            self._cards[cell] = Card(
                key=f"{row['engine_id']}#{place}",
                name=name if repeats == 1 else f"{name} · {int(row['repeat'] or 1)} of {repeats}",
                where=row["where"],
                state="waiting",
            )
            said = row if row["status"] == "ok" else {**row, "error": row["error"] or f"It failed: {row['status']}."}
            self.apply([Settled(cell, Result(said, _output(row) if row["status"] == "ok" else None))])
            if row["status"] != "ok":
                self._cards[cell].hint = ""  # advice for whoever ran it is none for whoever reads it
            elif len(self._cards[cell].sounds) < len(document(row, "output_files") or ()):
                self._cards[cell].hint = "A sound of this answer is missing here."

    def _sounds(self, result: Result) -> list[Sound]:
        found = []
        for file in document(result.row, "output_files") or ():
            if (kept := kept_sound(self.store, file["sha256"])) is None:
                continue
            path, peaks = kept
            part = "" if file["name"] == "output" else f"-{plain(file['name'])}"
            served = servable(path, f"{plain(result.row['engine_id'])}{part}{path.suffix}")
            name = "sound" if file["name"] == "output" else file["name"]
            found.append(Sound(name=name, file=served, seconds=file["seconds"], peaks=peaks))
        return found


def _output(row: Mapping[str, Any]) -> Output:
    return Output(
        text=row["output_text"],
        words=tuple(Word(**word) for word in document(row, "output_words") or ()),
        language=row["output_language"],
        confidence=row["output_confidence"],
        tags=tuple(Tag(**tag) for tag in document(row, "output_tags") or ()),
    )


def cards_from_rows(rows: Sequence[Mapping[str, Any]], source: Store | Capsule) -> BoardState:
    """The board of kept rows of one comparison, at least one; sounds come from `source`."""
    kept = _Kept(rows, source)
    kept.finish()
    return kept.state(done=True)


def comparison_view(store: Store, comparison_id: str) -> BoardState:
    """The saved answers of a comparison. Its id is the permission: 128 random bits that only its link tells.

    Raises NoComparison for an id that is unknown or malformed.
    """
    return cards_from_rows(_shareable(store, comparison_id), store)


def _shareable(store: Store, comparison_id: str) -> list[dict[str, Any]]:
    return [dict.fromkeys(COLUMNS) | shared(row) for row in rows_of(store, comparison_id)]


# ---------------------------------------------------------------- the tab


@contextmanager
def _on_view(store: Store, opened: Opened) -> Iterator[tuple[Store | Capsule, str, list[dict[str, Any]]]]:
    kind, value = opened
    if kind == "id":
        yield store, value, _shareable(store, value)
        return
    with open_capsule(FIRST if kind == "sample" else value) as capsule:
        yield capsule, capsule.comparison_id, list(capsule.rows)


@dataclass(frozen=True)
class View:
    """Everything that the tab shows: one input, and of a run over a dataset also the figures and the other inputs."""

    sheet: SheetState
    board: BoardState
    chart: ChartState
    figures: BatchState | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    """Label and item of each input, and `item` the one on view."""
    item: str | None = None


def look(store: Store, opened: Opened, item: str | None = None) -> View:
    """What is on view, of a run over a dataset the input `item` or the first. Raises BadCapsule or NoComparison."""
    with _on_view(store, opened) as (source, comparison_id, rows):
        whole = BATCH_ID.fullmatch(comparison_id) is not None
        known = Query(batch_id=comparison_id) if whole else Query(comparison_id=comparison_id)
        linked = source is store or store.count(known) > 0
        if not whole:
            return View(sheet_of(source, comparison_id, rows, rows, linked=linked), *_shown(rows, source))
        inputs = by_input(rows)
        item = item if item in inputs else next(iter(inputs))
        sheet = sheet_of(source, comparison_id, inputs[item], rows, linked=linked)
        labels = tuple((visible(headline(own))[:MOST_LABEL], each) for each, own in inputs.items())
        return View(sheet, *_shown(inputs[item], source), _figures(rows), labels, item)


def _shown(rows: Sequence[Mapping[str, Any]], source: Store | Capsule) -> tuple[BoardState, ChartState]:
    return cards_from_rows(rows, source), bars_from_rows(rows)


def _figures(rows: Sequence[Mapping[str, Any]]) -> BatchState:
    found = statistics_of(rows)
    said = f"{found.items:,} inputs · {len(found.engines):,} engines. The figures are over all of them; below is one input."
    return BatchState(phase="kept", said=said, notes=list(found.not_enough), tables=tables_of(found, fold=True))


def take_away(store: Store, opened: Opened, kind: str) -> Path:
    """The comparison on view as "csv", "capsule" or "html", in a fresh folder of Gradio's cache that nobody can guess."""
    with _on_view(store, opened) as (source, comparison_id, rows):
        stem = fresh_folder() / f"soundcheck-{rows[0]['task']}-{comparison_id[:8]}"
        if kind == "csv":
            write_csv(rows, path := stem.with_suffix(".csv"))
        elif kind == "html":
            write_report(source, comparison_id, path := stem.with_suffix(".html"))
        elif isinstance(source, Store):
            save(source, comparison_id, path := stem.with_suffix(SUFFIX))
        else:
            shutil.copyfile(FIRST if opened[0] == "sample" else opened[1], path := stem.with_suffix(SUFFIX))
    return path


def id_in(text: str | None) -> str:
    """The id of a comparison or of a dataset's run, in an id or a link. Raises NoComparison when there is none."""
    text = (text or "")[:2_000]
    found = BATCH_ID.search(text) or ID.search(text)
    if found is None:
        raise NoComparison("that is no comparison id or link: an id has 32 digits and letters from a to f")
    return found.group()


def build_capsule_tab(tab: gr.Tab, store_for: Callable[[], Store]) -> Callable[[gr.Blocks, gr.Tabs], None]:
    """Fill `tab`, inside whose context this is called.

    Returns what opens `?comparison=<id>` when a page is loaded: call it with the Blocks and the Tabs that hold `tab`.
    """
    opened = gr.State(None)
    with gr.Row():
        with gr.Column(elem_classes="sc-left"):
            with gr.Column(elem_classes="sc-card"):
                file = gr.File(label="Open a capsule", file_types=[SUFFIX], height=150, elem_id="capsule-file")
                with gr.Row(elem_classes="sc-chips"):
                    sample = gr.Button("The bundled comparison", size="sm", elem_classes="sc-chip")
                asked = gr.Textbox(
                    label="Comparison id or link",
                    placeholder="from the Table, or from a friend",
                    max_length=2_000,
                    elem_id="capsule-id",
                )
                find = gr.Button("Open", size="md", elem_id="capsule-open")
                said = Note()
            with gr.Column(elem_classes="sc-card sc-takeaway", visible=False) as away:
                gr.HTML(
                    "<h3>Take it away</h3><p>A capsule opens here again. The report plays its sounds offline.</p>", padding=False
                )
                with gr.Row(elem_classes="sc-chips"):
                    buttons = {
                        kind: gr.Button(words, size="sm", elem_id=f"take-{kind}", elem_classes="sc-chip")
                        for kind, words in (("capsule", "Capsule"), ("html", "HTML report"), ("csv", "CSV"))
                    }
        with gr.Column(elem_classes="sc-right"):
            figures = BatchBoard(elem_id="comparison-figures", visible=False)
            chosen = gr.Dropdown([], label="Input", visible=False, elem_id="comparison-input")
            with Sheet() as sheet:
                board = Board({"phase": "empty", "empty_text": EMPTY})
                chart = Chart(visible=False)
    download = gr.DownloadButton("Download", visible="hidden", elem_id="sc-sheet-download")
    outputs = [sheet, board, chart, figures, chosen, away, opened, said]
    nothing = (gr.skip(),) * len(outputs)

    def show(what: Opened) -> tuple[Any, ...]:
        view = look(store_for(), what)
        several = view.figures is not None
        over = gr.update(value=view.figures or BatchState(), visible=several)
        inputs = gr.Dropdown(list(view.inputs), value=view.item, label=f"Input, of {len(view.inputs):,}", visible=several)
        bars = gr.update(value=view.chart, visible=True)
        return view.sheet, view.board, bars, over, inputs, gr.update(visible=True), what, ""

    def choose(what: Opened | None, item: str | None) -> tuple[Any, ...]:
        """Another input of the run that is on view."""
        if what is None or not isinstance(item, str):
            return (gr.skip(),) * 4
        try:
            view = look(store_for(), what, item)
        except EngineError as error:
            return (*(gr.skip(),) * 3, bad(str(error)))
        return view.sheet, view.board, gr.update(value=view.chart, visible=True), ""

    def attempt(what: Callable[[], Opened]) -> tuple[Any, ...]:
        """A file or id that cannot be opened leaves what is on view as it is and says why."""
        try:
            return show(what())
        except EngineError as error:
            return (*nothing[:-1], bad(str(error)))

    def upload(path: str | None) -> tuple[Any, ...]:
        return nothing if path is None else attempt(lambda: ("file", path))

    def first_look(what: Opened | None) -> tuple[Any, ...]:
        if what is not None or not FIRST.exists():
            return nothing
        return (*attempt(lambda: ("sample", ""))[:-1], gr.skip())

    def take(kind: str, what: Opened | None) -> tuple[Any, Any]:
        try:
            if what is None:
                raise BadInput("open a comparison first")
            return str(take_away(store_for(), what, kind)), ""
        except EngineError as error:
            return gr.skip(), bad(str(error))
        except OSError as error:
            return gr.skip(), bad(f"the file could not be written: {error.strerror}")

    def arrive(request: gr.Request) -> tuple[Any, ...]:
        if notice := store_for().copy_notice:
            gr.Warning(notice, duration=None, title="Not kept")
        if not (named := request.query_params.get("comparison")):
            return (*nothing, gr.skip())
        return (*attempt(lambda: ("id", id_in(named))), gr.Tabs(selected=tab.id))

    file.upload(upload, file, outputs, concurrency_limit=2, **PRIVATE)
    sample.click(lambda: attempt(lambda: ("sample", "")), None, outputs, concurrency_limit=2, **PRIVATE)
    by_id = {"fn": lambda text: attempt(lambda: ("id", id_in(text))), "inputs": asked, "outputs": outputs, "concurrency_limit": 2}
    gr.on([find.click, asked.submit], **by_id, **PRIVATE)
    chosen.input(choose, [opened, chosen], [sheet, board, chart, said], concurrency_limit=2, **PRIVATE)
    tab.select(first_look, opened, outputs, concurrency_limit=2, **PRIVATE)
    for kind, button in buttons.items():
        button.click(partial(take, kind), opened, [download, said], concurrency_limit=2, **PRIVATE)
    download.change(None, None, None, js=DOWNLOAD)

    def arrival(demo: gr.Blocks, tabs: gr.Tabs) -> None:
        demo.load(arrive, None, [*outputs, tabs], concurrency_limit=2, **PRIVATE)

    return arrival
