"""What is asked of a batch, and where it stands at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from comparisons.asking import build_request
from comparisons.catalogue import Access
from comparisons.cost import machine_price_from_environment
from engine.audio import Audio
from engine.contract import BadInput, EngineSpec
from engine.tasks import TASKS

MOST_AT_ONCE = 16


@dataclass(frozen=True)
class BatchPlan:
    """What is asked of every item; the fields mean what they mean in `Plan`."""

    task: str
    specs: tuple[EngineSpec, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of every item; an item's own win."""
    repeats: int = 1
    warmups: int = 0
    """Made with the first item alone."""
    timeout_s: float = 120.0
    use_cache: bool = True
    access: Mapping[str, Access] = field(default_factory=dict)
    session: str | None = None
    machine_usd_per_hour: float | None = field(default_factory=machine_price_from_environment)
    spend_cap_usd: float | None = None
    """For the whole batch, what it cost before a restart included."""
    hear_with: EngineSpec | None = None
    agreed: bool = False
    at_once: int = 1
    """Items under way together. With 1 no item is decoded and no engine called twice while another is being timed."""

    def check(self) -> None:
        """Raises BadInput for what would make every item fail, before the first is asked."""
        if not self.specs:
            raise BadInput("a batch needs an engine that is ready: `python -m comparisons doctor` says what is missing")
        if not 1 <= self.at_once <= MOST_AT_ONCE:
            raise BadInput(f"items at once must be from 1 to {MOST_AT_ONCE}, got {self.at_once!r}")
        if self.spend_cap_usd is not None and self.hear_with is not None and self.hear_with.where == "cloud":
            raise BadInput(f"{self.hear_with.id} is billed for what it hears, which no spend cap can bound: hear locally")
        build_request(self.task, Audio(np.zeros(1), 16_000) if TASKS[self.task].takes_audio else "x", self.settings)


@dataclass(frozen=True)
class Progress:
    """A batch at one moment. A cell is one item, engine and repeat."""

    batch_id: str
    state: str
    """"ready", "running", "paused", "stopped", "finished", or "failed": `fault` says why."""
    items: int
    items_done: int
    cells: int
    cells_done: int
    resumed: int
    """Cells whose answer was kept by an earlier start of this batch."""
    ok: int
    failed: int
    cached: int
    spent_usd: float
    """Known cost of the cloud calls of this batch, earlier starts included."""
    unknown_costs: int
    expected_usd: float | None
    """Known cost at the end if the rest costs what the calls so far did; None before the first and where a cost is unknown."""
    elapsed_s: float
    """Time under way since this start, pauses excluded."""
    eta_s: float | None
    fault: str | None = None
