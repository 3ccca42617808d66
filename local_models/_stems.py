"""What separation families share: a stem in the mix's shape, and long mixes in windows whose seams are cross-faded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np

from engine.audio import Audio
from local_models._long import windows


def like(mix: Audio, samples: np.ndarray, rate: int) -> Audio:
    """A stem [channels, frames] at `rate` with the mix's rate, channel count and exact length."""
    stem = Audio(np.ascontiguousarray(samples, np.float32), rate)
    stem = (stem.mono() if mix.channels == 1 else stem if stem.channels == mix.channels else stem.stereo()).resample(mix.rate)
    fitted = np.pad(stem.samples, ((0, 0), (0, max(0, mix.frames - stem.frames))))[:, : mix.frames]
    return Audio(np.ascontiguousarray(fitted), mix.rate)


def in_windows(
    samples: np.ndarray, rate: int, separate: Callable[[np.ndarray], np.ndarray], *, window_s: float, overlap_s: float
) -> np.ndarray:
    """[sources, frames] of mono `samples`: `separate` makes [sources, frames] of each window, in bounded memory.

    A network may name the voices in another order in each window: each takes the order that agrees best with the one before
    where they overlap.
    """
    whole: np.ndarray | None = None
    done = 0
    for first, last in windows(len(samples), rate, window_s, window_s - overlap_s):
        found = separate(samples[first:last])
        if whole is None:
            whole = np.zeros((len(found), len(samples)), np.float32)
        shared = done - first
        if shared > 0:
            before, after = whole[:, first:done].astype(np.float64), found[:, :shared].astype(np.float64)
            likeness = before @ after.T
            order = max(
                permutations(range(len(found))), key=lambda each: sum(likeness[row, each[row]] for row in range(len(each)))
            )
            found = found[list(order)]
            fade = np.linspace(0, 1, shared, dtype=np.float32)
            whole[:, first:done] = whole[:, first:done] * (1 - fade) + found[:, :shared] * fade
        whole[:, done:last] = found[:, max(0, shared) :]
        done = last
    return whole
