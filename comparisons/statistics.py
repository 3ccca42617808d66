"""From many rows to what may be said about engines: times, cost and quality with n and intervals, pairs, slices, worst samples.

Times are over fresh answers alone, quality is over every good answer. Where n is too small for a figure there is none, and
`not_enough` says so.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from comparisons.columns import COLUMNS
from comparisons.estimates import (
    ENOUGH_ITEMS,
    SEED,
    WORD_ERRORS,
    Interval,
    Pair,
    Spread,
    compare_all,
    mean_interval,
    pooled_wer_interval,
    spread,
)
from comparisons.table import csv_text
from engine.tasks import TASKS

Row = Mapping[str, Any]

MOST_SLICE_VALUES = 50
LENGTH = "duration"
"""The slice that every task with sounds as inputs has; a column of that name in the manifest wins."""
_LENGTHS = {"under 5 s": 5.0, "5 to 15 s": 15.0, "15 to 60 s": 60.0, "1 to 5 min": 300.0, "5 min or more": math.inf}
_TIMES = ("first_s", "total_s", "rtf")


@dataclass(frozen=True)
class EngineFigures:
    engine_id: str
    engine_name: str
    runs: int
    ok: int
    failed: Mapping[str, int]
    """Rows by kind of error."""
    cached: int
    fresh: int
    items: int
    """Items with at least one good answer."""
    first_s: Spread
    total_s: Spread
    rtf: Spread
    cost_usd: float | None
    """Sum of the known costs of fresh answers; None when none is known."""
    cost_known: int
    cost_mean_usd: float | None
    quality: Mapping[str, Interval] = field(default_factory=dict)
    """By metric: means over items; "wer_pooled" is all word errors over all reference words."""


@dataclass(frozen=True)
class Statistics:
    task: str | None
    items: int
    engines: tuple[EngineFigures, ...]
    common_items: int
    """Items that every engine answered."""
    common: tuple[EngineFigures, ...]
    """Over those alone: an engine that fails on what is hard gains nothing by it here."""
    pairs: tuple[Pair, ...]
    slices: Mapping[str, Mapping[str, tuple[EngineFigures, ...]]]
    """By column, by value."""
    worst: Mapping[str, tuple[Row, ...]]
    """By engine: item, input_name, metric, value, reference and output_text of its worst answers, worst first."""
    not_enough: tuple[str, ...] = ()
    """Sentences on what is missing for lack of n."""


def statistics_of(rows: Iterable[Row], *, worst: int = 10, seed: int = SEED) -> Statistics:
    """All figures of rows of one task. Rows without an item are told apart by their input. Raises ValueError for two tasks."""
    wanted = ("task", "engine_id", "engine_name", "status", "cached", "item", "input_name", "cost_usd", "slices", "reference")
    wanted = (*wanted, "output_text", "reference_words", "wer", "input_audio_seconds", *WORD_ERRORS, *_TIMES)
    metrics: list[str] = []
    kept: list[dict[str, Any]] = []
    for row in rows:
        if not kept:
            metrics = [name for name in TASKS[row["task"]].metrics if COLUMNS[name].direction] if row["task"] in TASKS else []
        elif row["task"] != kept[0]["task"]:
            raise ValueError(f"statistics are over one task, got rows of {kept[0]['task']!r} and {row['task']!r}")
        known = {name: row.get(name) for name in {*wanted, *metrics}}
        known["item"] = known["item"] or row.get("input_sha256") or known["input_name"]
        kept.append(known)
    engines = _by_engine(kept)
    answered = [{row["item"] for row in own if row["status"] == "ok"} for own in engines.values()]
    common = set.intersection(*answered) if answered else set()
    figures = _figures(engines, metrics, seed)
    metric = metrics[0] if metrics else None
    pairs = compare_all(engines, metric, seed) if metric else ()
    slices, left_out = _slices(kept, metrics, seed)
    items = len({row["item"] for row in kept})
    return Statistics(
        task=kept[0]["task"] if kept else None,
        items=items,
        engines=figures,
        common_items=len(common),
        common=_figures({name: [row for row in own if row["item"] in common] for name, own in engines.items()}, metrics, seed),
        pairs=pairs,
        slices=slices,
        worst={name: _worst(own, metric, worst) for name, own in engines.items()} if metric else {},
        not_enough=(*_short(items, figures), *left_out),
    )


def _by_engine(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["engine_id"], []).append(row)
    return found


def _figures(engines: Mapping[str, Sequence[Row]], metrics: Sequence[str], seed: int) -> tuple[EngineFigures, ...]:
    found = []
    for engine_id, rows in engines.items():
        good = [row for row in rows if row["status"] == "ok"]
        fresh = [row for row in good if not row["cached"]]
        costs = [row["cost_usd"] for row in fresh if row["cost_usd"] is not None]
        quality = {name: mean_interval(good, name, seed=seed) for name in metrics}
        if "wer" in metrics:
            quality["wer_pooled"] = pooled_wer_interval(good, seed=seed)
        found.append(
            EngineFigures(
                engine_id=engine_id,
                engine_name=(rows[-1]["engine_name"] if rows else None) or engine_id,
                runs=len(rows),
                ok=len(good),
                failed=dict(Counter(row["status"] for row in rows if row["status"] != "ok")),
                cached=len(good) - len(fresh),
                fresh=len(fresh),
                items=len({row["item"] for row in good}),
                **{name: spread(row[name] for row in fresh) for name in _TIMES},
                cost_usd=math.fsum(costs) if costs else None,
                cost_known=len(costs),
                cost_mean_usd=math.fsum(costs) / len(costs) if costs else None,
                quality=quality,
            )
        )
    return tuple(found)


# ---------------------------------------------------------------- slices and samples


def _slices(rows: Sequence[Row], metrics: Sequence[str], seed: int) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        for name, value in _document(row["slices"]).items():
            found.setdefault(name, {}).setdefault(str(value), []).append(row)
    lengths = _by_length(rows)
    if len(lengths) > 1:
        found.setdefault(LENGTH, lengths)
    tables, left_out = {}, []
    for name, values in found.items():
        if len(values) > MOST_SLICE_VALUES:
            left_out.append(f"{name!r} has {len(values)} values: a table is made for up to {MOST_SLICE_VALUES}.")
            continue
        ordered = values.items() if values is lengths else sorted(values.items())
        tables[name] = {value: _figures(_by_engine(own), metrics, seed) for value, own in ordered}
    return tables, left_out


def _by_length(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by the length of their input, the short ones first; without those whose length is not known."""
    found: dict[str, list[Row]] = {label: [] for label in _LENGTHS}
    for row in rows:
        seconds = row["input_audio_seconds"]
        if seconds is not None:
            found[next(label for label, most_s in _LENGTHS.items() if seconds < most_s)].append(row)
    return {label: own for label, own in found.items() if own}


def _document(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _worst(rows: Sequence[Row], metric: str, most: int) -> tuple[Row, ...]:
    better = COLUMNS[metric].direction
    good = [row for row in rows if row["status"] == "ok" and row.get(metric) is not None]
    ranked = sorted(good, key=lambda row: row[metric] * better)
    shown = ("item", "input_name", "reference", "output_text")
    return tuple({"metric": metric, "value": row[metric], **{name: row[name] for name in shown}} for row in ranked[:most])


def _short(items: int, figures: Sequence[EngineFigures]) -> list[str]:
    said = []
    if items < ENOUGH_ITEMS:
        said.append(f"Not enough items for intervals and verdicts: {items} of {ENOUGH_ITEMS}.")
    fresh = min((each.fresh for each in figures), default=0)
    if fresh < 100:
        missing = "p99" if fresh >= 20 else "p95 and p99"
        said.append(f"Not enough fresh answers for {missing}: the fewest of an engine are {fresh}; p95 needs 20, p99 100.")
    return said


# ---------------------------------------------------------------- files


def to_document(found: Statistics) -> dict[str, Any]:
    """Everything as JSON takes it; unknown is null."""
    return asdict(found)


def flat_rows(found: Statistics) -> list[dict[str, Any]]:
    """One row per engine over all, over the common items, and per slice and value."""
    groups = [("all", "", found.engines), ("common items", "", found.common)]
    groups += [(name, value, figures) for name, values in found.slices.items() for value, figures in values.items()]
    rows = []
    for name, value, figures in groups:
        for each in figures:
            row: dict[str, Any] = {"slice": name, "value": value, "task": found.task}
            for key, own in vars(each).items():
                if isinstance(own, Spread):
                    row |= {f"{key}_{part}": number for part, number in vars(own).items()}
                elif key == "failed":
                    row["failed"] = sum(own.values())
                elif key == "quality":
                    for metric, interval in own.items():
                        row |= {metric: interval.value, f"{metric}_low": interval.low, f"{metric}_high": interval.high}
                        row[f"{metric}_n"] = interval.n
                else:
                    row[key] = own
            rows.append(row)
    return rows


def write_statistics(found: Statistics, file: str | Path) -> None:
    """JSON, or a flat CSV that is safe to open in a spreadsheet, by the file's suffix. Raises ValueError for another one."""
    file = Path(file)
    if file.suffix.lower() == ".json":
        text = json.dumps(to_document(found), ensure_ascii=True, indent=1, allow_nan=False)
    elif file.suffix.lower() == ".csv":
        rows, buffer = flat_rows(found), io.StringIO(newline="")
        writer = csv.DictWriter(buffer, list(dict.fromkeys(name for row in rows for name in row)), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        for row in rows:
            writer.writerow({name: csv_text(value) if isinstance(value, str) else value for name, value in row.items()})
        text = "\ufeff" + buffer.getvalue()
    else:
        raise ValueError(f"a summary is written as .json or .csv, got {file.name!r}")
    unfinished = Path(f"{file}.part")
    try:
        unfinished.write_text(text, "utf-8", newline="")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
