"""What all comparisons of this process share, and the start of each: lanes, caps, engines that stay loaded, store, answers."""

from __future__ import annotations

import collections
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from comparisons import lanes
from comparisons.cache import Answers
from comparisons.metrics import preload
from comparisons.plan import Plan
from comparisons.run import Run
from comparisons.store import Store
from engine import environment
from engine.audio import Audio
from engine.contract import EngineSpec

__all__ = ["Plan", "Run", "Runner"]

_INPUTS = 64


class Runner:
    """One per process: holds the lanes, the caps, the loaded engines, the store and the cached answers."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or environment.home()
        self.store = Store(folder)
        self.answers = Answers(folder / "answers")
        self.residents = lanes.Residents()
        self.clients = lanes.Clients()
        self.caps = lanes.Caps()
        self.threads = lanes.Threads()
        self._lanes: dict[str, lanes.Lane] = {}
        self._preloaded: set[str] = set()
        self._inputs: collections.OrderedDict[str, tuple[str, str]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def lane(self, spec: EngineSpec) -> lanes.Lane:
        device = lanes.device_of(spec)
        with self._lock:
            if device not in self._lanes:
                self._lanes[device] = lanes.Lane(device)
            return self._lanes[device]

    @contextmanager
    def clients_for(self, plan: Plan, spec: EngineSpec) -> Iterator[lanes.Clients]:
        """The clients that stay warm; for a key that the visitor brought, some that end with the block."""
        if not plan.brings_access(spec):
            yield self.clients
            return
        own = lanes.Clients()
        try:
            yield own
        finally:
            own.close()

    def keep_input(self, audio: Audio, sha256: str) -> str:
        """Keep a sound as it was decoded, once by its content, for listening and for taking the comparison away."""
        with self._lock:
            blob, about = self._inputs.get(sha256, ("", ""))
        if blob and self.store.has_fresh_blob(blob):
            return about
        blob = self.store.put_blob(audio.to_wav(floats=True))
        shape = {"seconds": round(audio.seconds, 4), "rate": audio.rate, "channels": audio.channels}
        about = json.dumps({"sha256": blob, **shape})
        with self._lock:
            self._inputs[sha256] = (blob, about)
            if len(self._inputs) > _INPUTS:
                self._inputs.popitem(last=False)
        return about

    def start(self, plan: Plan) -> Run:
        """Begin, and return at once. What the metrics import is imported before any clock runs."""
        if plan.task not in self._preloaded:
            preload(plan.task)
            self._preloaded.add(plan.task)
        return Run(self, plan)

    def close(self) -> None:
        self.residents.close()
        self.clients.close()
        self.answers.close()
        self.store.close()
