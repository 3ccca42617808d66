"""Parquet files with sounds in them, from disk or from the Hugging Face hub, as items; a few rows in memory at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons.items import Item
from comparisons.manifests import AUDIO_COLUMNS, manifest_item
from comparisons.settle import visible_line
from engine.contract import BadInput
from engine.tasks import Task

_ROWS_AT_ONCE = 8
_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class ParquetItems:
    """The rows of several files in order. Gone through again, they are read again."""

    paths: tuple[Path, ...]
    task: Task

    def __len__(self) -> int:
        return sum(_opened(path).metadata.num_rows for path in self.paths)

    def __iter__(self) -> Iterator[Item]:
        number = 0
        for path in self.paths:
            try:
                for batch in _opened(path).iter_batches(_ROWS_AT_ONCE):
                    for row in batch.to_pylist():
                        number += 1
                        yield _item(path.parent.resolve(), f"row {number}", row, self.task)
            except (OSError, ValueError) as error:
                raise BadInput(f"{path.name!r} cannot be read beyond row {number}: {visible_line(str(error), 120)}") from None


def open_parquet(paths: Sequence[Path], task: Task) -> tuple[ParquetItems, int, tuple[str, ...]]:
    """The items, how many there are, and the names of their slices. Raises BadInput for what is no Parquet file."""
    if os.environ.get("SPACE_ID"):
        raise BadInput("Parquet files and hub datasets are not read on a Space: give a manifest or a zip")
    items = ParquetItems(tuple(paths), task)
    first = next(iter(items), None)
    return items, len(items), tuple(first.slices) if first else ()


def _opened(path: Path) -> Any:
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name!r} is not a Parquet file: {visible_line(str(error), 120)}") from None


def _item(root: Path, place: str, row: Mapping[str, Any], task: Task) -> Item:
    cells = {name.strip().casefold(): _text(value) for name, value in row.items() if isinstance(value, (str, int, float, bool))}
    if not task.takes_audio:
        return manifest_item(root, place, cells, task)
    sounds = {name: value for name, value in row.items() if isinstance(value, dict) and isinstance(value.get("bytes"), bytes)}
    if not sounds:
        return Item(place, error=f"{place} holds no sound: it needs a column of file bytes, as the hub's Audio feature writes it")
    column = next((name for name in AUDIO_COLUMNS if name in sounds), next(iter(sounds)))
    named = sounds[column].get("path")
    cells = {name: text for name, text in cells.items() if name not in AUDIO_COLUMNS} | {"audio": str(named or place)}
    return manifest_item(root, place, cells, task, sounds[column]["bytes"])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def fetch_hub(source: str, most_mb: float) -> tuple[list[Path], str]:
    """The Parquet files of `hub:owner/name[:split]` and the dataset's name with its commit. Downloads what is not there yet.

    Raises BadInput with the names of the splits when none is chosen, and when the files are larger than `most_mb`.
    """
    name, _, split = source.removeprefix("hub:").partition(":")
    if not _NAME.fullmatch(name):
        raise BadInput(f"a hub dataset is written hub:owner/name or hub:owner/name:split, got {source[:120]!r}")
    from huggingface_hub import HfApi, hf_hub_download

    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        about = HfApi(endpoint=endpoint).dataset_info(name, files_metadata=True, timeout=30)
        sizes = {each.rfilename: each.size or 0 for each in about.siblings or [] if each.rfilename.endswith(".parquet")}
        chosen = [file for file in sorted(sizes) if _split_of(file) == split or not split]
        splits = sorted({_split_of(file) for file in chosen or sizes})
        if not chosen or len(splits) > 1:
            written = ", ".join(f"hub:{name}:{each}" for each in splits)
            raise BadInput(f"say which split of {name}: {written or 'it has no Parquet files'}")
        total_mb = sum(sizes[file] for file in chosen) / 1e6
        if total_mb > most_mb:
            raise BadInput(f"{splits[0]} of {name} has {total_mb:,.1f} MB: at most {most_mb:,.1f} MB are fetched")
        where = {"repo_type": "dataset", "revision": about.sha, "endpoint": endpoint}
        return [Path(hf_hub_download(name, file, **where)) for file in chosen], f"{name}@{about.sha[:8]}:{splits[0]}"
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001  whatever the hub's client raises becomes one sentence
        raise BadInput(f"the hub dataset {name!r} cannot be fetched: {visible_line(str(error), 160)}") from None


def _split_of(file: str) -> str:
    """The folders and the stem: of "data/test-00000-of-00002.parquet" it is "test", of "en/test/0000.parquet" it is "en/test"."""
    folders, stem = file.split("/")[:-1], file.rpartition("/")[2].removesuffix(".parquet")
    shard = re.fullmatch(r"(.+?)-\d+-of-\d+", stem)
    parts = [*folders, shard[1]] if shard else folders if stem.isdigit() and folders else [*folders, stem]
    return "/".join(parts[1:] if parts[0] == "data" and len(parts) > 1 else parts)
