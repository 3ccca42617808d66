"""A disk for diskcache that never unpickles and stays inside its folder.

diskcache's own disks run code from a tampered database (CVE-2025-69872; JSONDisk does as well) and read or delete any path that
it names. `SafeDisk` stores text and bytes only, refuses pickles, and touches no file that it would not have made itself.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW

log = logging.getLogger(__name__)

LARGEST_BYTES = 2**29
_FILE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}\.val")


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
