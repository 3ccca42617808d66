"""Estimates with n: percentiles, bootstrap intervals over items, and two engines compared item by item.

Repeats of one item count as one item: resampling rows would make three repeats look like three times the evidence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np

from comparisons.columns import COLUMNS
from comparisons.table import percentile

Row = Mapping[str, Any]

ENOUGH_ITEMS = 10
"""Fewer items give no interval and no verdict: resampling a handful shows less spread than there is."""
RESAMPLES, FEWEST_RESAMPLES, SEED, CONFIDENCE = 2_000, 400, 20_261_120, 0.95
"""Fewer resamples beyond 20,000 items, where an interval is narrow whatever its bounds' last digit."""
SIGNIFICANT = 0.05
WORD_ERRORS = ("word_substitutions", "word_deletions", "word_insertions")
_CELLS, _CELLS_AT_ONCE = 40_000_000, 2_000_000


@dataclass(frozen=True)
class Spread:
    """Percentiles of a time. One is None where fewer values lie beyond it than one: p95 needs 20 values, p99 needs 100."""

    n: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval by bootstrap over `n` items; no bounds below ENOUGH_ITEMS."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Pair:
    """Two engines on the items that both answered. `difference` is left minus right."""

    left: str
    right: str
    metric: str
    n: int
    left_value: float | None
    right_value: float | None
    difference: Interval
    left_better: int
    right_better: int
    ties: int
    p_sign: float | None
    """Exact two-sided sign test over items, ties left out."""
    p_adjusted: float | None = None
    """The same after Holm's correction over all pairs."""
    verdict: str = "not enough"
    """"left", "right": its interval excludes 0 and p_adjusted is below 0.05; "no difference shown"; or "not enough" items."""


def spread(values: Iterable[float | None]) -> Spread:
    """Percentiles of the known values, as far as there are enough of them."""
    known = [value for value in values if value is not None]
    shares = [percentile(known, share) if len(known) >= least else None for share, least in ((0.5, 1), (0.95, 20), (0.99, 100))]
    return Spread(len(known), *shares)


def _item_means(rows: Iterable[Row], metric: str) -> dict[str, float]:
    """The mean over the repeats of each item that has a value."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if row["status"] == "ok" and row.get(metric) is not None:
            values.setdefault(row["item"], []).append(row[metric])
    return {item: math.fsum(each) / len(each) for item, each in values.items()}


def _item_counts(rows: Iterable[Row]) -> dict[str, tuple[float, float]]:
    """Word errors and reference words of each item, means over its repeats. An empty reference counts with its insertions."""
    sums: dict[str, list[float]] = {}
    for row in rows:
        if row["status"] == "ok" and None not in (row["reference_words"], *(row[name] for name in WORD_ERRORS)):
            errors, words, n = sums.setdefault(row["item"], [0.0, 0.0, 0])
            sums[row["item"]] = [errors + sum(row[name] for name in WORD_ERRORS), words + row["reference_words"], n + 1]
    return {item: (errors / n, words / n) for item, (errors, words, n) in sums.items()}


@lru_cache(maxsize=2)
def _draws(n: int, seed: int) -> np.ndarray:
    """How often each of n items comes in each of the resamples: uint8 [resamples, n]. One set of draws serves every figure."""
    resamples, random = max(FEWEST_RESAMPLES, min(RESAMPLES, _CELLS // n)), np.random.default_rng(seed)
    counts = np.empty((resamples, n), np.uint8)
    for start in range(0, resamples, step := max(1, _CELLS_AT_ONCE // n)):
        rows = min(step, resamples - start)
        drawn = random.integers(0, n, (rows, n)) + np.arange(rows)[:, None] * n
        counts[start : start + rows] = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
    return counts


def _resampled(columns: Sequence[Sequence[float]], seed: int) -> np.ndarray:
    """Sums of each column over as many items drawn with replacement: float64 [resamples, columns]."""
    table = np.array(columns, dtype=np.float64).T
    draws = _draws(len(table), seed)
    step = max(1, _CELLS_AT_ONCE // len(table))
    return np.concatenate([draws[start : start + step].astype(np.float64) @ table for start in range(0, len(draws), step)])


def _bounds(values: np.ndarray) -> tuple[float | None, float | None]:
    values = values[np.isfinite(values)]
    if not len(values):
        return None, None
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def mean_interval(rows: Iterable[Row], metric: str, *, seed: int = SEED) -> Interval:
    """The mean of a metric over items, each weighing alike."""
    values = list(_item_means(rows, metric).values())
    n = len(values)
    if not n:
        return Interval(0)
    if n < ENOUGH_ITEMS:
        return Interval(n, math.fsum(values) / n)
    return Interval(n, math.fsum(values) / n, *_bounds(_resampled([values], seed)[:, 0] / n))


def pooled_wer_interval(rows: Iterable[Row], *, seed: int = SEED) -> Interval:
    """All word errors over all reference words, long items weighing more."""
    counts = list(_item_counts(rows).values())
    errors, words = [each[0] for each in counts], [each[1] for each in counts]
    if not sum(words):
        return Interval(len(counts))
    value = math.fsum(errors) / math.fsum(words)
    if len(counts) < ENOUGH_ITEMS:
        return Interval(len(counts), value)
    drawn = _resampled([errors, words], seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Interval(len(counts), value, *_bounds(drawn[:, 0] / drawn[:, 1]))


def compare(left: Sequence[Row], right: Sequence[Row], metric: str, *, seed: int = SEED) -> Pair:
    """Two engines' rows, item by item. For WER the values and their difference are pooled; the sign test takes each item's."""
    ours, theirs = _item_means(left, metric), _item_means(right, metric)
    items = sorted(ours.keys() & theirs.keys())
    better = COLUMNS[metric].direction
    # rounded: means over unlike numbers of repeats differ in their last digits where the repeats do not
    signs = Counter(int(np.sign(round(ours[item] - theirs[item], 9) * better)) for item in items)
    if metric == "wer":
        tables = [_item_counts(rows) for rows in (left, right)]
        pooled = [item for item in items if item in tables[0] and item in tables[1]]
        columns = [[table[item][at] for item in pooled] for table in tables for at in (0, 1)]
    else:
        columns = [[ours[item] for item in items], [1.0] * len(items), [theirs[item] for item in items], [1.0] * len(items)]
    left_value, right_value = _ratio(columns[0], columns[1]), _ratio(columns[2], columns[3])
    known = left_value is not None and right_value is not None
    difference = Interval(len(items), left_value - right_value if known else None)
    if known and len(items) >= ENOUGH_ITEMS:
        drawn = _resampled(columns, seed)
        with np.errstate(divide="ignore", invalid="ignore"):
            bounds = _bounds(drawn[:, 0] / drawn[:, 1] - drawn[:, 2] / drawn[:, 3])
        difference = Interval(len(items), difference.value, *bounds)
    names = [rows[0]["engine_id"] if rows else "" for rows in (left, right)]
    p_sign = sign_test(signs[1], signs[-1]) if len(items) >= ENOUGH_ITEMS else None
    return Pair(*names, metric, len(items), left_value, right_value, difference, signs[1], signs[-1], signs[0], p_sign)


def _ratio(parts: Sequence[float], wholes: Sequence[float]) -> float | None:
    return math.fsum(parts) / math.fsum(wholes) if sum(wholes) else None


def sign_test(wins: int, losses: int) -> float:
    """The chance of a split at least this uneven between equals, both sides; 1 without any."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def compare_all(engines: Mapping[str, Sequence[Row]], metric: str, seed: int) -> tuple[Pair, ...]:
    found = [compare(engines[left], engines[right], metric, seed=seed) for left, right in combinations(engines, 2)]
    tested = sorted((pair for pair in found if pair.p_sign is not None), key=lambda pair: pair.p_sign)
    adjusted: dict[tuple[str, str], float] = {}
    largest = 0.0
    for rank, pair in enumerate(tested):
        largest = max(largest, min(1.0, pair.p_sign * (len(tested) - rank)))
        adjusted[pair.left, pair.right] = largest
    return tuple(_judged(pair, adjusted.get((pair.left, pair.right))) for pair in found)


def _judged(pair: Pair, p_adjusted: float | None) -> Pair:
    low, high = pair.difference.low, pair.difference.high
    if p_adjusted is None or low is None or high is None:
        verdict = "not enough"
    elif p_adjusted < SIGNIFICANT and (low > 0 or high < 0):
        verdict = "left" if (low > 0) == (COLUMNS[pair.metric].direction > 0) else "right"
        # the pooled figure and the count of items must point the same way
        more = pair.left_better > pair.right_better
        verdict = verdict if more == (verdict == "left") else "no difference shown"
    else:
        verdict = "no difference shown"
    return replace(pair, p_adjusted=p_adjusted, verdict=verdict)
