"""One cell under the clock: load, warm-ups, then attempts until one answers or none can help."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from comparisons import faults
from comparisons.faults import STOPPED
from comparisons.plan import Plan
from comparisons.results import Arrived, Cell, Event, Loading, Retrying, Started
from comparisons.settle import Taken
from engine.audio import Audio
from engine.contract import Engine, Facts, Mark, Piece, Stem, Tag, Text, Usage
from engine.tasks import TASKS
from engine.worker import versions_of

ATTEMPTS = 3
"""Requests per cell at most, as in the standard mode of the large cloud SDKs."""
FIRST_WAIT_S = 0.5
"""Wait before the second attempt; doubled each time, with jitter, unless the vendor says how long."""


@dataclass
class Stopwatch:
    """Takes down what one engine does for one cell. `take()` once; `taken` may be read at any time."""

    plan: Plan
    cell: Cell
    engine: Engine
    key: str
    tell: Callable[[Event], None]
    wanted: Callable[[], bool]
    """Whether the cell is still open: nothing is asked again for one that has settled."""
    stopped: threading.Event
    queued_at: float
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.taken = Taken(began_at=datetime.now(UTC), queue_s=self.began - self.queued_at)

    def take(self, *, loaded: bool, warm_up: bool) -> Taken:
        """Load unless `loaded`, warm up, run, retry. Whatever an engine raises ends up in `fault`."""
        taken = self.taken
        try:
            if not loaded:
                self.tell(Loading(self.cell))
                self.engine.load()
                taken.load_s, taken.cold = time.perf_counter() - self.began, True
            for _ in range(self.plan.warmups if warm_up else 0):
                for _piece in self.engine.run(self.plan.request, self._left()):
                    pass
                taken.warmups += 1
            self._attempts()
        except Exception as error:  # noqa: BLE001  whatever an SDK raises becomes a row
            taken.fault = faults.sort(error, secrets=[self.key])
        taken.all_attempts_s = time.perf_counter() - self.began - (taken.load_s or 0.0)
        taken.versions = getattr(self.engine, "versions", None) or versions_of(self.engine.spec)
        return taken

    def _left(self) -> float:
        return max(0.001, self.plan.timeout_s - (time.perf_counter() - self.began))

    def _attempts(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            self.tell(Started(self.cell))
            start = time.perf_counter()
            try:
                self._attempt(start)
                self.taken.note_attempt("ok", time.perf_counter() - start)
                return
            except Exception as error:  # noqa: BLE001  sorted into a kind, then retried or settled
                fault = faults.sort(error, secrets=[self.key])
                self.taken.note_attempt(fault.kind, time.perf_counter() - start, fault)
            backoff_s = FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(1, 1.5)
            wait = backoff_s if fault.retry_after_s is None else fault.retry_after_s
            local = self.engine.spec.where == "local"
            if local or not fault.retryable or attempt == ATTEMPTS or wait >= self._left() or not self.wanted():
                self.taken.fault = fault
                return
            self.tell(Retrying(self.cell, fault.message, wait))
            if self.stopped.wait(wait):
                self.taken.fault = STOPPED
                return

    def _attempt(self, start: float) -> None:
        """One run under the clock, which stops when the engine has nothing more to say."""
        taken, task = self.taken, TASKS[self.plan.task]
        pieces: list[tuple[float, Piece]] = []
        taken.begin_attempt()
        for piece in self.engine.run(self.plan.request, self._left()):
            at_s = time.perf_counter() - start
            if isinstance(piece, Mark):
                taken.marks.setdefault(piece.name, at_s)
            elif isinstance(piece, Facts):
                taken.learn(piece)
            elif isinstance(piece, Usage):
                taken.usage = {**(taken.usage or {}), **piece.amounts}
            else:
                if taken.first_arrival_s is None and isinstance(piece, task.pieces) and not _is_empty(piece):
                    taken.first_arrival_s = at_s
                pieces.append((at_s, piece))
                self.tell(Arrived(self.cell, piece, at_s))
        taken.total_s = taken.marks.get("answered", time.perf_counter() - start)
        taken.pieces = pieces
        taken.output = task.join([piece for _, piece in pieces])


def _is_empty(piece: Piece) -> bool:
    if isinstance(piece, Text):
        return not piece.text.strip()
    if isinstance(piece, Audio):
        return not piece.frames
    return not isinstance(piece, Stem | Tag)
