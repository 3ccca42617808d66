"""Manifests: each line of a CSV, TSV or JSON lines file becomes an item; one that cannot be read is an item with an error."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from comparisons.asking import SoundFile, missing_consent
from comparisons.items import Item, inside, shown_path, stems_in, text_of
from comparisons.settle import visible_line
from engine.contract import BadInput, options_of
from engine.tasks import Task

MANIFESTS = (".csv", ".tsv", ".jsonl")
AUDIO_COLUMNS = ("audio", "file_name", "audio_filepath", "path", "file")
_REFERENCE = ("reference", "text", "transcription", "transcript", "sentence")
_TEXT = ("text", "prompt", "sentence", "transcription")
SOUND_COLUMNS = {"voice_file": "reference", "melody_file": "melody"}
"""Columns that name a sound, and the setting it is for: a `reference` is what is right, in every task."""
_SLICE_COLUMNS, _SLICE_CHARACTERS = 30, 200
_LONGEST_LINE = 1_000_000


def read_manifest(path: Path, task: Task, *, most_items: int, most_mb: float) -> list[Item]:
    """The items of a manifest, whose paths must stay in its folder. `path` is resolved. Raises BadInput when none can be read."""
    if path.stat().st_size > most_mb * 1e6:
        raise BadInput(f"the manifest {path.name!r} has more than {most_mb:g} MB")
    items: list[Item] = []
    for number, line in (_json_lines if path.suffix.lower() == ".jsonl" else _csv_lines)(path):
        if len(items) >= most_items:
            raise BadInput(f"{path.name!r} holds more than {most_items:,} items")
        items.append(manifest_item(path.parent, f"line {number}", line, task))
    return items


def missing_voice_consent(columns: Iterable[str], task: Task, agreed: bool, how: str) -> str:
    """`missing_consent` for a dataset with these columns."""
    settings = {SOUND_COLUMNS.get(column) for column in columns} & options_of(task.request).keys()
    return missing_consent(settings, agreed, how)


def _csv_lines(path: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Line number and cells by folded column name, or a sentence on what is wrong with the line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline(_LONGEST_LINE)
            reader = csv.reader([first], delimiter=(delimiter := max("\t;,", key=first.count)))
            header = [cell.strip().casefold() for cell in next(reader, [])]
            if len(set(header)) != len(header):
                raise BadInput(f"{path.name!r} names a column twice")
            reader = csv.reader(file, delimiter=delimiter)
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                number = reader.line_num + 1
                if len(row) != len(header):
                    yield number, f"line {number} has {len(row)} cells, the header {len(header)}"
                else:
                    yield number, dict(zip(header, row, strict=True))
        except UnicodeDecodeError:
            raise BadInput(f"the manifest {path.name!r} is not UTF-8") from None
        except csv.Error as error:
            raise BadInput(f"the manifest {path.name!r} is not CSV: {error}") from None


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if not line.strip():
                continue
            try:
                found = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError):
                yield number, f"line {number} is not JSON"
                continue
            if not isinstance(found, dict):
                yield number, f"line {number} is not a JSON object"
                continue
            yield number, {str(name).strip().casefold(): _cell(value) for name, value in found.items() if value is not None}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def manifest_item(root: Path, place: str, line: Mapping[str, str] | str, task: Task, data: bytes | None = None) -> Item:
    """The item of one line. `root` is the resolved folder that its paths must stay in; `data` is a sound without a path."""
    if isinstance(line, str):
        return Item(place, error=line)
    cells = {name: value.strip() for name, value in line.items() if value.strip()}
    source = next((name for name in (AUDIO_COLUMNS if task.takes_audio else _TEXT) if name in cells), None)
    used = {source} if source else set()
    reference = None
    if task.reference in ("text", "tags"):
        column = next((name for name in _REFERENCE if name in cells and name not in used), None)
        used |= {column, "reference_file"}
        reference = cells.get(column) if column else None
    how = options_of(task.request)
    options = {name for name, option in how.items() if option.longest_s is None} - used
    settings: dict[str, Any] = {name: cells[name] for name in cells if name in options}
    sounds = {column: name for column, name in SOUND_COLUMNS.items() if column in cells and name in how}
    further = [*sounds, *(name for name in cells if name not in {*used, *sounds, "stems"} and name not in options - {"language"})]
    slices = {name[:60]: visible_line(cells[name], _SLICE_CHARACTERS) for name in further[:_SLICE_COLUMNS]}
    known: dict[str, Any] = {"settings": settings, "slices": slices}
    if source is None and data is None:
        wanted = "audio" if task.takes_audio else "text"
        return Item(place, error=f"{place} has no column {wanted!r} with a value", **known)
    if not task.takes_audio:
        shown = visible_line(cells[source], 60) or place
        try:
            settings |= {name: SoundFile(inside(root, cells[column])) for column, name in sounds.items()}
        except BadInput as error:
            return Item(shown, error=str(error), **known)
        return Item(shown, text=cells[source], **known)
    name = shown_path(cells[source]) if source else place
    try:
        if reference is None and "reference_file" in cells and task.reference in ("text", "tags"):
            reference = text_of(inside(root, cells["reference_file"]))
        stems = stems_in(root, cells["stems"]) if task.reference == "stems" and "stems" in cells else None
        path = None if data is not None else inside(root, cells[source])
        return Item(name, path, data=data, reference=reference, stems=stems, **known)
    except (BadInput, OSError) as error:
        return Item(name, error=str(error) if isinstance(error, BadInput) else f"{place}: {error.strerror}", **known)
