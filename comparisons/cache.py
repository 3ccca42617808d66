"""Answers that may vanish: earlier successes by what was asked, in diskcache with a disk that never unpickles."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import DBNAME, DEFAULT_SETTINGS, METADATA

from comparisons.safe_disk import LARGEST_BYTES, SafeDisk

log = logging.getLogger(__name__)

SIZE_LIMIT_BYTES = 4 * LARGEST_BYTES
_KEY = re.compile(r"[0-9a-f]{64}")
_OURS = re.compile(rf"{re.escape(DBNAME)}(-wal|-shm|-journal)?|[0-9a-f]{{2}}")
_ORPHAN_S = 3_600.0
_LATER_BYTES, _LATER_MOST, _LATER_S = 2**20, 64, 0.25
_EVICTION = "least-recently-stored"
_FAULTS = (sqlite3.Error, OSError, ValueError, diskcache.Timeout)


@dataclass(frozen=True)
class Answer:
    """`row`: the row of the run that gave it, with its own times. `pieces`: what the engine yielded, as one encoded frame."""

    row: Mapping[str, Any]
    pieces: bytes


def answer_key(
    *,
    engine_id: str,
    model: str,
    settings: Mapping[str, Any],
    input_sha256: str,
    repeat: int,
    versions: Mapping[str, str],
    scope: str,
) -> str:
    """sha256 over all that decides an answer. No API key is part of it.

    `scope` keeps people apart: "" for local engines and for the keys of this installation, a digest of the session for a key
    that somebody pasted.
    """
    asked = {
        "engine_id": engine_id,
        "model": model,
        "settings": dict(settings),
        "input_sha256": input_sha256,
        "repeat": repeat,
        "versions": dict(versions),
        "scope": scope,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


class Answers:
    """Earlier answers by `answer_key`. The oldest make room for the newest; whatever is wrong with one is a miss, never an error.

    Opened on first use. A folder that cannot be trusted is emptied: nothing here is the only copy of anything.
    """

    def __init__(self, folder: Path, size_limit_bytes: int = SIZE_LIMIT_BYTES) -> None:
        self.folder, self.size_limit_bytes = Path(folder), size_limit_bytes
        self._opened: diskcache.Cache | None = None
        self._opening = threading.Lock()
        self._later: dict[str, Answer] = {}
        self._writer: threading.Thread | None = None
        self._flushing = False
        self._changed = threading.Condition()

    def get(self, key: str) -> Answer | None:
        """The answer, checked against its own checksum, or None. A damaged one is deleted."""
        _check(key)
        if (waiting := self._later.get(key)) is not None:
            return waiting
        try:
            value = self._cache().get(key)
            answer = None if value is None else _unpacked(key, value)
            if value is not None and answer is None:
                log.warning("a cached answer was damaged and is deleted")
                self._cache().delete(key)
            return answer
        except _FAULTS as error:
            self._distrust(error)
            return None

    def put(self, key: str, answer: Answer) -> bool:
        """Keep an answer; False when there is no room for it. Raises ValueError for a run that failed: errors are not cached."""
        _check(key, answer)
        value = _packed(key, answer)
        # a larger one would push out everything else and then still be over the limit
        if len(value) > min(LARGEST_BYTES, self.size_limit_bytes // 4):
            return False
        try:
            # never with retry=True, which loops for ever where SQLite keeps refusing (a full disk, a read-only one)
            return self._cache().set(key, value)
        except _FAULTS as error:
            self._distrust(error)
            return False

    def put_later(self, key: str, answer: Answer) -> None:
        """Like `put`, but the disk is written by another thread: `get` finds the answer at once, `flush` waits for the disk.

        It waits a moment, until the run that is being timed is over; a process that is killed meanwhile loses what may be lost.
        Large answers, and all while many wait, are put at once.
        """
        _check(key, answer)
        if len(answer.pieces) > _LATER_BYTES or len(self._later) >= _LATER_MOST:
            self.put(key, answer)
            return
        with self._changed:
            self._later[key] = answer
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="answers", daemon=True)
                self._writer.start()
            elif len(self._later) == 1:
                self._changed.notify_all()

    def _write(self) -> None:
        # one thread for all: diskcache connects anew in every thread, which takes longer than the write itself
        def hurried() -> bool:
            return self._flushing or self._writer is not threading.current_thread()

        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._later or hurried())
                self._changed.wait_for(hurried, _LATER_S)
                waiting = list(self._later.items())
                if not waiting and self._writer is not threading.current_thread():
                    break
            for key, answer in waiting:
                try:
                    if key in self._later:  # not cleared meanwhile
                        self.put(key, answer)
                except Exception:  # it serves the next one
                    log.exception("an answer was not cached")
                with self._changed:
                    if self._later.get(key) is answer:
                        del self._later[key]
                    self._changed.notify_all()
        if (opened := self._opened) is not None:
            opened.close()  # this thread's own connection

    def flush(self) -> None:
        """Wait until every answer that was put is on the disk."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._later)
            self._flushing = False

    def clear(self) -> None:
        """Delete every answer. Works on a full disk, where it is the first thing to give up."""
        with self._changed:
            self._later.clear()
        with self._opening:
            self._empty()

    def close(self) -> None:
        with self._changed:
            writer, self._writer = self._writer, None
            self._changed.notify_all()
        if writer is not None:
            writer.join()
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _cache(self) -> diskcache.Cache:
        with self._opening:
            if self._opened is None:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if (reason := self._fault()) is not None:
                    log.warning("the cache %s was emptied: %s", self.folder, reason)
                    self._empty()
                limit = self.size_limit_bytes
                self._opened = diskcache.Cache(str(self.folder), disk=SafeDisk, size_limit=limit, eviction_policy=_EVICTION)
                self._sweep()
            return self._opened

    def _fault(self) -> str | None:
        """Why the database must not be given to diskcache, which takes attributes of its own from the table Settings."""
        path = self.folder / DBNAME
        if path.is_symlink():
            return "its database is a link"
        if not path.exists() or not path.stat().st_size:
            return None
        try:
            with closing(sqlite3.connect(path, timeout=60)) as connection:
                present = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone()
                settings = dict(connection.execute("SELECT key, value FROM Settings")) if present else {}
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            return str(error)
        for name, value in settings.items():
            if name in METADATA:
                good = type(value) is int and value >= 0
            else:
                good = name in ("size_limit", "eviction_policy") or (name in DEFAULT_SETTINGS and value == DEFAULT_SETTINGS[name])
            if not good:
                return f"its setting {name!r:.60} is not one that this cache makes"
        return None

    def _distrust(self, error: Exception) -> None:
        log.warning("the cache %s could not be used: %s", self.folder, error)
        with self._opening:
            if self._opened is not None:
                self._opened.close()  # a commit that failed would leave this thread's connection inside its transaction
            # SQLite's words for a broken file, as against a locked or full one
            if type(error) is sqlite3.DatabaseError or str(error).startswith("no such"):
                self._empty()

    def _empty(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        for path in self.folder.glob("*"):
            if not _OURS.fullmatch(path.name):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Delete the files that a killed process left without a row."""
        with closing(sqlite3.connect(self.folder / DBNAME, timeout=60)) as connection:
            named = {name for (name,) in connection.execute("SELECT filename FROM Cache WHERE filename IS NOT NULL")}
        for path in self.folder.glob("??/??/*.val"):
            with suppress(FileNotFoundError):
                if path.relative_to(self.folder).as_posix() not in named and time.time() - path.lstat().st_mtime > _ORPHAN_S:
                    path.unlink()


def _check(key: str, answer: Answer | None = None) -> None:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(f"a key comes from answer_key, got {key!r:.100}")
    if answer is not None and answer.row.get("status") != "ok":
        raise ValueError(f"only good answers are cached, got one with status {answer.row.get('status')!r}")


def _packed(key: str, answer: Answer) -> bytes:
    row = json.dumps(dict(answer.row), allow_nan=False).encode()
    head = json.dumps({"sha256": _sum(key, row, answer.pieces), "row_bytes": len(row)}).encode()
    return b"\n".join([head, row + answer.pieces])


def _unpacked(key: str, value: bytes) -> Answer | None:
    head, _, body = value.partition(b"\n")
    try:
        about = json.loads(head)
        size = about["row_bytes"]
        row, pieces = body[:size], body[size:]
        if about["sha256"] == _sum(key, row, pieces):
            return Answer(json.loads(row), pieces)
    except (ValueError, KeyError, TypeError):
        pass
    return None


def _sum(key: str, row: bytes, pieces: bytes) -> str:
    # the key is part of it, so that an answer cannot stand in for another one
    hashed = hashlib.sha256(f"{key} {len(row)}\n".encode())
    hashed.update(row)
    hashed.update(pieces)
    return hashed.hexdigest()
