"""How a measure lies in each group, drawn small: one axis for all groups, counted here over every row and not over a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from comparisons.columns import COLUMNS, Column
from engine.tasks import TASKS

BINS = 30
FEW = 12
"""Up to this many values each is a line of its own: a histogram of them would show chance."""
TAILS = (1, 99)
"""The axis reaches from the first to the last of these percentiles of all values; what lies beyond is counted at its end."""
WIDE = 50
"""Above this ratio of its ends the axis is logarithmic."""
USUAL = ("total_s", "first_s", "rtf", "cost_usd")
FURTHER = ("final_lag_s", "server_s", "queue_s", "load_s", "connect_s", "peak_memory_gb")


class Tick(BaseModel):
    at: float
    """Place on the axis, 0 to 1."""
    text: str


class AxisState(BaseModel):
    label: str
    """The measure with its unit."""
    note: str = ""
    ticks: list[Tick] = []


class Shape(BaseModel):
    """One group's values. Places are from 0 to 1 along the shared axis."""

    bars: list[float] = []
    """Heights of BINS equal stretches of the axis, the tallest 1; empty for FEW values."""
    lines: list[float] = []
    """The place of each of FEW values."""
    p50: float
    p95: float
    caption: str
    spoken: str
    """The same for who does not see it, with the smallest and the largest value."""


def measures_for(task: str) -> list[str]:
    """What can be drawn of runs of `task` ("" is all tasks): times, cost, the task's metrics. The first is the usual one."""
    metrics = TASKS[task].metrics if task in TASKS else ()
    drawn = [name for name in (*USUAL, *metrics, *FURTHER) if COLUMNS[name].kind == "number"]
    return list(dict.fromkeys(drawn))


@dataclass(frozen=True)
class Axis:
    """From `low` to `high` in the column's kept unit."""

    column: Column
    low: float
    high: float
    logarithmic: bool

    def places(self, values: Sequence[float]) -> np.ndarray:
        """Where values stand, 0 to 1; those beyond an end stand at it."""
        scaled, ends = np.asarray(values, dtype=float), np.array([self.low, self.high])
        if self.logarithmic:
            scaled, ends = np.log(np.maximum(scaled, self.low)), np.log(ends)
        return np.clip((scaled - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)

    def ticks(self) -> list[Tick]:
        scale = self.column.scale
        steps = _powers(self.low * scale, self.high * scale) if self.logarithmic else _steps(self.low * scale, self.high * scale)
        sign = "$" if self.column.unit == "$" else ""
        found = [step for step in steps if self.low <= step / scale <= self.high]
        places = self.places([step / scale for step in found])
        return [Tick(at=place, text=f"{sign}{_plain(step)}") for place, step in zip(places, found, strict=True)]

    def state(self) -> AxisState:
        column = self.column
        unit = f" ({column.unit})" if column.unit not in ("", "x") else ""
        better = {1: "higher is better", -1: "lower is better"}.get(column.direction, "")
        return AxisState(
            label=f"{column.label}{unit}",
            note=", ".join(filter(None, (better, "log axis" * self.logarithmic))),
            ticks=self.ticks(),
        )


def axis_of(name: str, groups: Iterable[Sequence[float]]) -> Axis | None:
    """One axis for all groups of the column `name`; None when no group has a value."""
    known = [np.asarray(values, dtype=float) for values in groups if len(values)]
    if not known:
        return None
    values = np.concatenate(known)
    low, high = (float(end) for end in np.percentile(values, TAILS))
    if low == high:
        room = abs(low) / 2 or 1.0
        return Axis(COLUMNS[name], low - room, high + room, logarithmic=False)
    if low > 0 and high / low > WIDE:
        return Axis(COLUMNS[name], low, high, logarithmic=True)
    return Axis(COLUMNS[name], 0.0 if 0 < low < high / 2 else low, high, logarithmic=False)


def shape_of(values: Sequence[float], axis: Axis | None, group: str) -> Shape | None:
    """The shape of `values`, sorted and of the axis' column; None when there are none."""
    if axis is None or not len(values):
        return None
    column, places = axis.column, axis.places(values)
    p50, p95 = (float(each) for each in np.percentile(values, (50, 95)))
    middle, far = axis.places([p50, p95])
    counts = np.bincount(np.minimum((places * BINS).astype(int), BINS - 1), minlength=BINS)
    caption = f"p50 {column.shown(p50)} · p95 {column.shown(p95)} · n {len(values):,}"
    ends = f"from {column.shown(float(values[0]))} to {column.shown(float(values[-1]))}"
    few = len(values) <= FEW
    return Shape(
        bars=[] if few else np.round(counts / counts.max(), 3).tolist(),
        lines=np.round(places, 4).tolist() if few else [],
        p50=round(float(middle), 4),
        p95=round(float(far), 4),
        caption=caption,
        spoken=f"{column.label} of {group}: {caption.replace(' · ', ', ')}, {ends}",
    )


def _plain(number: float) -> str:
    return (f"{number:,.10f}".rstrip("0").rstrip(".") or "0").replace("-", "−")


def _steps(low: float, high: float) -> list[float]:
    """About four round numbers, evenly spaced."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [round(index * step, 12) for index in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """The powers of ten, thinned to at most five."""
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    return [10.0**power for power in powers][:: math.ceil(len(powers) / 5) or 1]
