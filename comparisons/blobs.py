"""Sounds on disk, named by the sha256 of their bytes, and the ballast that keeps a full disk usable."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from engine.contract import EngineError

log = logging.getLogger(__name__)

BALLAST_BYTES = 2**20
HASH = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


class DiskFull(EngineError):
    """No disk space left; what was acknowledged before stays readable."""

    kind = "disk_full"

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(f"{what} could not be kept: the disk of {str(folder)!r} is full; free some space and run again")


class BlobDamaged(EngineError):
    """A kept sound is missing, or its bytes are no longer those that were written."""


def is_full(error: BaseException, folder: Path) -> bool:
    """Whether `error` of the operating system or of SQLite means that no space is left in `folder`."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if "disk is full" in str(error):
        return True
    # creating SQLite's -wal and -shm files on a full disk is reported under these broader names
    broad = isinstance(error, sqlite3.OperationalError) and re.search("disk I/O|unable to open", str(error))
    return bool(broad) and shutil.disk_usage(folder).free < BALLAST_BYTES


def write_whole(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write `data` so that `path` either has all of it or does not change. `durable` also survives a power loss."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    if durable:
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def lay_ballast(folder: Path) -> bool:
    """Make sure of one spare megabyte, to be given up on a full disk; False when there is no room for it."""
    path = folder / "ballast"
    if path.exists():
        return True
    try:
        # random, so that a compressing file system really sets the space aside
        write_whole(path, os.urandom(BALLAST_BYTES))
    except OSError as error:
        if is_full(error, folder):
            return False
        raise
    return True


def drop_ballast(folder: Path) -> None:
    (folder / "ballast").unlink(missing_ok=True)


class Blobs:
    """Files `<folder>/ab/<sha256><suffix>`; written once, never changed."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder, self.durable = folder, durable

    def path(self, sha256: str, suffix: str = ".wav") -> Path:
        """Where these bytes lie or would lie. Raises ValueError for anything but 64 hex digits and a short suffix."""
        if not HASH.fullmatch(sha256):
            raise ValueError(f"a sound is named by 64 lower-case hex digits, got {sha256!r}")
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"a suffix is a dot and 1 to 8 lower-case letters or digits, got {suffix!r}")
        return self.folder / sha256[:2] / (sha256 + suffix)

    def put(self, data: bytes, suffix: str = ".wav") -> str:
        """Keep `data` and return its sha256. Raises DiskFull."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256, suffix)
        try:
            # a fresh time keeps a sweep from taking an old orphan that is about to get its row
            os.utime(path)
            if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
                return sha256
        except FileNotFoundError:
            pass
        try:
            write_whole(path, data, durable=self.durable)
        except OSError as error:
            if is_full(error, self.folder.parent):
                raise DiskFull(self.folder.parent, f"a sound of {len(data)} bytes") from None
            raise
        return sha256

    def has_since(self, moment: float, sha256: str, suffix: str = ".wav") -> bool:
        """Whether the file was written or claimed after `moment`, in seconds since 1970."""
        try:
            return self.path(sha256, suffix).stat().st_mtime > moment
        except FileNotFoundError:
            return False

    def read(self, sha256: str, suffix: str = ".wav") -> bytes:
        """The bytes, checked against their name. Raises BlobDamaged when they are missing or differ."""
        path = self.path(sha256, suffix)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BlobDamaged(f"the sound {path.name!r} is missing from {str(path.parent)!r}; run the engine again") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BlobDamaged(f"the sound {path.name!r} in {str(path.parent)!r} is damaged; run the engine again")
        return data

    def older_than(self, age_s: float) -> Iterator[Path]:
        """Every file that was last written or claimed more than `age_s` seconds ago, unfinished ones included."""
        for path in self.folder.glob("??/*"):
            if _age_s(path) > age_s:
                yield path

    def remove(self, paths: list[Path], age_s: float) -> int:
        """Delete those of `paths` that are still older than `age_s` seconds; how many."""
        removed = 0
        for path in paths:
            if _age_s(path) > age_s:
                path.unlink(missing_ok=True)
                removed += 1
        if removed:
            log.info("%d sounds that belong to no run were removed", removed)
        return removed


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return -1.0
