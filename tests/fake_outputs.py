"""Sounds that a fake vendor leaves at addresses: each address says whose it is, so that a journal can tell without a key."""

from __future__ import annotations

import functools
import threading
from typing import Any

import numpy as np
from fake_api import Reply, Seen

from engine.audio import Audio

KEY_HEADERS = {"authorization", "x-license-key"}


@functools.cache
def wav(seconds: float, hz: float = 440.0, rate: int = 44_100) -> bytes:
    """A quiet stereo tone as a 16-bit WAV."""
    tone = (0.25 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
    return Audio(np.stack([tone, tone]), rate).to_wav()


class FakeOutputs:
    """What the fakes of vendors with jobs share: `states`, jobs by name, and files that want no key."""

    routes = (("GET", r"/files/[\w.-]+", "serve"),)
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.states: tuple[str, ...] = ()
        """What a job answers first and at each later look; the last one stays."""
        self.elsewhere: str | None = None
        """What addresses of files begin with, instead of this server's own."""
        self.missing = False
        """True: no file opens."""
        self._files: dict[str, tuple[str, bytes]] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def keep(self, seen: Seen, key: str, name: str, data: bytes) -> str:
        """The address of a file that is now kept for the owner of `key`."""
        with self._lock:
            name = f"{len(self._files)}-{name}"
            self._files[name] = (key, data)
        return f"{self.elsewhere or 'http://' + seen.headers['host']}/files/{name}"

    def serve(self, seen: Seen) -> Reply:
        assert not KEY_HEADERS & set(seen.headers), "the file store must not see the key"
        key, data = self._files[seen.path.rpartition("/")[2]]
        seen.headers["signed-for-key"] = key
        return Reply(404, b"gone") if self.missing else Reply(200, data, {"content-type": "audio/wav"})

    def start(self, seen: Seen, **about: Any) -> str:
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = {"key": seen.key, "looks": 0, **about}
        return name

    def look(self, seen: Seen, name: str) -> tuple[str, dict[str, Any]]:
        """The job's next state."""
        job = self._jobs[name]
        assert job["key"] == seen.key, "a job is asked for under another key"
        state = self.states[min(job["looks"], len(self.states) - 1)]
        job["looks"] += 1
        return state, job
