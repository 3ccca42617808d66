"""Answers that may vanish: earlier successes by what was asked, in diskcache with a disk that never unpickles.

diskcache's own disks run code from a tampered database (CVE-2025-69872; JSONDisk does as well) and read or delete any path that
it names. `SafeDisk` stores text and bytes only, refuses pickles, and touches no file that it would not have made itself.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import DBNAME, DEFAULT_SETTINGS, METADATA, MODE_BINARY, MODE_RAW

log = logging.getLogger(__name__)

SIZE_LIMIT_BYTES = 2 * 2**30
LARGEST_BYTES = SIZE_LIMIT_BYTES // 4
_KEY = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val")
_OURS = re.compile(rf"{re.escape(DBNAME)}(-wal|-shm|-journal)?|[0-9a-f]{{2}}")
_ORPHAN_S = 3_600.0
_EVICTION = "least-recently-stored"
_FAULTS = (sqlite3.Error, OSError, ValueError, diskcache.Timeout)


class Refused(OSError):
    """A row that this cache did not write. An OSError, which diskcache takes for a value that is gone."""


class SafeDisk(diskcache.Disk):
    """Keys are text, values are bytes; files have the names that diskcache makes and lie, without links, in the folder."""

    def put(self, key: Any) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError(f"a key is text, got {key!r:.100}")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        if raw != 1 or type(key) is not str:
            raise Refused("a key that is not plain text was refused")
        return key

    def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> tuple[int, int, str | None, Any]:
        if read or type(value) is not bytes:
            raise TypeError(f"a value is bytes, got {type(value).__name__}")
        return super().store(value, read, key=key)

    def _write(self, full_path: str, iterator: Any, mode: str, encoding: str | None = None) -> int:
        try:
            return super()._write(full_path, iterator, mode, encoding)
        except OSError:
            Path(full_path).unlink(missing_ok=True)
            raise

    def fetch(self, mode: Any, filename: Any, value: Any, read: bool) -> bytes:
        if mode == MODE_RAW and type(value) is bytes and filename is None:
            return value
        if mode != MODE_BINARY or read:
            raise Refused(f"a value of mode {mode!r} was refused")
        path = self._own(filename)
        # without O_NONBLOCK a named pipe would hang the reader
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_BYTES:
                raise Refused(f"the file {filename!r} is no value of this cache and was refused")
            return file.read()

    def remove(self, file_path: Any) -> None:
        try:
            path = self._own(file_path)
        except Refused as error:
            log.warning("%s", error)
            return
        super().remove(str(path.relative_to(self._directory)))

    def _own(self, name: Any) -> Path:
        if type(name) is not str or not _FILE.fullmatch(name):
            raise Refused(f"the file name {name!r:.100} was refused")
        path = Path(self._directory) / name
        if path.parent.parent.is_symlink() or path.parent.is_symlink():
            raise Refused(f"the file name {name!r} leads out of the cache and was refused")
        return path


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

    def get(self, key: str) -> Answer | None:
        """The answer, checked against its own checksum, or None. A damaged one is deleted."""
        _check(key)
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
        _check(key)
        if answer.row.get("status") != "ok":
            raise ValueError(f"only good answers are cached, got one with status {answer.row.get('status')!r}")
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

    def clear(self) -> None:
        """Delete every answer. Works on a full disk, where it is the first thing to give up."""
        with self._opening:
            self._empty()

    def close(self) -> None:
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


def _check(key: str) -> None:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(f"a key comes from answer_key, got {key!r:.100}")


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
