"""What stands above the table: one box of figures per engine, the bars, and two numbers against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

from comparisons.columns import COLUMNS
from comparisons.query import Query
from comparisons.store import Store
from comparisons.table import Summary, summarise
from engine.tasks import TASKS
from ui.chart import ChartState, bars_from_rows, scatter_from_rows
from ui.table_page import counts_text, pair_text, visible
from ui.table_state import (
    Asked,
    Choice,
    EngineSummary,
    Figure,
    TableState,
)

MOST_SUMMARISED = 20_000
"""Rows that the counts, the summary and the charts look at, newest first: about a second's work."""


def survey(store: Store, state: TableState, session: str | None) -> tuple[ChartState, ChartState]:
    """Fill in the counts beside the filters and the summary of `state`; gives the two charts of the same rows."""
    asked = state.asked
    state.kept = store.count(Query(session=session))
    per_task = {name: store.count(Query(task=name, session=session)) for name in TASKS}
    state.tasks = [Choice(value=name, label=TASKS[name].title, count=count) for name, count in per_task.items() if count]
    wide = Query(task=asked.task or None, text=asked.text or None, batch_id=asked.batch or None, session=session)
    rows = list(islice(store.rows(wide), MOST_SUMMARISED))
    cut = len(rows) == MOST_SUMMARISED
    names = {row["engine_id"]: row["engine_name"] or row["engine_id"] for row in rows}
    state.wheres = choices(Counter(row["where"] for row in rows if row["where"]), {})
    state.statuses = choices(Counter(row["status"] for row in rows), {})
    state.engines = sorted(choices(Counter(row["engine_id"] for row in rows), names), key=lambda choice: choice.label.casefold())
    rows = [row for row in rows if _passes(row, asked)]
    if cut and state.passing > len(rows):
        state.note = f"Summary and charts cover the newest {len(rows):,} of these rows."
    wheres = {row["engine_id"]: row["where"] or "" for row in rows}
    state.summary = [summary_of(each, wheres[each.engine_id]) for each in summarise(rows)]
    state.summary.sort(key=lambda engine: engine.name.casefold())
    return charts(rows)


def summary_of(summary: Summary, where: str) -> EngineSummary:
    """Times and cost are over fresh successes only."""
    figures = [
        Figure(label="First", text=pair_text("first_s", summary.first_p50_s, summary.first_p95_s)),
        Figure(label="Total", text=pair_text("total_s", summary.total_p50_s, summary.total_p95_s)),
        Figure(
            label="Cost",
            text=COLUMNS["cost_usd"].shown(summary.cost_mean_usd),
            meaning=f"Over the {summary.cost_known:,} runs whose cost is known.",
        ),
    ]
    if summary.wer_pooled is not None:
        meaning = f"All word errors over all reference words; the plain mean is {COLUMNS['wer'].shown(summary.wer_mean)}."
        figures.append(Figure(label="WER", text=COLUMNS["wer"].shown(summary.wer_pooled), meaning=meaning))
    return EngineSummary(
        engine_id=visible(summary.engine_id),
        name=visible(summary.engine_name),
        where=where,
        note=counts_text(summary.runs, summary.ok, summary.fresh, summary.stopped),
        figures=figures,
    )


def charts(rows: list[dict[str, Any]]) -> tuple[ChartState, ChartState]:
    """p50 per engine side by side, and cost (or total time, where no cost is known) against quality."""
    titles = {"title": "Time, cost and quality, by engine"}, {"title": "Cost, time and quality against each other"}
    tasks = {row["task"] for row in rows}
    if len(tasks) != 1:
        empty = "Charts compare the engines of one task: choose a task above." if tasks else "No rows to draw."
        return ChartState(empty=empty, **titles[0]), ChartState(kind="scatter", empty=empty, **titles[1])
    bars = bars_from_rows(rows, **titles[0])
    worst = float("inf")
    bars.series.sort(key=lambda series: series.spreads["total_s"].p50 if "total_s" in series.spreads else worst)
    drawn = [measure.name for measure in bars.measures]
    x = "cost_usd" if sum("cost_usd" in series.spreads for series in bars.series) > 1 else "total_s"
    quality = [name for name in drawn if COLUMNS[name].group == "quality"]
    y = quality[0] if quality else ("total_s" if x == "cost_usd" else "first_s")
    return bars, scatter_from_rows(rows, x, y, **titles[1])


def _passes(row: Mapping[str, Any], asked: Asked) -> bool:
    failed = asked.status == "failed" and row["status"] != "ok"
    return (
        (not asked.where or row["where"] == asked.where)
        and (not asked.engines or row["engine_id"] in asked.engines)
        and (not asked.status or failed or row["status"] == asked.status)
    )


def choices(counted: Counter[str], labels: Mapping[str, str]) -> list[Choice]:
    return [Choice(value=value, label=visible(labels.get(value, value)), count=count) for value, count in sorted(counted.items())]
