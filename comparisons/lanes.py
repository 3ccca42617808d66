"""Who runs when: a lane per device for local engines, a cap per vendor for cloud calls, and what stays loaded between runs."""

from __future__ import annotations

import collections
import contextvars
import functools
import hashlib
import itertools
import logging
import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from comparisons import zero_gpu
from comparisons.catalogue import Access
from comparisons.zero_gpu import ZeroGpuEngine
from engine.contract import Engine, EngineSpec, NotReady
from engine.worker import Worker

LocalEngine = Worker | ZeroGpuEngine
_LONG_S, _IDLE_S = 3_600.0, 60.0

log = logging.getLogger(__name__)


def device_of(spec: EngineSpec) -> str:
    """The device whose lane the engine takes: the best of its devices that this machine has."""
    if "cuda" in spec.devices and (zero_gpu.here() or shutil.which("nvidia-smi")):
        return "cuda"
    if "mps" in spec.devices and sys.platform == "darwin":
        return "mps"
    return "cpu"


class Lane:
    """Jobs of one device, strictly one after the other, in the order they came."""

    def __init__(self, device: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"lane-{device}", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], None]) -> None:
        # With the caller's context: a lent GPU is counted against the visitor whose request this is.
        self._jobs.put(functools.partial(contextvars.copy_context().run, job))

    def _work(self) -> None:
        while True:
            self._jobs.get()()


class Threads:
    """Jobs that run side by side, each on a thread of its own. One that is done waits a minute for the next job: to start another
    takes longer than to wake it."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._free = 0
        self._lock = threading.Lock()

    def submit(self, job: Callable[[], None]) -> None:
        with self._lock:
            free = self._free > 0
            self._free -= free
        if not free:
            threading.Thread(target=self._work, name="cloud", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._free:
                        self._free -= 1
                        return
                continue  # the thread that was free is promised to a job that is on its way
            try:
                job()
            except Exception:  # it serves the next one
                log.exception("a job failed")
            del job  # it knows a visitor's key
            with self._lock:
                self._free += 1


class Alarms:
    """Deadlines of all cells on one thread: a timer thread for each call costs more than the call's own bookkeeping."""

    def __init__(self) -> None:
        self._due: dict[int, tuple[float, Callable[[], None]]] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._next = 0.0
        """When the thread looks again by itself: it is woken only for what is due before."""
        self._thread: threading.Thread | None = None

    def set(self, seconds: float, ring: Callable[[], None]) -> int:
        """Call `ring` after `seconds`, on a thread of its own, unless it is cleared first. Returns its number."""
        with self._changed:
            number, at = next(self._numbers), time.monotonic() + seconds
            self._due[number] = (at, ring)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="alarms", daemon=True)
                self._thread.start()
            elif at < self._next:
                self._changed.notify()
            return number

    def clear(self, number: int) -> bool:
        """Whether it had not rung yet."""
        with self._changed:
            return self._due.pop(number, None) is not None

    def _watch(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                late = [self._due.pop(number)[1] for number, (at, _) in list(self._due.items()) if at <= now]
                if not late:
                    self._next = min((at for at, _ in self._due.values()), default=now + _LONG_S)
                    self._changed.wait(self._next - now)
            for ring in late:
                threading.Thread(target=ring, daemon=True).start()


ALARMS = Alarms()


class Caps:
    """At most `spec.concurrency` calls at once per vendor and key, over all comparisons of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, int], threading.Semaphore] = {}

    @contextmanager
    def slot(self, spec: EngineSpec, access: Access, stopped: threading.Event) -> Iterator[bool]:
        """Wait for a slot; yields False when `stopped` was set first."""
        with self._lock:
            slots = self._slots.setdefault((spec.vendor_slug, hash(access.key)), threading.Semaphore(spec.concurrency))
        while not (got := slots.acquire(timeout=0.1)):
            if stopped.is_set():
                break
        try:
            yield got
        finally:
            if got:
                slots.release()


def free_memory_gb() -> float | None:
    """Memory that programs can still have without swapping; None where the system does not say."""
    known = Path("/proc/meminfo")
    if not known.exists():
        return None
    line = next(line for line in known.read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024 / 1e9


class Residents:
    """Local engines that stay loaded between runs, the least recently used one closed when their memory exceeds the budget."""

    def __init__(self, budget_gb: float | None = None) -> None:
        physical_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
        self.budget_gb = budget_gb or float(os.environ.get("SOUNDCHECK_RESIDENT_GB") or physical_gb / 2)
        self._loaded: collections.OrderedDict[str, LocalEngine] = collections.OrderedDict()
        self._memory_gb: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, spec: EngineSpec) -> LocalEngine:
        """The loaded engine, or a new one that its caller has to load. The caller gives it back, or lets it go by closing it.

        Engines that nobody uses make room first. Raises NotReady when a new one would not fit even then.
        """
        with self._lock:
            worker = self._loaded.pop(spec.id, None)
        if worker is not None and worker.alive and worker.spec == spec:
            return worker
        self._make_room(spec)
        return ZeroGpuEngine(spec) if zero_gpu.here() and "cuda" in spec.devices else Worker(spec)

    def _make_room(self, spec: EngineSpec) -> None:
        needed_gb = spec.needs.memory_gb if device_of(spec) == "cpu" else None
        while needed_gb and (free_gb := free_memory_gb()) is not None and free_gb < needed_gb:
            with self._lock:
                oldest = self._loaded.popitem(last=False)[1] if self._loaded else None
            if oldest is None:
                raise NotReady(f"{spec.id} needs {needed_gb:g} GB of memory, and {free_gb:.1f} GB are free")
            oldest.close()

    def give_back(self, worker: LocalEngine, peak_memory_gb: float | None) -> None:
        """Keep the engine for the next run, within the budget."""
        if not worker.alive:
            return
        with self._lock:
            self._loaded[worker.spec.id] = worker
            self._memory_gb[worker.spec.id] = peak_memory_gb or self._memory_gb.get(worker.spec.id, 0.0)
            excess = []
            while len(self._loaded) > 1 and sum(self._memory_gb[each] for each in self._loaded) > self.budget_gb:
                excess.append(self._loaded.popitem(last=False)[1])
        for each in excess:
            each.close()

    def close(self) -> None:
        with self._lock:
            loaded, self._loaded = list(self._loaded.values()), collections.OrderedDict()
        for worker in loaded:
            worker.close()


class Clients:
    """Loaded cloud engines between runs, so that the next call finds SDK and connection warm.

    At most `most`, the least recently used closed first, and each for `idle_s`. An engine is given back only after it has
    answered: one that failed or was stopped is closed by its caller.
    """

    def __init__(self, most: int = 64, idle_s: float = _IDLE_S) -> None:
        self.most, self.idle_s = most, idle_s
        self._idle: collections.OrderedDict[tuple[str, ...], tuple[Engine, int]] = collections.OrderedDict()
        self._closed = False
        self._lock = threading.Lock()

    def take(self, spec: EngineSpec, access: Access) -> tuple[Engine, bool]:
        """An engine for one caller alone, and whether it is loaded. The caller gives it back or closes it."""
        with self._lock:
            engine, alarm = self._idle.pop(_client_key(spec, access), (None, 0))
        if engine is None:
            return cloud_engine(spec, access), False
        ALARMS.clear(alarm)
        if engine.spec == spec:
            return engine, True
        engine.close()
        return cloud_engine(spec, access), False

    def give_back(self, engine: Engine, access: Access) -> None:
        """Keep a loaded engine whose last call went well."""
        key = _client_key(engine.spec, access)
        with self._lock:
            excess = [self._idle.pop(key)] if key in self._idle else []
            self._idle[key] = (engine, ALARMS.set(self.idle_s, functools.partial(self._expire, key, engine)))
            while len(self._idle) > (0 if self._closed else self.most):
                excess.append(self._idle.popitem(last=False)[1])
        self._dismiss(excess)

    def _expire(self, key: tuple[str, ...], engine: Engine) -> None:
        with self._lock:
            if self._idle.get(key, (None, 0))[0] is not engine:
                return
            del self._idle[key]
        engine.close()

    def close(self) -> None:
        """Close what is idle, and from now on whatever is given back."""
        with self._lock:
            self._closed, idle = True, list(self._idle.values())
            self._idle.clear()
        self._dismiss(idle)

    def _dismiss(self, engines: list[tuple[Engine, int]]) -> None:
        for engine, alarm in engines:
            ALARMS.clear(alarm)
            engine.close()


def _client_key(spec: EngineSpec, access: Access) -> tuple[str, ...]:
    return spec.id, hashlib.sha256(access.key.encode()).hexdigest(), access.base_url


def cloud_engine(spec: EngineSpec, access: Access) -> Engine:
    return spec.engine(spec, access.key, access.base_url)
