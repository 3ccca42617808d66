"""What the dataset tab shows of a batch: progress while it goes; figures with n, pairs, slices and worst answers at its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gradio.data_classes import FileData, GradioModel
from pydantic import BaseModel, Field

from comparisons.batch import Batch, Progress
from comparisons.columns import COLUMNS
from comparisons.estimates import ENOUGH_ITEMS, Interval, Pair, Spread
from comparisons.intake import safe_name
from comparisons.items import Item
from comparisons.settle import visible_line
from comparisons.statistics import EngineFigures, Statistics, statistics_of, write_statistics
from comparisons.table import write_csv
from engine.tasks import TASKS
from ui.board import servable
from ui.chart import bars_from_rows, plottable
from ui.downloads import fresh_folder
from ui.shown import Shown, script

MOST_LINES, MOST_SLICES, WORST = 60, 8, 5
"""Of a table, of slices, of an engine's worst answers on the page; the downloads hold everything."""
NOT_ENOUGH = "not enough"
_CHARTED = ("task", "engine_id", "engine_name", "where", "status", "cached")


class Cell(BaseModel):
    text: str
    small: str = ""


class Table(BaseModel):
    title: str
    note: str = ""
    folded: bool = False
    heads: list[str]
    lines: list[list[Cell]]


class Worst(BaseModel):
    """One of an engine's worst answers; `sound` is what was heard or what came out."""

    engine: str
    item: str
    value: str
    expected: str = ""
    answer: str = ""
    sound: FileData | None = None


class BatchState(GradioModel):
    """Everything that ui/dataset.js draws, every text as plain text."""

    phase: str = "empty"
    """"empty", "opening", or a state of `Progress`."""
    said: str = "Choose a dataset and engines, then press Start."
    batch_id: str = ""
    done: int = 0
    total: int = 0
    facts: list[Cell] = Field(default=[])
    notes: list[str] = Field(default=[])
    tables: list[Table] = Field(default=[])
    worst: list[Worst] = Field(default=[])


class BatchBoard(Shown):
    """Shows a BatchState; as an input it yields None: the browser's copy proves nothing."""

    data_model = BatchState

    def __init__(self, value: BatchState | None = None, **options: Any) -> None:
        super().__init__(
            value or BatchState(),
            html_template="<div class='sc-batch'></div>",
            js_on_load=script("dataset"),
            apply_default_css=False,
            **options,
        )


# ---------------------------------------------------------------- what is shown


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"


def progress_state(now: Progress, **more: Any) -> BatchState:
    said = {
        "running": "Under way.",
        "paused": "Paused: items under way are finished, no further one is begun.",
        "stopped": f"Stopped. To go on later, start with the batch id {now.batch_id} and the same dataset.",
        "finished": "Finished.",
    }
    spent = COLUMNS["cost_usd"].shown(now.spent_usd)
    if now.unknown_costs:
        spent_note = f"and {now.unknown_costs} of unknown cost"
    else:
        spent_note = f"about {COLUMNS['cost_usd'].shown(now.expected_usd)} at the end" if now.expected_usd else "spent"
    counts = [f"{now.ok:,} ok"]
    counts += [f"{number:,} {what}" for number, what in ((now.cached, "cached"), (now.resumed, "from before")) if number]
    facts = [
        Cell(text=f"{now.cells_done:,} of {now.cells:,}", small=f"answers · {now.items_done:,} of {now.items:,} items"),
        Cell(
            text=duration(now.eta_s) if now.eta_s is not None else duration(now.elapsed_s), small="left" if now.eta_s else "taken"
        ),
        Cell(text=spent, small=spent_note),
        Cell(text=f"{now.failed:,} failed", small=" · ".join(counts)),
    ]
    return BatchState(
        phase=now.state,
        said=now.fault or said.get(now.state, ""),
        batch_id=now.batch_id,
        done=now.cells_done,
        total=now.cells,
        facts=facts,
        **more,
    )


def _shown(name: str, value: float | None) -> str:
    return COLUMNS[name].shown(value) or "–"


def _p95(name: str, times: Spread) -> Cell:
    return Cell(text=_shown(name, times.p95)) if times.p95 is not None else Cell(text=NOT_ENOUGH, small=f"n {times.n} of 20")


def _estimate(name: str, found: Interval) -> Cell:
    """A value with its interval; `name` is the column that says how it is written."""
    if found.value is None:
        return Cell(text="–", small=f"n {found.n}")
    if found.low is None:
        return Cell(text=_shown(name, found.value), small=f"interval: {NOT_ENOUGH}, n {found.n} of {ENOUGH_ITEMS}")
    return Cell(text=_shown(name, found.value), small=f"{_shown(name, found.low)} to {_shown(name, found.high)} · n {found.n}")


def _line(first: Sequence[Cell], each: EngineFigures, metrics: Sequence[str]) -> list[Cell]:
    failed = ", ".join(f"{count} {kind}" for kind, count in each.failed.items())
    answered = Cell(text=f"{each.ok} of {each.runs}", small=failed or (f"{each.cached} cached" if each.cached else ""))
    times = [
        Cell(text=_shown(name, getattr(each, name).p50), small=f"n {getattr(each, name).n}")
        for name in ("first_s", "total_s", "rtf")
    ]
    cost = Cell(text=_shown("cost_usd", each.cost_usd), small=f"n {each.cost_known}" if each.cost_known else "")
    quality = [_estimate("wer" if name == "wer_pooled" else name, each.quality[name]) for name in metrics]
    return [*first, answered, *quality, times[0], times[1], _p95("total_s", each.total_s), times[2], cost]


def _engines_table(title: str, groups: Sequence[tuple[str, Sequence[EngineFigures]]], head: str = "", note: str = "") -> Table:
    """One line per engine, or per value and engine where `head` names the slice."""
    every = [each for _, figures in groups for each in figures]
    # the pooled rate is the one to compare by, so it stands before the mean over items
    metrics = sorted(every[0].quality, key=lambda name: name != "wer_pooled") if every else []
    lines = [
        _line([*([Cell(text=value)] if head else []), Cell(text=each.engine_name)], each, metrics)
        for value, figures in groups
        for each in figures
    ]
    titles = {"wer_pooled": "WER, pooled", "wer": "WER, mean"}
    quality = [titles.get(name) or COLUMNS[name].label for name in metrics]
    heads = ["Engine", "Answered", *quality, "First p50", "Total p50", "Total p95", "RTF p50", "Cost"]
    return _cut(Table(title=title, note=note, heads=[*([head] if head else []), *heads], lines=lines))


def _cut(table: Table) -> Table:
    if len(table.lines) > MOST_LINES:
        table.note = f"{table.note} The first {MOST_LINES} of {len(table.lines)} lines; the summary holds all.".strip()
        table.lines = table.lines[:MOST_LINES]
    return table


def _pairs_table(pairs: Sequence[Pair], names: dict[str, str]) -> Table:
    lines = []
    for pair in pairs:
        better = names[getattr(pair, pair.verdict)] + " is better" if pair.verdict in ("left", "right") else pair.verdict
        wins = f"{pair.left_better} : {pair.right_better}"
        p_text = "–" if pair.p_adjusted is None else f"{pair.p_adjusted:.2g}"
        both = [Cell(text=names[pair.left]), Cell(text=names[pair.right])]
        lines.append(
            [
                *both,
                Cell(text=better),
                _estimate(pair.metric, pair.difference),
                Cell(text=wins, small=f"{pair.ties} ties"),
                Cell(text=p_text),
            ]
        )
    label = COLUMNS[pairs[0].metric].label
    heads = ["Left", "Right", "Verdict", "Left minus right", "Items won", "p, adjusted"]
    return _cut(Table(title=f"Pairs by {label}", note="On the items that both answered.", heads=heads, lines=lines))


def tables_of(found: Statistics, *, fold: bool = False) -> list[Table]:
    """The tables of a run; `fold` shows those of the slices as headings that open."""
    tables = [_engines_table("Engines", [("", found.engines)])]
    if len(found.engines) > 1 and 0 < found.common_items < found.items:
        title = f"On the {found.common_items} of {found.items} items that every engine answered"
        tables.append(_engines_table(title, [("", found.common)]))
    if found.pairs:
        tables.append(_pairs_table(found.pairs, {each.engine_id: each.engine_name for each in found.engines}))
    # a slice of one value says what the table above says
    slices = {name: values for name, values in found.slices.items() if len(values) > 1}
    for name, values in list(slices.items())[:MOST_SLICES]:
        tables.append(_engines_table(f"By {name}", list(values.items()), head=name))
        tables[-1].folded = fold
    if len(slices) > MOST_SLICES:
        tables[-1].note = f"The first {MOST_SLICES} of {len(slices)} slices; the summary holds all."
    return tables


def worst_of(found: Statistics, batch: Batch) -> list[Worst]:
    """The worst answers of each engine, each with the sound that went in, or for text tasks the one that came out."""
    wanted = {(engine_id, row["item"]): row for engine_id, rows in found.worst.items() for row in rows}
    takes_audio = TASKS[batch.plan.task].takes_audio
    sounds = _inputs(batch, wanted) if takes_audio else _outputs(batch, wanted)
    names = {each.engine_id: each.engine_name for each in found.engines}
    return [
        Worst(
            engine=names[engine_id],
            item=visible_line(str(row["input_name"] or ""), 120),
            value=f"{COLUMNS[row['metric']].label} {_shown(row['metric'], row['value'])}",
            expected=(row["reference"] or "")[:2_000],
            answer=(row["output_text"] or "")[:2_000],
            sound=sounds.get(row["item"] if takes_audio else (engine_id, row["item"])),
        )
        for engine_id, rows in found.worst.items()
        for row in rows
    ]


def _inputs(batch: Batch, wanted: dict[tuple[str, str], Any]) -> dict[Any, FileData]:
    """Players by item. Names are looked at first: a hash is taken of those files alone that may be meant."""
    names = {row["input_name"] for row in wanted.values()}
    items: dict[str, Item] = {}
    for item in batch.dataset.items:
        if item.path is not None and visible_line(item.name, 120) in names:
            items[item.key(batch.plan.task, batch.plan.settings)] = item
    found = {}
    for _, key in wanted:
        # an input that comes twice has "-2" behind its key
        item = items.get(key.partition("-")[0])
        if item is not None and item.path is not None:
            with suppress(OSError):
                found[key] = servable(item.path, safe_name(item.name))
    return found


def _outputs(batch: Batch, wanted: dict[tuple[str, str], Any]) -> dict[Any, FileData]:
    found: dict[Any, FileData] = {}
    metric = next(iter(wanted.values()))["metric"] if wanted else ""
    for row in batch.rows():
        key = (row["engine_id"], row["item"])
        files = json.loads(row["output_files"] or "[]") if key in wanted and row[metric] == wanted[key]["value"] else []
        if files and key not in found:
            with suppress(OSError, ValueError):
                found[key] = servable(
                    batch.runner.store.blob_path(files[0]["sha256"]), f"{row['engine_id'].replace('/', '-')}.wav"
                )
    return found


@dataclass(frozen=True)
class Outcome:
    state: BatchState
    chart: Any
    files: tuple[str, str, str]
    """All rows as CSV, the summary as JSON and as CSV."""


def outcome_of(batch: Batch) -> Outcome:
    """Everything that is shown and downloaded of what a batch has answered so far."""
    found = statistics_of(batch.rows(), worst=WORST)
    columns = (*_CHARTED, *plottable())
    chart = bars_from_rows([{name: row.get(name) for name in columns} for row in batch.rows()], title="All items")
    folder, stem = fresh_folder(), f"soundcheck-{batch.plan.task}-{batch.batch_id}"
    files = tuple(folder / f"{stem}{ending}" for ending in (".csv", "-summary.json", "-summary.csv"))
    write_csv(batch.rows(), files[0])
    for file in files[1:]:
        write_statistics(found, file)
    notes = list(found.not_enough)
    state = progress_state(batch.progress(), notes=notes, tables=tables_of(found), worst=worst_of(found, batch))
    return Outcome(state, chart, tuple(map(str, files)))
