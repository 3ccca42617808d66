"""Preparations under way in this process: each goes on when the person who began it looks elsewhere, and can be stopped."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

from comparisons import catalogue
from engine.contract import EngineError, EngineSpec

_SHARE = re.compile(r"^([\d,]+) of ([\d,]+) MB")


@dataclass
class Preparation:
    """What one preparation says, written by its thread."""

    spec: EngineSpec
    line: str = "starting"
    share: float | None = None
    """0 to 1, of the file or repository that is coming; None while nothing can be counted."""
    error: str = ""
    done: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)


class Preparations:
    """At most one preparation per engine; finished ones stay until they are begun again."""

    def __init__(self) -> None:
        self._all: dict[str, Preparation] = {}
        self._lock = threading.Lock()

    def start(self, spec: EngineSpec) -> Preparation:
        """Begin, or join the one that runs."""
        with self._lock:
            known = self._all.get(spec.id)
            if known is not None and not known.done:
                return known
            fresh = self._all[spec.id] = Preparation(spec)
        threading.Thread(target=_work, args=(fresh,), name=f"prepare-{spec.id}", daemon=True).start()
        return fresh

    def stop(self, engine_id: str) -> None:
        """Ends within about half a second; what has come stays and is gone on with next time."""
        with self._lock:
            known = self._all.get(engine_id)
        if known is not None:
            known.stopped.set()

    def current(self) -> list[Preparation]:
        with self._lock:
            return list(self._all.values())


def _work(preparation: Preparation) -> None:
    try:
        lines = catalogue.prepare(preparation.spec)
        for line in lines:
            if preparation.stopped.is_set():
                lines.close()
                preparation.error = "Stopped. What has come is kept; prepare again to go on."
                return
            if line:
                found = _SHARE.match(line)
                now, total = (float(part.replace(",", "")) for part in found.groups()) if found else (0.0, 0.0)
                preparation.line, preparation.share = line, now / total if total else None
        ready = catalogue.readiness(preparation.spec)
        preparation.error = "" if ready.status == "ready" else " ".join(ready.needs)
    except EngineError as error:
        preparation.error = str(error)
    except Exception as error:  # noqa: BLE001  a preparation always ends with a sentence
        preparation.error = f"{preparation.spec.id} could not be prepared: {type(error).__name__}"
    finally:
        preparation.done = True
