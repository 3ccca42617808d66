"""One input of a dataset: where it lies, what it is measured against, how it is read; nothing a manifest says is trusted."""

from __future__ import annotations

import hashlib
import json
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from comparisons.asking import build_request, reference_from_text, task_named
from comparisons.intake import Intake, safe_name, take_in
from comparisons.metrics import Reference
from engine.contract import BadInput, Request

SOUNDS = frozenset([".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".webm", ".aif", ".aiff", ".aac"])
_TEXT_FILE_BYTES = 1_000_000
_LARGEST_HASHED_BYTES = 2**31


@dataclass(frozen=True)
class Item:
    """One input of a dataset, not yet read. `error` says why it cannot be used, where that is known beforehand."""

    name: str
    path: Path | None = None
    """The sound; None for tasks that take text."""
    text: str | None = None
    data: bytes | None = None
    """A sound's file as bytes, for datasets that do not lie in files."""
    reference: str | None = None
    stems: Mapping[str, Path] | None = None
    """Reference stems of a separation."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The item's own settings, such as its language; they win over those of the batch."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """The manifest's further columns: what the statistics can be split by."""
    error: str | None = None

    def key(self, task_name: str, settings: Mapping[str, Any]) -> str:
        """Names input and settings: sha256 over the file's bytes or the text. The same after renaming and reordering."""
        asked = {name: str(value) for name, value in {**settings, **self.settings}.items()}
        digest = hashlib.sha256(json.dumps([task_name, asked], sort_keys=True).encode())
        content = self.data if self.text is None else self.text.encode("utf-8", "replace")
        if content is None and self.path is not None:
            content = _file_sha256(self.path)
        digest.update(f"error\n{self.name}".encode("utf-8", "replace") if content is None else content)
        return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Asked:
    """An item that was read: what the engines are given and measured against."""

    request: Request
    reference: Reference
    warnings: tuple[str, ...] = ()


def read_item(item: Item, task_name: str, settings: Mapping[str, Any]) -> Asked:
    """Decode and check one item. Raises EngineError with one sentence for an item that cannot be used."""
    if item.error is not None:
        raise BadInput(item.error)
    task, warnings = task_named(task_name), ()
    if task.takes_audio:
        taken = _decoded(item)
        source, warnings = taken.audio, taken.warnings
    else:
        source = item.text or ""
    request = build_request(task.name, source, {**settings, **item.settings})
    if item.stems:
        return Asked(request, Reference(stems={name: take_in(path).audio for name, path in item.stems.items()}), warnings)
    return Asked(request, reference_from_text(task.name, item.reference), warnings)


def _decoded(item: Item) -> Intake:
    if item.data is None:
        return take_in(item.path, name=item.name)
    with tempfile.NamedTemporaryFile(prefix="soundcheck-") as file:
        file.write(item.data)
        file.flush()
        return take_in(file.name, name=item.name)


def _file_sha256(path: Path) -> bytes | None:
    """None for what is not a plain file of a usable size; opening it later says why."""
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST_HASHED_BYTES:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, ValueError):
        return None


def inside(root: Path, written: str) -> Path:
    """The file that a dataset names, links followed. Raises BadInput when it lies outside `root`, which is resolved."""
    if "://" in written:
        raise BadInput(f"{written[:120]!r} is an address: a dataset names files that lie beside it")
    try:
        path = (root / written).resolve()
    except (OSError, ValueError, RuntimeError):
        raise BadInput(f"{written[:120]!r} is not a usable path") from None
    if not path.is_relative_to(root):
        raise BadInput(f"{written[:120]!r} leads out of the dataset's folder")
    return path


def text_of(path: Path) -> str:
    """A small text file. Raises BadInput for one that is too large or not UTF-8."""
    if path.stat().st_size > _TEXT_FILE_BYTES:
        raise BadInput(f"{path.name!r} has more than {_TEXT_FILE_BYTES:,} bytes")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name!r} is not a UTF-8 text file") from None


def stems_in(root: Path, folder: str) -> dict[str, Path] | None:
    place = inside(root, folder)
    if not place.is_dir():
        return None
    return {
        file.stem: inside(root, f"{folder}/{file.name}") for file in sorted(place.iterdir()) if file.suffix.lower() in SOUNDS
    } or None


def shown_path(name: str) -> str:
    """A relative path as it may be shown: its last two parts, without what could steer a page or a terminal."""
    return "/".join(safe_name(part) for part in PurePosixPath(name).parts[-2:]) or "unnamed"
