"""Opens a capsule of a stranger: bounded before it is read, every name, hash, number and shape checked, sounds never decoded."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from comparisons import records
from comparisons.blobs import HASH
from comparisons.capsule_votes import MOST_BYTES, BadVotes, checked_tests
from comparisons.columns import COLUMNS
from comparisons.kept_batch import BATCH_ID
from comparisons.redaction import clean
from engine.contract import ERROR_KINDS, BadInput, Tag, Word
from engine.tasks import TASKS

FORMAT, VERSION, VERSION_WITH_VOTES, VERSION_OF_BATCH = "soundcheck capsule", 1, 2, 3
ID = re.compile(r"[0-9a-f]{32}")
MOST_FILE_BYTES = 200_000_000
MOST_SOUND_BYTES = 180_000_000
"""All sounds of a capsule together; what is beyond stays out when one is made, and is said to be missing."""
MOST_SOUNDS, MOST_ROWS = 1_000, 5_000
MOST_ROW_BYTES, MOST_MANIFEST_BYTES = 32_000_000, 4_000_000
LARGEST_RATIO = 400
"""Unpacked over packed size of a whole capsule: rows that repeat each other reach about 50."""
PEAKS = 160
_LARGEST_NUMBER = 1e12
_ENTRY = re.compile(r"manifest\.json|(?:rows|votes)\.jsonl|blobs/[0-9a-f]{64}\.(?:flac|wav)")
_SOUND = re.compile(r"[0-9a-f]{64}\.(?:flac|wav)")
_END_BYTES, _ENTRY_BYTES = 22, 46 + 80
_FAULTS = (OSError, EOFError, RuntimeError, ValueError, OverflowError, zipfile.BadZipFile, zlib.error, struct.error)
_LENGTHS = ("seconds", "rate", "channels")
_FILE = {"name": str, "sha256": str, "seconds": float, "rate": int, "channels": int, "peak": float, "loudness_lufs": float}
_ITEMS = {
    "output_files": (_FILE, {"loudness_lufs", "peak"}),
    "output_tags": ({each.name: float for each in fields(Tag)} | {"label": str}, {"start_s", "end_s"}),
    "output_words": (
        {each.name: float for each in fields(Word)} | {"text": str, "speaker": str},
        {each.name for each in fields(Word)} - {"text"},
    ),
}


class BadCapsule(BadInput):
    """The file is not a capsule that can be believed; the sentence says why."""


@dataclass(frozen=True)
class Capsule:
    """A capsule that passed every check. `rows` have every column; the sounds lie in a folder that goes with `close`."""

    rows: tuple[dict[str, Any], ...]
    manifest: Mapping[str, Any]
    folder: tempfile.TemporaryDirectory[str]
    tests: tuple[dict[str, Any], ...] = ()
    """The finished blind tests, as comparisons.capsule_votes reads them."""

    @property
    def comparison_id(self) -> str:
        """The id of the comparison, or of the run over a dataset."""
        return self.manifest["batch_id"] or self.manifest["comparison_id"]

    @property
    def task(self) -> str:
        return self.manifest["task"]

    def sound_path(self, sha256: str) -> Path | None:
        """The verified file of a sound, by the hash that the rows name it with; None when the capsule lacks it."""
        kept = self.manifest["sounds"].get(sha256)
        return Path(self.folder.name) / kept["file"] if kept else None

    def peaks(self, sha256: str) -> list[float]:
        kept = self.manifest["sounds"].get(sha256)
        return kept["peaks"] if kept else []

    def close(self) -> None:
        self.folder.cleanup()

    def __enter__(self) -> Capsule:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_capsule(file: str | Path) -> Capsule:
    """Read and check a whole capsule. Raises BadCapsule with one sentence; nothing outside a fresh folder is written."""
    folder = tempfile.TemporaryDirectory(prefix="soundcheck-capsule-")
    try:
        with Path(file).open("rb") as opened:
            _check_end(opened)
            with zipfile.ZipFile(opened) as archive:
                return _read(archive, folder)
    except _FAULTS as error:
        folder.cleanup()
        raise BadCapsule(f"this capsule cannot be opened: {_words(error)}") from None
    except BaseException:
        folder.cleanup()
        raise


def _words(error: Exception) -> str:
    return (error.strerror or "it could not be read") if isinstance(error, OSError) else clean(str(error), limit=200)


def _check_end(file: BinaryIO) -> None:
    """Refuse what would make reading the list of entries itself expensive: zipfile trusts the sizes in a zip's last bytes."""
    size = file.seek(0, io.SEEK_END)
    if size > MOST_FILE_BYTES:
        raise BadCapsule(f"this file has {size / 1e6:.0f} MB; a capsule has at most {MOST_FILE_BYTES / 1e6:g} MB")
    file.seek(max(0, size - _END_BYTES - 20))
    tail = file.read()
    end = tail[-_END_BYTES:]
    if size < _END_BYTES or end[:4] != b"PK\x05\x06" or end[-2:] != b"\0\0" or tail[:4] == b"PK\x06\x07":
        raise BadCapsule("this file is not a capsule; choose one that ends in .soundcheck")
    count, list_bytes, start = (int.from_bytes(end[at : at + n], "little") for at, n in ((10, 2), (12, 4), (16, 4)))
    if count > MOST_SOUNDS + 3 or list_bytes > _ENTRY_BYTES * (MOST_SOUNDS + 3) or start + list_bytes + _END_BYTES != size:
        raise BadCapsule("this file is not a capsule, or holds more entries than one may")
    file.seek(0)


def _read(archive: zipfile.ZipFile, folder: tempfile.TemporaryDirectory[str]) -> Capsule:
    entries = {}
    for entry in archive.infolist():
        if not _ENTRY.fullmatch(entry.filename) or entry.filename in entries or entry.flag_bits & 0x1:
            raise BadCapsule("the capsule holds an entry that no capsule has")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadCapsule("the capsule is packed in a way that no capsule is")
        entries[entry.filename] = entry
    unpacked = sum(entry.file_size for entry in entries.values())
    if unpacked > LARGEST_RATIO * max(10_000, sum(entry.compress_size for entry in entries.values())):
        raise BadCapsule("the capsule unpacks to far more than it holds and is refused")

    def data_of(name: str, most: int) -> bytes:
        if name not in entries:
            raise BadCapsule(f"the capsule has no {name}")
        with archive.open(entries[name]) as member:
            data = member.read(most + 1)
        if len(data) > most:
            raise BadCapsule(f"{name} of the capsule is larger than {most / 1e6:g} MB")
        return data

    manifest = _manifest(parsed(data_of("manifest.json", MOST_MANIFEST_BYTES)))
    lines = data_of("rows.jsonl", MOST_ROW_BYTES)
    if hashlib.sha256(lines).hexdigest() != manifest["rows_sha256"]:
        raise BadCapsule("the rows of the capsule do not match their hash: the file is damaged or was changed")
    rows = _rows(lines, manifest)
    tests = _tests(data_of("votes.jsonl", MOST_BYTES), manifest, rows) if manifest["votes_sha256"] else ()
    room, named = MOST_SOUND_BYTES, {kept["file"] for kept in manifest["sounds"].values()}
    if {f"blobs/{name}" for name in named} != set(entries) - _parts(manifest):
        raise BadCapsule("the sounds of the capsule are not those that its manifest lists")
    for name in sorted(named):
        data = data_of(f"blobs/{name}", room)
        room -= len(data)
        if hashlib.sha256(data).hexdigest() != name[:64]:
            raise BadCapsule("a sound of the capsule does not match its hash: the file is damaged or was changed")
        if not (data[:4] == b"fLaC" if name.endswith("flac") else data[:4] == b"RIFF" and data[8:12] == b"WAVE"):
            raise BadCapsule("the capsule holds something that is not a sound")
        (Path(folder.name) / name).write_bytes(data)  # 64 hex digits and one of two suffixes
    return Capsule(rows, manifest, folder, tests)


def _parts(manifest: Mapping[str, Any]) -> set[str]:
    return {"manifest.json", "rows.jsonl"} | ({"votes.jsonl"} if manifest["votes_sha256"] else set())


def _tests(lines: bytes, manifest: Mapping[str, Any], rows: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    if hashlib.sha256(lines).hexdigest() != manifest["votes_sha256"]:
        raise BadCapsule("the votes of the capsule do not match their hash: the file is damaged or was changed")
    try:
        return checked_tests([parsed(line) for line in lines.splitlines()], rows)
    except BadVotes as error:
        raise BadCapsule(f"the capsule holds {error}") from None


def _refuse(constant: str) -> None:
    raise BadCapsule(f"the capsule holds {constant}, which is not a number")


def _number(text: str) -> float:
    number = float(text)
    if not abs(number) <= _LARGEST_NUMBER:
        raise BadCapsule("the capsule holds a number that is too large")
    return number


def parsed(data: bytes | str) -> Any:
    """JSON of a stranger, without what is no number or too large a one. Raises BadCapsule."""

    def whole(text: str) -> int:
        _number(text)
        return int(text)

    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_number, parse_int=whole)
    except (ValueError, RecursionError):
        raise BadCapsule("a part of the capsule is not JSON") from None


def _manifest(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise BadCapsule("this file is not a capsule; choose one that ends in .soundcheck")
    version = given.get("version")
    if type(version) is not int or not VERSION <= version <= VERSION_OF_BATCH:
        raise BadCapsule(f"this capsule has version {str(version)[:20]!r} and {VERSION_OF_BATCH} is read here: update Soundcheck")
    whole = version == VERSION_OF_BATCH
    named = _is(given.get("batch_id"), BATCH_ID) if whole else _is(given.get("comparison_id"), ID)
    sounds, missing, left_out = given.get("sounds"), given.get("missing"), given.get("tests_left_out", 0)
    sound = all(
        (
            named and ("comparison_id" if whole else "batch_id") not in given,
            given.get("task") in TASKS,
            _is(given.get("rows_sha256"), HASH),
            isinstance(given.get("app_version"), str) and len(given["app_version"]) <= 40,
            "votes_sha256" not in given
            if version == VERSION or (whole and "votes_sha256" not in given)
            else _is(given.get("votes_sha256"), HASH),
            type(left_out) is int and 0 <= left_out <= MOST_ROWS,
            isinstance(sounds, dict) and all(_is(name, HASH) and _is_kept(kept) for name, kept in sounds.items()),
            isinstance(missing, dict) and all(_is(name, HASH) and isinstance(why, str) for name, why in missing.items()),
        )
    )
    if not sound:
        raise BadCapsule("the manifest of the capsule is not as it should be")
    known = ("format", "version", "app_version", "comparison_id", "batch_id", "task", "rows_sha256", "sounds")
    read = {name: given.get(name) for name in known} | {"missing": {name: clean(why) for name, why in missing.items()}}
    return read | {"votes_sha256": given.get("votes_sha256"), "tests_left_out": left_out}


def _is(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_kept(kept: Any) -> bool:
    peaks = kept.get("peaks") if isinstance(kept, dict) else None
    return (
        isinstance(peaks, list)
        and len(peaks) <= PEAKS
        and all(type(height) in (int, float) and 0 <= height <= 1 for height in peaks)
        and _is(kept.get("file"), _SOUND)
    )


def _rows(lines: bytes, manifest: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    found = [_row(parsed(line), manifest) for line in lines.splitlines()]
    if not 0 < len(found) <= MOST_ROWS:
        raise BadCapsule(f"a capsule has 1 to {MOST_ROWS} rows, this one {len(found)}")
    if len({(row["item"] if manifest["batch_id"] else None, row["engine_id"], row["repeat"]) for row in found}) < len(found):
        raise BadCapsule("two rows of the capsule are of the same input, engine and repeat")
    return tuple(found)


def _row(given: Any, manifest: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise BadCapsule("a row of the capsule is not a JSON object")
    if unknown := sorted(set(given) - set(COLUMNS)):
        raise BadCapsule(f"a row of the capsule has the column {clean(unknown[0], limit=40)!r}, unknown here: update Soundcheck")
    for name, value in given.items():
        if type(value) is bool and COLUMNS[name].kind != "flag":
            raise BadCapsule(f"column {name!r} of the capsule takes no truth value")
    row = records.shown(records.settled(given))
    del row["seq"]
    row["rating"] = given.get("rating")
    own = "batch_id" if manifest.get("batch_id") else "comparison_id"
    if not (
        row[own] == manifest[own]
        and _is(row["comparison_id"], ID)
        and row["task"] == manifest["task"]
        and row["where"] in ("local", "cloud")
        and row["status"] in ("ok", *ERROR_KINDS)
        and row["rating"] in (None, 1, 2, 3, 4, 5)
        and (row["status"] != "ok" or row["total_s"] is not None)
    ):
        raise BadCapsule("a row of the capsule does not belong to it, or has a value that no run has")
    for name, column in COLUMNS.items():
        if column.kind == "json" and row[name] is not None:
            _check_document(name, parsed(row[name]))
        elif column.kind == "number" and row[name] is not None:
            _number(str(row[name]))
    return row


def _check_document(name: str, held: Any) -> None:
    if name == "input_file":
        items, (shape, may_lack) = [held], (_FILE, {"name", "peak", "loudness_lufs"})
    elif name in _ITEMS:
        items, (shape, may_lack) = held, _ITEMS[name]
    else:
        return
    if not isinstance(items, list) or len(items) > 100_000 or not all(_fits(item, shape, may_lack) for item in items):
        raise BadCapsule(f"column {name!r} of the capsule is not as it should be")
    if name == "output_files" and len({item["name"] for item in items}) < len(items):
        raise BadCapsule("two sounds of one row of the capsule have the same name")


def _fits(item: Any, shape: Mapping[str, type], may_lack: set[str]) -> bool:
    if not isinstance(item, dict) or not set(item) <= set(shape):
        return False
    for name, kind in shape.items():
        value = item.get(name)
        if value is None and name in may_lack:
            continue
        right = type(value) in (int, float) if kind is float else type(value) is kind
        if not right or (name == "sha256" and not HASH.fullmatch(value)) or (name in _LENGTHS and value < 0):
            return False
    return True


def checked_row(line: bytes | str) -> dict[str, Any]:
    """One kept run out of a line of JSON that anybody may have written, with every column. Raises BadCapsule.

    A column that is unknown here is left out: the line may come from another version.
    """
    given = parsed(line)
    if not isinstance(given, dict) or not _is(given.get("comparison_id"), ID) or given.get("task") not in TASKS:
        raise BadCapsule("a line is no kept run")
    known = {name: value for name, value in given.items() if name in COLUMNS}
    try:
        return _row(known, known)
    except _FAULTS as error:
        raise BadCapsule(_words(error)) from None
