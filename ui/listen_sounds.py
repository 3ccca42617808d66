"""The sounds of a question as one browser gets them: fresh copies under neutral names, and when they were handed out."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons.listening_kinds import REFERENCE
from comparisons.trials import heard_names, keys_of
from comparisons.votes import Votes
from ui.downloads import fresh_folder

MOST_SERVED = 2_000
"""Trials whose copies are remembered; an older one is simply copied again."""


@dataclass(frozen=True)
class Handed:
    """A trial as one listener got it: copies under neutral names, and when."""

    files: tuple[Path, ...]
    at_s: float


class HandedOut:
    """What every listener was given last. Safe for threads."""

    def __init__(self) -> None:
        self._handed: OrderedDict[tuple[str, str, int], Handed] = OrderedDict()
        self._lock = threading.Lock()

    def elapsed_s(self, test_id: str, token: str, trial: Any) -> float | None:
        """Seconds since the trial was first handed out; None when it was not."""
        with self._lock:
            handed = self._handed.get((test_id, token, trial)) if isinstance(trial, int) else None
        return None if handed is None else time.monotonic() - handed.at_s

    def files(self, votes: Votes, test: Mapping[str, Any], listener: Mapping[str, Any], number: int) -> tuple[Path, ...]:
        """Copies of a trial's sounds in a fresh folder of Gradio's cache, the only place that Gradio serves from.

        Folder and bytes are new for every listener and trial, so that no address or hash is met twice. An open reference is last.
        """
        key = (test["test_id"], listener["token"], number)
        with self._lock:
            known = self._handed.get(key)
            if known is not None and all(path.exists() for path in known.files):
                return known.files
        trial = listener["trials"][number]
        folder = fresh_folder()
        wanted = list(zip(heard_names(trial), keys_of(trial), strict=True))
        if (reference := reference_of(test, trial)) is not None:
            wanted.append(("reference", reference))
        files = []
        for name, stimulus in wanted:
            path = folder / f"{name}.wav"
            path.write_bytes(_salted(votes.sounds.read(test["stimuli"][stimulus]["sha256"])))
            files.append(path)
        handed = Handed(tuple(files), time.monotonic() if known is None else known.at_s)
        with self._lock:
            self._handed[key] = handed
            while len(self._handed) > MOST_SERVED:
                self._handed.popitem(last=False)
        return handed.files


def reference_of(test: Mapping[str, Any], trial: Mapping[str, Any]) -> str | None:
    """The open reference of a MUSHRA trial: the same sound as its hidden one."""
    return next((key for key in trial["sounds"] if test["stimuli"][key]["role"] == REFERENCE), None)


def _salted(wav: bytes) -> bytes:
    """The same sound in a file of another hash: players skip chunks they do not know."""
    salt = b"salt" + (16).to_bytes(4, "little") + secrets.token_bytes(16)
    return b"RIFF" + (len(wav) - 8 + len(salt)).to_bytes(4, "little") + wav[8:] + salt
