"""Figures out of votes, each with its interval and n: preference (Bradley-Terry), means, shares of right answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BOOTSTRAPS = 2_000
CONFIDENCE = 0.95
CLUSTERS_TO_RESAMPLE = 5
"""From this many listeners (or inputs) on, whole ones are resampled, because their votes go together; below, single votes."""
PRIOR_SD = 2.0
"""Standard deviation of the prior on a strength, in log-odds: keeps an engine that won every vote at a finite place."""
_AT_ONCE = 4_000_000
"""Weights held at one time while two kinds of clusters are resampled."""


@dataclass(frozen=True)
class Estimate:
    """A figure over `n` votes with its 95 % interval; None where there are no votes."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Pairing:
    """One vote between two of the items: `score` is 1 when `first` won, 0 when `second` did, 0.5 for a tie."""

    listener: int
    first: int
    second: int
    score: float
    input: int = 0


@dataclass(frozen=True)
class Score:
    """One rating of one item."""

    listener: int
    item: int
    score: float
    input: int = 0


def resampled_units(votes: Sequence[Pairing | Score]) -> tuple[str, ...]:
    """What the bootstrap draws: "listeners", "inputs", both, or, where there are too few of either, "votes"."""
    units = [("listeners", {vote.listener for vote in votes}), ("inputs", {vote.input for vote in votes})]
    return tuple(name for name, each in units if len(each) >= CLUSTERS_TO_RESAMPLE) or ("votes",)


def strengths(wins: np.ndarray) -> np.ndarray:
    """Bradley-Terry strengths in log-odds, mean 0, for each table of wins; float64 [..., items].

    `wins`: [..., items, items], `wins[i, j]` is how often i beat j, a tie half a win for each. Newton's method on the
    likelihood with a normal prior of `PRIOR_SD`.
    """
    wins = np.asarray(wins, dtype=np.float64)
    items = wins.shape[-1]
    games = wins + np.swapaxes(wins, -1, -2)
    theta = np.zeros(wins.shape[:-1])
    diagonal = np.eye(items)
    for _ in range(100):
        chance = 1.0 / (1.0 + np.exp(theta[..., None, :] - theta[..., :, None]))
        slope = (wins - games * chance).sum(axis=-1) - theta / PRIOR_SD**2
        weight = games * chance * (1.0 - chance)
        curve = (weight.sum(axis=-1) + 1.0 / PRIOR_SD**2)[..., None] * diagonal - weight
        step = np.clip(np.linalg.solve(curve, slope[..., None])[..., 0], -1.0, 1.0)
        theta = theta + step
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    return theta - theta.mean(axis=-1, keepdims=True)


def preference(items: int, pairings: Sequence[Pairing], seed: int = 0) -> list[Estimate]:
    """Per item the chance to be preferred over an average item of the same test, from Bradley-Terry strengths.

    Each pair that was compared gets one more win on either side, so that three votes of one mind do not look certain;
    intervals are percentiles of a bootstrap over `resampled_units` and these. `n` counts the votes that the item took part in.
    """
    if not pairings:
        return [Estimate(None, None, None, 0)] * items
    compared = sorted({tuple(sorted((pairing.first, pairing.second))) for pairing in pairings})
    added = [Pairing(-1, *pair, score, -1) for pair in compared for score in (0.0, 1.0)]
    pool = [*pairings, *added]
    tables = np.zeros((len(pool), items, items))
    for row, pairing in zip(tables, pool, strict=True):
        row[pairing.first, pairing.second] += pairing.score
        row[pairing.second, pairing.first] += 1.0 - pairing.score
    sums = _resampled(tables.reshape(len(pool), -1), pairings, seed)
    drawn = strengths(sums.reshape(-1, items, items))
    chances = 1.0 / (1.0 + np.exp(-drawn))
    value = 1.0 / (1.0 + np.exp(-strengths(tables.sum(axis=0))))
    counts = [sum(item in (pairing.first, pairing.second) for pairing in pairings) for item in range(items)]
    return [_between(value[item], chances[:, item], counts[item]) for item in range(items)]


def means(items: int, scores: Sequence[Score], seed: int = 0) -> list[Estimate]:
    """Per item the mean of its scores with a bootstrap interval over `resampled_units`. One score has no interval."""
    if not scores:
        return [Estimate(None, None, None, 0)] * items
    features = np.zeros((len(scores), 2 * items))
    for row, each in zip(features, scores, strict=True):
        row[each.item], row[items + each.item] = each.score, 1.0
    sums = _resampled(features, scores, seed)
    total, found = features.sum(axis=0), []
    for item in range(items):
        n = int(total[items + item])
        if n < 2:
            found.append(Estimate(total[item] if n else None, None, None, n))
            continue
        there = sums[:, items + item] > 0
        drawn = sums[there, item] / sums[there, items + item]
        found.append(_between(total[item] / n, drawn, n))
    return found


def share_correct(right: int, n: int) -> tuple[Estimate, float | None]:
    """The share of right answers with the exact (Clopper-Pearson) interval, and the exact binomial p-value.

    p is the chance of at least `right` of `n` by guessing.
    """
    if not n:
        return Estimate(None, None, None, 0), None
    from scipy.stats import binomtest

    tested = binomtest(right, n, 0.5, alternative="greater")
    interval = binomtest(right, n).proportion_ci(CONFIDENCE, method="exact")
    return Estimate(right / n, float(interval.low), float(interval.high), n), float(tested.pvalue)


def _resampled(features: np.ndarray, votes: Sequence[Pairing | Score], seed: int) -> np.ndarray:
    """Sums of the votes' features over bootstrap samples, float64 [BOOTSTRAPS, features].

    `features` [rows, features]: one row per vote, then rows that are nobody's vote and are resampled one by one. Listeners and
    inputs are drawn independently of each other, and a vote counts as often as its listener times its input
    (Owen, The pigeonhole bootstrap, 2007).
    """
    chance, drawn = np.random.default_rng(seed), resampled_units(votes)
    own, others = features[: len(votes)], features[len(votes) :]
    of = {"listeners": [vote.listener for vote in votes], "inputs": [vote.input for vote in votes]}
    if len(drawn) == 1:
        units = own
        if drawn[0] != "votes":
            known, place = np.unique(of[drawn[0]], return_inverse=True)
            units = np.zeros((len(known), features.shape[1]))
            np.add.at(units, place, own)
        units = np.concatenate([units, others])
        return _times(chance, len(units)) @ units
    (listeners, who), (inputs, where) = (np.unique(of[name], return_inverse=True) for name in drawn)
    cells, place = np.unique(who * len(inputs) + where, return_inverse=True)
    units = np.zeros((len(cells), features.shape[1]))
    np.add.at(units, place, own)
    by_listener, by_input = _times(chance, len(listeners)), _times(chance, len(inputs))
    sums = _times(chance, len(others)) @ others if len(others) else np.zeros((BOOTSTRAPS, features.shape[1]))
    step = max(1, _AT_ONCE // len(cells))
    for start in range(0, BOOTSTRAPS, step):
        part = slice(start, start + step)
        sums[part] += (by_listener[part][:, cells // len(inputs)] * by_input[part][:, cells % len(inputs)]) @ units
    return sums


def _times(chance: np.random.Generator, count: int) -> np.ndarray:
    """How often each of `count` units comes up in each bootstrap sample, float64 [BOOTSTRAPS, count]."""
    return chance.multinomial(count, np.full(count, 1.0 / count), size=BOOTSTRAPS).astype(np.float64)


def _between(value: float, drawn: np.ndarray, n: int) -> Estimate:
    edge = 100.0 * (1.0 - CONFIDENCE) / 2.0
    low, high = np.percentile(drawn, [edge, 100.0 - edge]) if len(drawn) else (None, None)
    return Estimate(float(value), low if low is None else float(low), high if high is None else float(high), n)
