"""One comparison under way: exactly one row for each engine and repeat, whatever happens.

Cloud engines run in parallel under a cap per vendor, local ones one at a time per device. Repeats are interleaved across
engines, so that drift of machine or network hits all alike. Every cell has one total deadline over load and all attempts; at
the deadline and on cancel the row is settled at once and the engine is closed, which kills its process or hangs up its line.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import queue
import threading
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from comparisons import faults, hearing, lanes
from comparisons.cache import Answer
from comparisons.faults import STOPPED, Fault
from comparisons.plan import Plan, input_sha256
from comparisons.results import Answered, Cell, Event, Queued, Result, Settled
from comparisons.settle import Taken, cached_result, settle, with_heard
from comparisons.stopwatch import Stopwatch
from engine.contract import Engine, EngineError, EngineSpec
from engine.tasks import TASKS
from engine.worker import decode, encode, versions_of

if TYPE_CHECKING:
    from comparisons.runner import Runner

log = logging.getLogger(__name__)
_UNHEARD = Fault("cancelled", "the run was stopped")


class Run:
    """A comparison under way. `events()` waits for each event; `drain()` returns what has come since the last call."""

    def __init__(self, runner: Runner, plan: Plan) -> None:
        self.runner, self.plan = runner, plan
        self.comparison_id = uuid.uuid4().hex
        self.input_sha256 = input_sha256(plan.request)
        self.results: dict[Cell, Result] = {}
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._spent_usd = 0.0
        self._active: dict[Cell, Engine] = {}
        self._unheard: dict[Cell, Result] = {}
        self.cells = [Cell(spec.id, repeat) for repeat in range(1, plan.repeats + 1) for spec in plan.specs]
        self._open = set(self.cells)
        for cell in self.cells:
            self._events.put(Queued(cell))
        if not self.cells:
            self._events.put(None)
        queued_at = time.perf_counter()
        for spec in plan.specs:
            if spec.where == "cloud":
                runner.threads.submit(functools.partial(self._cloud, spec))
        for repeat in range(1, plan.repeats + 1):
            for spec in plan.specs:
                if spec.where == "local":
                    self._local(spec, Cell(spec.id, repeat), queued_at)

    # -------------------------------------------------------- for whoever watches

    def events(self) -> Iterator[Event]:
        """Every event until the last cell has settled."""
        while (event := self._events.get()) is not None:
            yield event

    def drain(self) -> list[Event]:
        """The events since the last call, without waiting."""
        found = []
        while not self._events.empty():
            event = self._events.get()
            if event is not None:
                found.append(event)
        return found

    @property
    def finished(self) -> bool:
        return len(self.results) == len(self.cells)

    @property
    def spent_usd(self) -> float:
        """Known cost of what has settled in this run; cached answers cost nothing."""
        return self._spent_usd

    def cancel(self) -> None:
        """Stop the spend: hang up, kill, and settle every open cell as cancelled."""
        self._stopped.set()
        with self._lock:
            waiting, active = [cell for cell in self._open if cell not in self._active], dict(self._active)
        # settled first: an engine that is hung up on would settle its cell as a fault of the network
        stopped = {cell: self._settle(cell, Taken(fault=STOPPED)) for cell in [*active, *waiting]}
        for cell, engine in active.items():
            if stopped[cell]:  # one that answered meanwhile may be at work for another run by now
                threading.Thread(target=engine.close, daemon=True).start()
        self._stop_listening()

    # -------------------------------------------------------- the two kinds of place

    def _cloud(self, spec: EngineSpec) -> None:
        """All repeats of one cloud engine, one after the other: a second call at once would compete with the first."""
        access, warm_up = self.plan.access_for(spec), True
        with self.runner.clients_for(self.plan, spec) as clients:
            for repeat in range(1, self.plan.repeats + 1):
                cell, queued_at = Cell(spec.id, repeat), time.perf_counter()
                if self._settled_early(spec, cell):
                    continue
                with self.runner.caps.slot(spec, access, self._stopped) as free:
                    if not free:
                        return
                    try:
                        engine, loaded = clients.take(spec, access)
                        if self._cell(cell, engine, queued_at, access.key, loaded=loaded, warm_up=warm_up).fault is None:
                            warm_up = False
                            clients.give_back(engine, access)
                        else:
                            warm_up = True
                            engine.close()
                    except Exception as error:  # noqa: BLE001  a cell always settles
                        self._settle(cell, Taken(fault=faults.sort(error, secrets=[access.key])))

    def _local(self, spec: EngineSpec, cell: Cell, queued_at: float) -> None:
        def job() -> None:
            if self._settled_early(spec, cell):
                return
            try:
                worker = self.runner.residents.take(spec)
                loaded = worker.alive
                taken = self._cell(cell, worker, queued_at, "", loaded=loaded, warm_up=not loaded)
                self.runner.residents.give_back(worker, taken.facts.peak_memory_gb)
            except Exception as error:  # noqa: BLE001  the lane serves the next one
                self._settle(cell, Taken(fault=faults.sort(error)))

        self.runner.lane(spec).submit(job)

    # -------------------------------------------------------- before anything is sent

    def _settled_early(self, spec: EngineSpec, cell: Cell) -> bool:
        """Settle a cell that must not or need not run: stopped, refused, or answered from the cache."""
        if self._stopped.is_set():
            return True
        fault = self.plan.refusal(spec, self._spent_usd)
        if fault:
            self._settle(cell, Taken(fault=fault))
            return True
        answer = self.runner.answers.get(self._answer_key(spec, cell)) if self.plan.use_cache else None
        if answer is None:
            return False
        pieces = [piece for _, piece in decode(answer.pieces)]
        output = TASKS[self.plan.task].join(pieces)
        self._finish(cell, cached_result(self.plan, self.comparison_id, spec, cell, answer.row, output))
        return True

    def _answer_key(self, spec: EngineSpec, cell: Cell) -> str:
        return self.plan.key_for(spec, cell.repeat, self.plan.request, self.input_sha256)

    # -------------------------------------------------------- one cell

    def _cell(self, cell: Cell, engine: Engine, queued_at: float, key: str, *, loaded: bool, warm_up: bool) -> Taken:
        """Put one cell under the clock and settle it. Without a fault the engine has answered and may be asked again."""
        watch = Stopwatch(self.plan, cell, engine, key, self._events.put, lambda: cell in self._open, self._stopped, queued_at)
        with self._lock:
            if cell not in self._open:
                return Taken(fault=STOPPED)
            self._active[cell] = engine
        alarm = lanes.ALARMS.set(self.plan.timeout_s, lambda: self._expire(cell, engine, watch.taken))
        try:
            taken = watch.take(loaded=loaded, warm_up=warm_up)
        finally:
            lanes.ALARMS.clear(alarm)
        return taken if self._settle(cell, taken) else dataclasses.replace(taken, fault=taken.fault or STOPPED)

    def _expire(self, cell: Cell, engine: Engine, taken: Taken) -> None:
        fault = Fault("timeout", f"No complete answer within {self.plan.timeout_s:g} s.")
        if self._settle(cell, dataclasses.replace(taken, fault=fault, versions=versions_of(engine.spec))):
            engine.close()

    # -------------------------------------------------------- settling

    def _settle(self, cell: Cell, taken: Taken) -> bool:
        """Make the row, keep it, tell the watcher. False when another has settled the cell: the first one wins."""
        with self._lock:
            if cell not in self._open:
                return False
            self._open.discard(cell)
            self._active.pop(cell, None)
        spec = next(spec for spec in self.plan.specs if spec.id == cell.engine_id)
        try:
            result = settle(self.plan, self.comparison_id, spec, cell, taken, self.runner.store, self.input_sha256)
        except EngineError as error:
            taken.fault = faults.sort(error)
            result = settle(self.plan, self.comparison_id, spec, cell, taken, self.runner.store, self.input_sha256)
        if result.ok:
            self._spent_usd += (result.row["cost_usd"] or 0.0) if spec.where == "cloud" else 0.0
            self._remember(spec, cell, taken, result)
        log.info("%s %s %.3f s", spec.id, result.row["status"], taken.total_s or 0.0)
        self._finish(cell, result, already_open=True)
        return True

    def _remember(self, spec: EngineSpec, cell: Cell, taken: Taken, result: Result) -> None:
        try:
            self.runner.answers.put_later(self._answer_key(spec, cell), Answer(dict(result.row), encode(taken.pieces)))
        except OSError as error:
            log.warning("the answer of %s was not cached: %s", spec.id, error.strerror)

    def _finish(self, cell: Cell, result: Result, *, already_open: bool = False) -> None:
        with self._lock:
            if not already_open and cell not in self._open:
                return
            self._open.discard(cell)
        if not (result.ok and self.plan.hear_with and self.plan.task in hearing.HEARD and result.output.audio):
            self._keep(cell, result)
            return
        self._events.put(Answered(cell, result))
        with self._lock:
            self._unheard[cell] = result
        if self._stopped.is_set():
            self._stop_listening()
            return
        # Behind whatever waits in that lane: every engine of the comparison is heard by people before one listens to it.
        local = self.plan.hear_with.where == "local"
        (self.runner.lane(self.plan.hear_with) if local else self.runner.threads).submit(lambda: self._listen(cell))

    def _listen(self, cell: Cell) -> None:
        """In the listener's own lane, outside every clock."""
        result, key = self._unheard.get(cell), self.plan.access_for(self.plan.hear_with).key
        if result is None:  # stopped before its turn came
            return
        try:
            result = with_heard(self.plan, result, hearing.hear(self.runner, self.plan, result.output.audio))
        except Exception as error:  # noqa: BLE001  the sound stands without this metric
            result = with_heard(self.plan, result, faults.sort(error, secrets=[key]))
        with self._lock:
            mine = self._unheard.pop(cell, None)
        if mine is not None:
            self._keep(cell, result)

    def _stop_listening(self) -> None:
        with self._lock:
            unheard, self._unheard = self._unheard, {}
        for cell, result in unheard.items():
            self._keep(cell, with_heard(self.plan, result, _UNHEARD))

    def _keep(self, cell: Cell, result: Result) -> None:
        """The last step of a cell: its row goes into the store, and whoever watches is told."""
        try:
            result = Result({**result.row, "input_file": self._input_file}, result.output)
            seq = self.runner.store.add(result.row, session=self.plan.session)
            result = Result({**result.row, "seq": seq}, result.output)
        except EngineError as error:
            # The answer is still shown and exportable; only its place in the store is missing.
            log.error("a row of %s was not kept: %s", cell.engine_id, error)
            result = Result({**result.row, "seq": None, "not_kept": str(error)}, result.output)
        self.results[cell] = result
        self._events.put(Settled(cell, result))
        if len(self.results) == len(self.cells):
            self._events.put(None)

    @functools.cached_property
    def _input_file(self) -> str | None:
        audio = getattr(self.plan.request, "audio", None)
        return None if audio is None else self.runner.keep_input(audio, self.input_sha256)
