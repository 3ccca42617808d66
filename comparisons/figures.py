"""The figures of many inputs as lines of plain text: for a terminal and for the report."""

from __future__ import annotations

from comparisons.columns import COLUMNS
from comparisons.estimates import Pair
from comparisons.statistics import EngineFigures, Statistics

HEADER = ("Engine", "Answered", "First p50", "Total p50", "Total p95", "RTF p50", "Cost", "Quality")


def figures_table(found: Statistics) -> str:
    """One line per engine with n and the interval of its first metric, as aligned plain text."""
    lines = [HEADER, *(line_of(each) for each in found.engines)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADER))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*table, *map(pair_line, found.pairs), *found.not_enough])


def pair_line(pair: Pair) -> str:
    """What is shown of two engines, in one sentence."""
    label = COLUMNS[pair.metric].label
    if pair.verdict not in ("left", "right"):
        return f"{pair.left} and {pair.right}: {pair.verdict} by {label} ({pair.n} items)"
    both = f"{pair.left} against {pair.right} on {pair.n} items, p = {pair.p_adjusted:.2g}"
    return f"{getattr(pair, pair.verdict)} is better by {label}: {both}"


def line_of(each: EngineFigures) -> tuple[str, ...]:
    """The cells of an engine under HEADER."""

    def shown(name: str, value: float | None) -> str:
        return COLUMNS[name].shown(value) or "–"

    name = next(iter(each.quality), None)
    metric = "wer_pooled" if "wer_pooled" in each.quality else name
    quality = "–"
    if metric and each.quality[metric].value is not None:
        interval = each.quality[metric]
        column = COLUMNS[name]
        bounds = "" if interval.low is None else f" [{column.shown(interval.low)}, {column.shown(interval.high)}]"
        quality = f"{column.label} {column.shown(interval.value)}{bounds}, n = {interval.n}"
    return (
        each.engine_id,
        f"{each.ok} of {each.runs}",
        shown("first_s", each.first_s.p50),
        shown("total_s", each.total_s.p50),
        shown("total_s", each.total_s.p95),
        shown("rtf", each.rtf.p50),
        shown("cost_usd", each.cost_usd),
        quality,
    )
