"""A stranger's zip, unpacked into a folder of its own: bounded in files and bytes, and nothing in it leads out."""

from __future__ import annotations

import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from comparisons.settle import visible_line
from engine.contract import BadInput

_ARCHIVES = frozenset([".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"])
_ENTRY_BYTES = 500
"""Of the archive's directory, per file: 46 and the name, with room for long names and extra fields."""


def unpack(path: Path, root: Path, *, suffixes: Collection[str], most_files: int, most_mb: float) -> None:
    """Files with one of these suffixes, into `root`; sizes are counted while unpacking, what the archive states may be a lie.

    Raises BadInput for what is no zip, is encrypted, holds links, paths that lead out or archives, or is beyond a bound.
    """
    try:
        _check_directory(path, most_files)
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > most_files:
                raise BadInput(f"{path.name!r} holds {len(entries):,} files: at most {most_files:,} are accepted")
            names = {entry.filename: _checked_name(path, entry) for entry in entries}
            if len(names) != len(entries):
                raise BadInput(f"{path.name!r} holds the same path twice")
            room = min(most_mb * 1e6, shutil.disk_usage(root).free / 2)
            for entry in entries:
                name = names[entry.filename]
                if not name.startswith("__MACOSX/") and PurePosixPath(name).suffix.lower() in suffixes:
                    room -= _write(archive, entry, root / name, room, path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise BadInput(f"{path.name!r} is not a usable zip: {visible_line(str(error), 120)}") from None
    except zlib.error:
        raise BadInput(f"{path.name!r} is a damaged zip") from None


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: float, path: Path) -> int:
    """The bytes written. Raises BadInput when they are more than `room`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(1 << 20):
            written += len(chunk)
            if written > room:
                raise BadInput(f"{path.name!r} unpacks to more than is accepted here")
            file.write(chunk)
    return written


def _check_directory(path: Path, most_files: int) -> None:
    """Before zipfile reads the archive's directory into memory: its stated size, and only the plain form of the format."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65_557 - 20))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise BadInput(f"{path.name!r} is not a zip")
    directory_bytes = struct.unpack_from("<I", tail, at + 12)[0]
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07") or directory_bytes > max(100_000, _ENTRY_BYTES * most_files):
        raise BadInput(f"{path.name!r} holds more than is accepted: at most {most_files:,} files in less than 4 GB")


def _checked_name(path: Path, entry: zipfile.ZipInfo) -> str:
    # orig_filename still holds what zipfile cuts off at a NUL
    name, written = entry.filename, entry.orig_filename
    parts = PurePosixPath(name).parts
    if written[:1] == "/" or ".." in parts or {"\\", "\0"} & set(written) or re.match("[A-Za-z]:", name) or not parts:
        raise BadInput(f"{path.name!r} holds the path {written[:120]!r}, which leads out of it")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise BadInput(f"{path.name!r} holds a link or a device, {name[:120]!r}: only plain files are accepted")
    if PurePosixPath(name).suffix.lower() in _ARCHIVES:
        raise BadInput(f"{path.name!r} holds another archive, {name[:120]!r}: unpack it first")
    if entry.flag_bits & 1:
        raise BadInput(f"{path.name!r} is encrypted")
    return name
