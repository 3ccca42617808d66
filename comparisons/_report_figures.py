"""Parts of the report that are worked out from many rows: figures per engine, costs by volume, words that differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from comparisons._workload import UNITS
from comparisons.columns import COLUMNS
from comparisons.differences import spans
from comparisons.figures import HEADER, line_of, pair_line
from comparisons.statistics import Statistics, statistics_of
from comparisons.words import Withheld
from engine.tasks import TASKS

Row = Mapping[str, Any]

_MOST_SLICES = 8
_SIZES = {"tts": ("input_characters", 1.0), "music": (None, 1.0)}
"""The column that counts a task's units, and units in one of it; None counts answers, and the rest hours of sound."""


def text_of(row: Row) -> str:
    """The text answer as HTML; where it was measured against words, those that differ are marked."""
    if "wer" in TASKS[row["task"]].metrics and row["reference"]:
        try:
            marked = spans(row["reference"], row["output_text"], row["output_language"])
        except Withheld:
            return escape(row["output_text"])
        return "".join(_marked(span.text, span.kind, span.title) for span in marked)
    return escape(row["output_text"])


def _marked(text: str, kind: str, title: str) -> str:
    if kind == "same":
        return escape(text)
    tag = {"deleted": "del", "inserted": "ins"}.get(kind, "mark")
    said = {"deleted": "missing", "inserted": "added"}.get(kind, title)
    return f'<{tag} title="{escape(said)}">{escape(text)}</{tag}>'


# ---------------------------------------------------------------- many inputs


def figures_section(rows: Sequence[Row]) -> Iterator[str]:
    """Per engine the figures with n and intervals, then pairs and slices."""
    found = statistics_of(rows)
    yield f"<h2>Figures over {found.items:,} inputs</h2>"
    yield _table(HEADER, [line_of(each) for each in found.engines], "Figures by engine")
    yield from (f'<p class="dim">{escape(pair_line(pair))}</p>' for pair in found.pairs)
    yield from (f'<p class="dim">{escape(sentence)}</p>' for sentence in found.not_enough)
    yield from _slices(found)


def _slices(found: Statistics) -> Iterator[str]:
    told = [(name, values) for name, values in found.slices.items() if len(values) > 1]
    for name, values in told[:_MOST_SLICES]:
        lines = [(value, *line_of(each)) for value, figures in values.items() for each in figures]
        yield f'<details class="card"><summary dir="auto">By {escape(name)}</summary>'
        yield _table((name, *HEADER), lines, f"Figures by {name}")
        yield "</details>"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]], label: str) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(f'<td dir=auto>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


# ---------------------------------------------------------------- a month


def costs_section(rows: Sequence[Row]) -> Iterator[str]:
    """What the answers of each engine cost per unit, and what three volumes a month would."""
    unit, engines = UNITS[rows[0]["task"]], {}
    for row in rows:
        if row["status"] == "ok":
            engines.setdefault(row["engine_id"], []).append(row)
    lines = []
    for own in engines.values():
        usd, n = _per_unit(own)
        if usd is not None:
            month = [COLUMNS["cost_usd"].shown(usd * volume) for volume in unit.volumes]
            lines.append((usd, (own[-1]["engine_name"] or own[-1]["engine_id"], *month, f"{n}", own[-1]["cost_evidence"] or "")))
    if not lines:
        return
    heads = ("Engine", *(f"{volume:,.0f} {unit.name}" for volume in unit.volumes), "n", "Rests on")
    yield "<h2>A month</h2>"
    yield _table(heads, [line for _, line in sorted(lines)], "Costs of a month")
    yield (
        '<p class="dim">In proportion to what these answers cost; a local engine at the price of the machine that was set. '
        "Volume discounts and free tiers are left out.</p>"
    )


def _per_unit(rows: Sequence[Row]) -> tuple[float | None, int]:
    """Dollars per unit over the answers whose cost and size are known, and how many; what was cached cost the same once."""
    column, per = _SIZES.get(rows[0]["task"], ("input_audio_seconds", 1 / 3_600))
    known = [(row["cost_usd"], 1.0 if column is None else row[column]) for row in rows if row["cost_usd"] is not None]
    known = [(usd, size * per) for usd, size in known if size]
    total = math.fsum(size for _, size in known)
    return (math.fsum(usd for usd, _ in known) / total if total else None), len(known)
