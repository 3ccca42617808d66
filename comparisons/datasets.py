"""Many inputs from one place: a folder, a zip, a manifest (CSV, TSV, JSON lines), a list of texts or a hub dataset become items.

Nothing a stranger wrote is believed: paths stay inside the dataset's own folder, archives are bounded before and while they
are unpacked, and an item that cannot be used is an item with an error, never the end of the dataset.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from comparisons.archives import unpack
from comparisons.asking import task_named
from comparisons.intake import safe_name
from comparisons.items import SOUNDS, Asked, Item, inside, read_item, shown_path, stems_in, text_of
from comparisons.manifests import MANIFESTS, read_manifest
from comparisons.parquet import fetch_hub, open_parquet
from comparisons.settle import visible_line
from engine.contract import BadInput
from engine.tasks import Task

__all__ = ["Asked", "Dataset", "DatasetLimits", "Item", "limits_here", "open_dataset", "read_item"]

_ROOT_MANIFESTS = tuple(f"{stem}{suffix}" for stem in ("manifest", "metadata") for suffix in MANIFESTS)


@dataclass(frozen=True)
class DatasetLimits:
    items: int = 100_000
    entries: int = 20_000
    """Files in an archive or a folder."""
    total_mb: float = 4_000.0
    """An archive's files, unpacked."""
    manifest_mb: float = 64.0


def limits_here() -> DatasetLimits:
    """Those of this install; smaller ones on a public Space."""
    return DatasetLimits(500, 1_000, 500.0, 4.0) if os.environ.get("SPACE_ID") else DatasetLimits()


@dataclass(frozen=True)
class Dataset:
    """`items` can be gone through more than once. Used as a context, or closed, it removes what it had to unpack."""

    name: str
    task: str
    items: Iterable[Item]
    count: int
    columns: tuple[str, ...] = ()
    """Names of the slices."""
    unpacked: tempfile.TemporaryDirectory[str] | None = None

    def __len__(self) -> int:
        return self.count

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.unpacked is not None:
            self.unpacked.cleanup()


def open_dataset(source: str | Path, task_name: str, limits: DatasetLimits | None = None) -> Dataset:
    """A dataset from a folder, a .zip, a manifest, a .parquet, a .txt of lines, or `hub:owner/name[:split]`.

    Raises BadInput in one sentence when there is no dataset in it. Sounds are not opened yet.
    """
    task, limits = task_named(task_name), limits or limits_here()
    if str(source).startswith("hub:"):
        return _hub(str(source), task, limits)
    path = Path(source)
    try:
        path = path.resolve(strict=True)
        if path.is_dir():
            dataset = _folder(path, task, limits)
        elif path.suffix.lower() == ".zip":
            dataset = _zip(path, task, limits)
        elif path.suffix.lower() in MANIFESTS:
            dataset = _manifest(path, task, limits)
        elif path.suffix.lower() == ".parquet":
            items, count, columns = open_parquet([path], task)
            dataset = Dataset(path.name, task.name, items, count, columns)
        elif path.suffix.lower() == ".txt" and not task.takes_audio:
            dataset = _texts(path, task, limits)
        else:
            raise BadInput(f"{path.name!r} is no dataset: give a folder, .zip, .csv, .tsv, .jsonl, .parquet or hub:owner/name")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its path is not valid"
        raise BadInput(f"the dataset {str(source)[:200]!r} cannot be read: {reason}") from None
    if not len(dataset):
        dataset.close()
        wanted = "sound files" if task.takes_audio else ".txt files"
        raise BadInput(f"the dataset {path.name!r} holds no items: it needs {wanted} or a manifest.csv")
    return dataset


def _folder(root: Path, task: Task, limits: DatasetLimits) -> Dataset:
    for name in _ROOT_MANIFESTS:
        if (root / name).is_file():
            return replace(_manifest(inside(root, name), task, limits), name=root.name)
    files = []
    for at, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != "." and name != "__MACOSX")
        files += [Path(at, name).relative_to(root) for name in sorted(names) if name[0] != "."]
        if len(files) > limits.entries:
            raise BadInput(f"the folder {root.name!r} holds more than {limits.entries:,} files: use a manifest")
    wanted = SOUNDS if task.takes_audio else {".txt"}
    found = [file for file in files if file.suffix.lower() in wanted]
    if task.reference == "stems":  # song.wav beside song/vocals.wav, song/drums.wav
        mixes = {file.with_suffix("") for file in found}
        found = [file for file in found if file.parent not in mixes]
    items = [_file_item(root, file, task) for file in found]
    nested = any(len(file.parts) > 1 for file in found)
    return Dataset(root.name, task.name, _few_enough(items, limits, root.name), len(items), ("folder",) if nested else ())


def _file_item(root: Path, file: Path, task: Task) -> Item:
    name, slices = file.as_posix(), {"folder": file.parent.as_posix()} if len(file.parts) > 1 else {}
    try:
        path = inside(root, name)
        if not task.takes_audio:
            text = text_of(path)
            return Item(visible_line(text, 60) or safe_name(name), text=text, slices=slices)
        beside = file.with_suffix(".txt")
        stems = stems_in(root, file.with_suffix("").as_posix()) if task.reference == "stems" else None
        written = task.reference in ("text", "tags") and (root / beside).is_file()
        reference = text_of(inside(root, beside.as_posix())) if written else None
        return Item(shown_path(name), path, reference=reference, stems=stems, slices=slices)
    except BadInput as error:
        return Item(shown_path(name), slices=slices, error=str(error))


def _few_enough(items: list[Item], limits: DatasetLimits, name: str) -> list[Item]:
    if len(items) > limits.items:
        raise BadInput(f"{name!r} holds {len(items):,} items: at most {limits.items:,} are accepted")
    return items


def _texts(path: Path, task: Task, limits: DatasetLimits) -> Dataset:
    lines = [line.strip() for line in text_of(path).splitlines() if line.strip()]
    items = [Item(visible_line(line, 60) or "unnamed", text=line) for line in lines]
    return Dataset(path.name, task.name, _few_enough(items, limits, path.name), len(items))


def _zip(path: Path, task: Task, limits: DatasetLimits) -> Dataset:
    unpacked = tempfile.TemporaryDirectory(prefix="soundcheck-dataset-")
    try:
        root = Path(unpacked.name).resolve()
        unpack(path, root, suffixes=SOUNDS | {*MANIFESTS, ".txt"}, most_files=limits.entries, most_mb=limits.total_mb)
        inner = list(root.iterdir())
        if len(inner) == 1 and inner[0].is_dir():
            root = inner[0]
        return replace(_folder(root, task, limits), name=safe_name(path.stem), unpacked=unpacked)
    except BaseException:
        unpacked.cleanup()
        raise


def _manifest(path: Path, task: Task, limits: DatasetLimits) -> Dataset:
    items = read_manifest(path, task, most_items=limits.items, most_mb=limits.manifest_mb)
    columns = dict.fromkeys(name for item in items for name in item.slices)
    return Dataset(path.name, task.name, items, len(items), tuple(columns))


def _hub(source: str, task: Task, limits: DatasetLimits) -> Dataset:
    paths, name = fetch_hub(source, limits.total_mb)
    items, count, columns = open_parquet(paths, task)
    if count > limits.items:
        raise BadInput(f"{name} holds {count:,} items: at most {limits.items:,} are accepted")
    return Dataset(name, task.name, items, count, columns)
