"""The only stopwatch: runs one request on many engines and settles exactly one row for each engine and repeat.

Cloud engines run in parallel under a cap per vendor, local ones one at a time per device. Repeats are interleaved across
engines, so that drift of machine or network hits all alike. Every cell has one total deadline over load and all attempts; at
the deadline and on cancel the row is settled at once and the engine is closed, which kills its process or hangs up its line.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comparisons import catalogue, faults, hearing, lanes
from comparisons.cache import Answer, Answers, answer_key
from comparisons.catalogue import Access
from comparisons.cost import bill, machine_price_from_environment
from comparisons.faults import Fault
from comparisons.metrics import Reference, preload
from comparisons.results import Arrived, Cell, Event, Loading, Queued, Result, Retrying, Settled, Started
from comparisons.settle import Taken, cached_result, settle
from comparisons.store import Store
from engine import environment
from engine.audio import Audio
from engine.contract import (
    Engine,
    EngineError,
    EngineSpec,
    Facts,
    Mark,
    Piece,
    Request,
    Stem,
    Tag,
    Text,
    Usage,
    settings_of,
)
from engine.tasks import TASKS, Output, usage_of
from engine.worker import decode, encode, versions_of

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""Requests per cell at most, as in the standard mode of the large cloud SDKs."""
FIRST_WAIT_S = 0.5
"""Wait before the second attempt; doubled each time, with jitter, unless the vendor says how long."""


@dataclass(frozen=True)
class Plan:
    """What one press of Run asks for."""

    task: str
    request: Request
    specs: tuple[EngineSpec, ...]
    input_name: str
    reference: Reference = field(default_factory=Reference)
    repeats: int = 1
    warmups: int = 0
    timeout_s: float = 120.0
    use_cache: bool = True
    access: Mapping[str, Access] = field(default_factory=dict)
    """Keys that this visitor brought, by vendor or engine id; the environment's count where there is none."""
    session: str | None = None
    machine_usd_per_hour: float | None = field(default_factory=machine_price_from_environment)
    spend_cap_usd: float | None = None
    hear_with: EngineSpec | None = None
    """The engine that listens to what the others made; see hearing."""
    batch_id: str | None = None
    item: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict)
    """The dataset, the input's place in it, and what its manifest says besides."""

    def access_for(self, spec: EngineSpec) -> Access:
        return self.access.get(spec.id) or self.access.get(spec.vendor_slug) or catalogue.access_from_environment(spec)

    def scope_for(self, spec: EngineSpec) -> str:
        """Answers bought with a visitor's own key stay in that visitor's session."""
        pasted = {spec.id, spec.vendor_slug} & set(self.access)
        return f"session {self.session}" if pasted and spec.where == "cloud" else ""


def input_sha256(request: Request) -> str:
    """Names what every engine was given: the sound, or the text."""
    audio = getattr(request, "audio", None)
    if audio is not None:
        return audio.sha256()
    return hashlib.sha256((getattr(request, "text", None) or request.prompt).encode()).hexdigest()


class Runner:
    """One per process: holds the lanes, the caps, the loaded engines, the store and the cached answers."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or environment.home()
        self.store = Store(folder)
        self.answers = Answers(folder / "answers")
        self.residents = lanes.Residents()
        self.caps = lanes.Caps()
        self._lanes: dict[str, lanes.Lane] = {}
        self._lock = threading.Lock()

    def lane(self, spec: EngineSpec) -> lanes.Lane:
        device = lanes.device_of(spec)
        with self._lock:
            if device not in self._lanes:
                self._lanes[device] = lanes.Lane(device)
            return self._lanes[device]

    def start(self, plan: Plan) -> Run:
        """Begin, and return at once. What the metrics import is imported before any clock runs."""
        preload(plan.task)
        return Run(self, plan)

    def close(self) -> None:
        self.residents.close()
        self.answers.close()
        self.store.close()


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
        self.cells = [Cell(spec.id, repeat) for repeat in range(1, plan.repeats + 1) for spec in plan.specs]
        self._open = set(self.cells)
        for cell in self.cells:
            self._events.put(Queued(cell))
        if not self.cells:
            self._events.put(None)
        queued_at = time.perf_counter()
        for spec in plan.specs:
            if spec.where == "cloud":
                threading.Thread(target=self._cloud, args=(spec,), name=f"cloud-{spec.id}", daemon=True).start()
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
        for cell in [*active, *waiting]:
            self._settle(cell, Taken(fault=Fault("cancelled", "Stopped before it had answered.")))
        for engine in active.values():
            threading.Thread(target=engine.close, daemon=True).start()

    # -------------------------------------------------------- the two kinds of place

    def _cloud(self, spec: EngineSpec) -> None:
        """All repeats of one cloud engine, one after the other: a second call at once would compete with the first."""
        access, engine, loaded = self.plan.access_for(spec), None, False
        for repeat in range(1, self.plan.repeats + 1):
            cell, queued_at = Cell(spec.id, repeat), time.perf_counter()
            if self._settled_early(spec, cell):
                continue
            with self.runner.caps.slot(spec, access, self._stopped) as free:
                if not free:
                    return
                try:
                    engine = engine or lanes.cloud_engine(spec, access)
                    loaded = self._cell(spec, cell, engine, loaded, queued_at, access.key)
                except Exception as error:  # noqa: BLE001  a cell always settles
                    self._settle(cell, Taken(fault=faults.sort(error, secrets=[access.key])))
        if engine is not None:
            engine.close()

    def _local(self, spec: EngineSpec, cell: Cell, queued_at: float) -> None:
        def job() -> None:
            if self._settled_early(spec, cell):
                return
            try:
                worker = self.runner.residents.take(spec)
                self._cell(spec, cell, worker, worker.alive, queued_at, "")
                self.runner.residents.give_back(worker, self._peak(cell))
            except Exception as error:  # noqa: BLE001  the lane serves the next one
                self._settle(cell, Taken(fault=faults.sort(error)))

        self.runner.lane(spec).submit(job)

    def _peak(self, cell: Cell) -> float | None:
        result = self.results.get(cell)
        return result.row["peak_memory_gb"] if result else None

    # -------------------------------------------------------- before anything is sent

    def _settled_early(self, spec: EngineSpec, cell: Cell) -> bool:
        """Settle a cell that must not or need not run: stopped, refused, or answered from the cache."""
        if self._stopped.is_set():
            return True
        fault = self._refusal(spec)
        if fault:
            self._settle(cell, Taken(fault=fault))
            return True
        answer = self._cached(spec, cell, self.plan.request, self.input_sha256)
        if answer is None:
            return False
        pieces = [piece for _, piece in decode(answer.pieces)]
        output = TASKS[self.plan.task].join(pieces)
        self._finish(cell, cached_result(self.plan, self.comparison_id, spec, cell, answer.row, output, self._heard(output)))
        return True

    def _refusal(self, spec: EngineSpec) -> Fault | None:
        plan = self.plan
        ready = catalogue.readiness(spec, plan.access_for(spec))
        if ready.status != "ready":
            return Fault("shut_down" if spec.shut_down(datetime.now(UTC).date()) else "not_ready", " ".join(ready.needs))
        reason = catalogue.blocked(spec, plan.request)
        if reason:
            return Fault("unsupported" if "cannot honour" in reason else "too_large", reason)
        if plan.spend_cap_usd is not None and spec.where == "cloud":
            expected = bill(spec, usage_of(plan.request, None), None, None, None).cost_usd
            if expected is None:
                return Fault("over_budget", f"{spec.id}: its cost cannot be known beforehand, so the spend cap cannot be kept")
            if self._spent_usd + expected > plan.spend_cap_usd:
                return Fault("over_budget", f"{spec.id} would cost about ${expected:.4f}, more than is left of the spend cap")
        return None

    def _key(self, spec: EngineSpec, repeat: int, request: Request, sha256: str) -> str:
        versions = {"environment": environment.fingerprint(spec)} if spec.isolated else versions_of(spec)
        return answer_key(
            engine_id=spec.id,
            model=spec.model,
            settings=settings_of(request),
            input_sha256=sha256,
            repeat=repeat,
            versions=versions,
            scope=self.plan.scope_for(spec),
        )

    def _cached(self, spec: EngineSpec, cell: Cell, request: Request, sha256: str) -> Answer | None:
        return self.runner.answers.get(self._key(spec, cell.repeat, request, sha256)) if self.plan.use_cache else None

    # -------------------------------------------------------- one cell

    def _cell(self, spec: EngineSpec, cell: Cell, engine: Engine, loaded: bool, queued_at: float, key: str) -> bool:
        """Load if needed, warm up, run, retry, settle. Returns whether the engine is loaded afterwards."""
        plan, began = self.plan, time.perf_counter()
        taken = Taken(began_at=datetime.now(UTC), queue_s=began - queued_at)
        with self._lock:
            if cell not in self._open:
                return loaded
            self._active[cell] = engine
        watch = lanes.ALARMS.set(plan.timeout_s, lambda: self._expire(cell, engine, taken))
        try:
            if not loaded:
                self._events.put(Loading(cell))
                engine.load()
                taken.load_s, taken.cold, loaded = time.perf_counter() - began, True, True
                for _ in range(plan.warmups):
                    for _piece in engine.run(plan.request, self._left(began)):
                        pass
                    taken.warmups += 1
            self._attempts(spec, cell, engine, taken, began, key)
        except Exception as error:  # noqa: BLE001  whatever an SDK raises becomes a row
            taken.fault = faults.sort(error, secrets=[key])
        finally:
            lanes.ALARMS.clear(watch)
        taken.all_attempts_s = time.perf_counter() - began - (taken.load_s or 0.0)
        taken.versions = getattr(engine, "versions", None) or versions_of(spec)
        self._settle(cell, taken)
        return loaded

    def _left(self, began: float) -> float:
        return max(0.001, self.plan.timeout_s - (time.perf_counter() - began))

    def _attempts(self, spec: EngineSpec, cell: Cell, engine: Engine, taken: Taken, began: float, key: str) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            self._events.put(Started(cell))
            start = time.perf_counter()
            try:
                self._attempt(cell, engine, taken, start, self._left(began))
                taken.note_attempt("ok", time.perf_counter() - start)
                return
            except Exception as error:  # noqa: BLE001  sorted into a kind, then retried or settled
                fault = faults.sort(error, secrets=[key])
                taken.note_attempt(fault.kind, time.perf_counter() - start, fault)
            backoff_s = FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(1, 1.5)
            wait = backoff_s if fault.retry_after_s is None else fault.retry_after_s
            hopeless = spec.where == "local" or not fault.retryable or attempt == ATTEMPTS or wait >= self._left(began)
            if hopeless or cell not in self._open:
                taken.fault = fault
                return
            self._events.put(Retrying(cell, fault.message, wait))
            if self._stopped.wait(wait):
                taken.fault = Fault("cancelled", "Stopped before it had answered.")
                return

    def _attempt(self, cell: Cell, engine: Engine, taken: Taken, start: float, timeout_s: float) -> None:
        """One run under the clock. The clock starts before the call and stops when the engine has nothing more to say."""
        output_types = TASKS[self.plan.task].pieces
        pieces: list[tuple[float, Piece]] = []
        taken.begin_attempt()
        for piece in engine.run(self.plan.request, timeout_s):
            at_s = time.perf_counter() - start
            if isinstance(piece, Mark):
                taken.marks.setdefault(piece.name, at_s)
            elif isinstance(piece, Facts):
                taken.learn(piece)
            elif isinstance(piece, Usage):
                taken.usage = {**(taken.usage or {}), **piece.amounts}
            else:
                if taken.first_arrival_s is None and isinstance(piece, output_types) and not _is_empty(piece):
                    taken.first_arrival_s = at_s
                pieces.append((at_s, piece))
                self._events.put(Arrived(cell, piece, at_s))
        taken.total_s = taken.marks.get("answered", time.perf_counter() - start)
        taken.pieces = pieces
        taken.output = TASKS[self.plan.task].join([piece for _, piece in pieces])

    def _expire(self, cell: Cell, engine: Engine, taken: Taken) -> None:
        fault = Fault("timeout", f"No complete answer within {self.plan.timeout_s:g} s.")
        self._settle(cell, dataclasses.replace(taken, fault=fault, versions=versions_of(engine.spec)))
        engine.close()

    # -------------------------------------------------------- settling

    def _settle(self, cell: Cell, taken: Taken) -> None:
        """Make the row, keep it, tell the watcher; the first to settle a cell wins."""
        with self._lock:
            if cell not in self._open:
                return
            self._open.discard(cell)
            self._active.pop(cell, None)
        spec = next(spec for spec in self.plan.specs if spec.id == cell.engine_id)
        heard = self._heard(taken.output) if taken.fault is None else None
        try:
            result = settle(self.plan, self.comparison_id, spec, cell, taken, self.runner.store, self.input_sha256, heard)
        except EngineError as error:
            taken.fault = faults.sort(error)
            result = settle(self.plan, self.comparison_id, spec, cell, taken, self.runner.store, self.input_sha256)
        if result.ok:
            self._spent_usd += (result.row["cost_usd"] or 0.0) if spec.where == "cloud" else 0.0
            self._remember(spec, cell, taken, result)
        log.info("%s %s %.3f s", spec.id, result.row["status"], taken.total_s or 0.0)
        self._finish(cell, result, already_open=True)

    def _remember(self, spec: EngineSpec, cell: Cell, taken: Taken, result: Result) -> None:
        try:
            key = self._key(spec, cell.repeat, self.plan.request, self.input_sha256)
            self.runner.answers.put(key, Answer(dict(result.row), encode(taken.pieces)))
        except OSError as error:
            log.warning("the answer of %s was not cached: %s", spec.id, error.strerror)

    def _finish(self, cell: Cell, result: Result, *, already_open: bool = False) -> None:
        with self._lock:
            if not already_open and cell not in self._open:
                return
            self._open.discard(cell)
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

    def _heard(self, output: Output) -> str | float | Fault | None:
        return self._hear(output.audio) if self.plan.hear_with and self.plan.task in hearing.HEARD and output.audio else None

    @functools.cached_property
    def _input_file(self) -> str | None:
        """The input as it was decoded, kept once by its content for listening and for taking the comparison away."""
        audio = getattr(self.plan.request, "audio", None)
        if audio is None:
            return None
        known = {"sha256": self.runner.store.put_blob(audio.to_wav(floats=True)), "seconds": round(audio.seconds, 4)}
        return json.dumps({**known, "rate": audio.rate, "channels": audio.channels})

    def _hear(self, audio: Audio) -> str | float | Fault:
        """What the chosen engine hears: the words of speech, or how near music lies to its prompt.

        Runs outside every clock, in that engine's own lane.
        """
        task, spec = self.plan.task, self.plan.hear_with
        request = hearing.question(task, self.plan.request, audio)
        key = self._key(spec, 1, request, audio.sha256())
        known = self.runner.answers.get(key)
        if known is not None:
            return hearing.told(task, [piece for _, piece in decode(known.pieces)])
        reply: queue.SimpleQueue[str | float | Fault] = queue.SimpleQueue()

        def job() -> None:
            local, watch = spec.where == "local", None
            try:
                engine = self.runner.residents.take(spec) if local else lanes.cloud_engine(spec, self.plan.access_for(spec))
                watch = lanes.ALARMS.set(self.plan.timeout_s, engine.close)
                if not (local and engine.alive):
                    engine.load()
                reply.put(hearing.told(task, list(engine.run(request, self.plan.timeout_s))))
                if local:
                    self.runner.residents.give_back(engine, None)
                else:
                    engine.close()
            except Exception as error:  # noqa: BLE001  the synthesized speech stands without this metric
                reply.put(faults.sort(error, secrets=[self.plan.access_for(spec).key]))
            finally:
                if watch is not None:
                    lanes.ALARMS.clear(watch)

        self._in_lane(spec, job)
        return reply.get()

    def _in_lane(self, spec: EngineSpec, job: Callable[[], Any]) -> None:
        lane = self.runner.lane(spec) if spec.where == "local" else None
        if lane is None or lane.is_mine:
            job()
        else:
            lane.submit(job)


def _is_empty(piece: Piece) -> bool:
    if isinstance(piece, Text):
        return not piece.text.strip()
    if isinstance(piece, Audio):
        return not piece.frames
    return not isinstance(piece, Stem | Tag)
