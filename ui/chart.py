"""Charts of result rows: what each engine took, cost and scored side by side, or any two of those against each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from gradio.data_classes import GradioModel
from pydantic import BaseModel, Field

from comparisons.columns import COLUMNS
from engine.contract import ERROR_KINDS
from engine.tasks import TASKS
from ui.shown import Shown, script

MOST_DOTS = 40
"""Above this many runs, dots melt into a line; the p5 to p95 range says more."""
TIMES_AND_COST = ("first_s", "total_s", "cost_usd")
SILENT_START = "First output counts the silence that a sound begins with, so it can lie after the total."


class Measure(BaseModel):
    """One column that is drawn: how it is called and written."""

    name: str
    label: str
    unit: str = ""
    decimals: int = 2
    direction: int = 0


class Spread(BaseModel):
    """What the runs of one engine gave for one measure, in the unit that is shown (percent, where fractions are stored)."""

    p50: float
    n: int
    low: float
    high: float
    """The smallest and largest value; of more than MOST_DOTS values, p5 and p95."""
    dots: list[float] = []
    """Every value, unless there are more than MOST_DOTS."""
    cached: bool = False
    """The values come from earlier runs: there is no fresh one to show."""


class Series(BaseModel):
    """One engine. A measure that is not in `spreads` is unknown for it."""

    engine_id: str
    name: str
    where: str
    ok: int = 0
    cached: int = 0
    """How many of `ok` came from the cache; they stay out of every figure as long as there is a fresh run."""
    stopped: int = 0
    """By a person, before an answer came."""
    failed: int = 0
    error: str = ""
    """What the first failure was, in words, when no run succeeded."""
    spreads: dict[str, Spread] = {}


class ChartState(GradioModel):
    """Everything that ui/chart.js draws; `empty` is the sentence to show in place of a drawing."""

    kind: Literal["bars", "scatter"] = "bars"
    title: str = ""
    note: str = ""
    empty: str = ""
    measures: list[Measure] = Field(default=[])
    series: list[Series] = Field(default=[])
    x: str = ""
    y: str = ""
    question: int = 0
    """The number of the question that this answers; a drawing of a later question stays."""


class Chart(Shown):
    """Shows a ChartState, every text as plain text; as an input it yields None, because the browser's copy proves nothing."""

    data_model = ChartState

    def __init__(self, value: ChartState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<div class='sc-chart'><div class='sc-inside'></div></div>",
            js_on_load=script("chart"),
            apply_default_css=False,
            **options,
        )

    def postprocess(self, value: ChartState | None) -> ChartState | None:
        return value


def measure_of(name: str) -> Measure:
    """The column `name` as a measure. Raises KeyError for a name that is no column, ValueError for one without numbers."""
    column = COLUMNS[name]
    if column.kind != "number":
        raise ValueError(f"column {name!r} holds no numbers to draw")
    return Measure(
        name=name,
        label=column.label,
        unit=column.unit,
        decimals=2 if column.decimals is None else column.decimals,
        direction=column.direction,
    )


def spread_of(values: list[float], cached: bool = False) -> Spread:
    """p50 and range of at least one value (linear interpolation between neighbours)."""
    many = len(values) > MOST_DOTS
    low, p50, high = np.percentile(values, (5, 50, 95) if many else (0, 50, 100))
    return Spread(
        p50=float(p50), n=len(values), low=float(low), high=float(high), dots=[] if many else sorted(values), cached=cached
    )


def series_of(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[Series]:
    """One series per engine, in the order in which the engines first come up in `rows`.

    Only successful runs count. Cached rows repeat an earlier run's times, so they are used only for an engine that has
    no fresh run at all, and then marked.
    """
    names, found = tuple(names), {}
    for row in rows:
        series, fresh, cached = found.setdefault(
            row["engine_id"],
            (
                Series(engine_id=row["engine_id"], name=row["engine_name"] or row["engine_id"], where=row["where"] or ""),
                {name: [] for name in names},
                {name: [] for name in names},
            ),
        )
        if row["status"] != "ok":
            if row["status"] == "cancelled":
                series.stopped += 1
            else:
                series.failed += 1
                series.error = series.error or ERROR_KINDS.get(row["status"], str(row["status"]))
            continue
        series.ok += 1
        series.cached += bool(row["cached"])
        kept = cached if row["cached"] else fresh
        for name in names:
            value = row[name]
            if isinstance(value, int | float) and math.isfinite(value):
                kept[name].append(float(value) * COLUMNS[name].scale)
    for series, fresh, cached in found.values():
        only_cached = series.ok > 0 and series.cached == series.ok
        series.spreads = {
            name: spread_of(values, only_cached) for name, values in (cached if only_cached else fresh).items() if values
        }
        if series.ok:
            series.error = ""
    return [series for series, _, _ in found.values()]


def measures_for(rows: list[Mapping[str, Any]]) -> list[str]:
    """First output, total, cost, and the most telling metric of the rows' task that any row has a number for."""
    tasks = {row["task"] for row in rows}
    metrics = TASKS[tasks.pop()].metrics if len(tasks) == 1 and tasks <= TASKS.keys() else ()
    known = [name for name in metrics if any(row.get(name) is not None for row in rows)]
    return [*TIMES_AND_COST, *known[:1]]


def plottable() -> list[str]:
    """Every column that has a better and a worse: what the axes of a scatter plot can show."""
    return [name for name, column in COLUMNS.items() if column.kind == "number" and column.direction]


def bars_from_rows(rows: Iterable[Mapping[str, Any]], title: str = "") -> ChartState:
    """Small multiples, one line per engine in the order given."""
    rows = list(rows)
    names = measures_for(rows)
    series = series_of(rows, names)
    drawn = [name for name in names if any(name in each.spreads for each in series)]
    silent = any(None not in (row["first_s"], row["total_s"]) and row["first_s"] > row["total_s"] for row in rows)
    measures = [measure_of(name) for name in drawn or names[:1]]
    return ChartState(kind="bars", title=title, note=SILENT_START if silent else "", measures=measures, series=series)


def scatter_from_rows(rows: Iterable[Mapping[str, Any]], x: str, y: str, title: str = "") -> ChartState:
    """`x` against `y`, one point (p50) per engine; the axes can be set to any other measure that the rows hold.

    Raises KeyError for a name that is no column and ValueError for one without numbers.
    """
    chosen = [measure_of(x), measure_of(y)]
    series = series_of(rows, plottable())
    held = {name for each in series for name in each.spreads}
    others = [measure_of(name) for name in plottable() if name in held and name not in (x, y)]
    order = list(COLUMNS)
    measures = sorted([*chosen, *others], key=lambda measure: order.index(measure.name))
    return ChartState(kind="scatter", title=title, measures=measures, series=series, x=x, y=y)
