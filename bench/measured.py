"""How every figure here is made: arms that take turns, medians, and one line of JSON for each comparison."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Sizes:
    """How much work a measurement does; `SMALL` only shows that it runs."""

    rounds: int | None = None
    """Rounds of every measurement; None leaves each its own number."""
    clip_s: float = 5.0
    """Seconds of speech that is transcribed."""
    mix_s: float = 30.0
    """Seconds of sound that is separated."""
    answer_s: float = 1.0
    """Seconds that the loopback cloud takes where a call should take as long as a real one."""
    engines: int = 32
    """Width of the fan-out."""
    replayed: int = 12
    """Engines whose answers come from the cache."""
    rows: int = 100_000
    """Runs in the history."""
    full_networks: bool = True
    """Networks of their published size; small ones otherwise."""

    def rounds_or(self, usual: int) -> int:
        return usual if self.rounds is None else self.rounds


SMALL = Sizes(rounds=1, clip_s=1.0, mix_s=1.0, answer_s=0.05, engines=3, replayed=3, rows=300, full_networks=False)

Arm = Callable[[], Any]


def timed(work: Arm) -> float:
    """Seconds that `work` takes; its own figure where it returns a float."""
    began = time.perf_counter()
    own = work()
    return own if isinstance(own, float) else time.perf_counter() - began


def in_turns(rounds: int, arms: Mapping[str, Arm], warm_ups: int = 1) -> dict[str, float]:
    """Median seconds of each arm. The arms take turns within a round, so that drift of the machine hits all alike.

    The first `warm_ups` rounds are thrown away. An arm that returns a float has taken the time itself.
    """
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(-warm_ups, rounds):
        for name, work in arms.items():
            seconds = timed(work)
            if number >= 0:
                taken[name].append(seconds)
    return {name: median(times) for name, times in taken.items()}


@dataclass(frozen=True)
class Goal:
    """`figure` is a name in the printed line: "ratio", "ours_ms", "overhead_ms"."""

    figure: str
    at_most: float

    def __str__(self) -> str:
        return f"{self.figure} <= {self.at_most:g}"


@dataclass(frozen=True)
class Measured:
    """One comparison. `ours` and `plain` are median seconds over `n` rounds."""

    name: str
    ours: float
    plain: float
    goal: Goal
    n: int
    how: str
    unit: str = "s"
    """"s" or "ms": how the seconds are printed."""
    against: Mapping[str, float] = field(default_factory=dict)
    """Other ways to the same result: median seconds by name, each printed with its ratio."""
    more: Mapping[str, float] = field(default_factory=dict)
    """Further median seconds by name."""

    @property
    def figures(self) -> dict[str, float]:
        """What is printed, by name, rounded; times in `unit`."""

        def shown(seconds: float) -> float:
            return round(seconds * 1000, 3) if self.unit == "ms" else round(seconds, 4)

        times = {"ours": self.ours, "plain": self.plain, "overhead": self.ours - self.plain, **self.against, **self.more}
        ratios = {"ratio": self.ours / self.plain} | {
            f"ratio_to_{name}": self.ours / other for name, other in self.against.items()
        }
        return {f"{name}_{self.unit}": shown(seconds) for name, seconds in times.items()} | {
            name: round(ratio, 4) for name, ratio in ratios.items()
        }

    def line(self) -> str:
        """The comparison as one line of JSON."""
        met = self.figures[self.goal.figure] <= self.goal.at_most
        about = {"goal": str(self.goal), "met": met, "n": self.n, "how": self.how}
        return json.dumps({"name": self.name, **self.figures, **about}, ensure_ascii=False)
