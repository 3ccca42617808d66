"""One comparison in one file: its rows and sounds, and a reader that takes no byte of it on trust.

A capsule is a zip of
    blobs/<sha256>.flac   a sound, named by the hash of these bytes; .wav where FLAC cannot hold it exactly
    rows.jsonl            one run per line: what was asked, sent and answered, times, versions, prices
    votes.jsonl           one finished blind test per line, its listeners as numbers; only where there are any
    manifest.json         format, comparison, task, which sound is where, what is missing, unit and meaning of every column
The same comparison gives the same bytes. Hashes show damage, not who made the file. Keys, sessions and paths stay behind.
    BadInput
      NoComparison   the id names nothing that is kept here
      BadCapsule     the file is no capsule, is damaged, or holds more than a capsule may
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from comparisons import __version__
from comparisons._capsule_reader import (
    FORMAT,
    ID,
    MOST_SOUND_BYTES,
    MOST_SOUNDS,
    PEAKS,
    VERSION,
    VERSION_WITH_VOTES,
    BadCapsule,
    Capsule,
    open_capsule,
)
from comparisons.blobs import BlobDamaged
from comparisons.capsule_votes import Ballot, ballots_of, headed, kept_tests, lines_of
from comparisons.columns import COLUMNS
from comparisons.query import Query
from comparisons.redaction import clean
from comparisons.store import Store
from comparisons.table import console_table, write_csv
from engine.contract import BadInput
from engine.environment import home
from engine.tasks import TASKS

__all__ = ["BadCapsule", "Capsule", "NoComparison", "open_capsule", "save"]

SUFFIX = ".soundcheck"
_OWN_FOLDERS = r"home|root|Users|tmp|var|work|opt|mnt|media|data|usr|srv|etc|private|content|workspace|app"
_PATH = re.compile(rf"(?<![\w.:/])(?:/(?:{_OWN_FOLDERS})(?=/)|~(?=/)|[A-Za-z]:(?=\\))(?:[\\/]+[^\s\"'<>|\\/,;:()]*)*")
_OUTPUTS = ("output_text", "output_words", "output_tags", "reference", "price_rule", "price_source")


class NoComparison(BadInput):
    """No run with this comparison id is kept here."""


# ---------------------------------------------------------------- what is kept of a comparison


def rows_of(store: Store, comparison_id: str) -> list[dict[str, Any]]:
    """Every row of one comparison, oldest first. Raises NoComparison for an unknown or malformed id."""
    known = ID.fullmatch(comparison_id)
    rows = list(store.rows(Query(comparison_id=comparison_id, sort="seq", descending=False))) if known else []
    if not rows:
        raise NoComparison(f"no comparison {comparison_id[:40]!r} is kept here; the Table lists the ids of those that are")
    return rows


def find_comparison(store: Store, start: str) -> str:
    """The one comparison id that begins with `start`. Raises NoComparison when none does, or more than one."""
    if ID.fullmatch(start):
        return start
    found = {row["comparison_id"] for row in store.rows() if start and str(row["comparison_id"]).startswith(start)}
    if len(found) == 1:
        return found.pop()
    few = ", ".join(sorted(found)[:5])
    raise NoComparison(f"{len(found)} comparisons begin with {start!r}{f': {few}' if few else ''}; give the id of one")


def document(row: Mapping[str, Any], name: str) -> Any:
    """The JSON document in column `name`, None when the column is empty."""
    return json.loads(row[name]) if row.get(name) else None


def sound_hashes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The hash of every sound that the rows name, the inputs first, each once."""
    inputs = [file["sha256"] for row in rows if (file := document(row, "input_file"))]
    return list(dict.fromkeys([*inputs, *(file["sha256"] for row in rows for file in document(row, "output_files") or ())]))


def outline(samples: np.ndarray, count: int = PEAKS) -> list[float]:
    """`count` heights from 0 to 1, evenly spaced over `samples`, float [frames, channels], full scale 1."""
    loudest = np.abs(samples).max(axis=1) if samples.size else np.zeros(0)
    if not loudest.size:
        return []
    edges = np.linspace(0, loudest.size, min(count, loudest.size) + 1).astype(int)
    return [round(float(height), 3) for height in np.minimum(np.maximum.reduceat(loudest, edges[:-1]), 1.0)]


def packed(wav: bytes) -> tuple[bytes, str, list[float]]:
    """The sound as FLAC where that holds every sample exactly and is smaller, else as it is; its suffix; its outline."""
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float64", always_2d=True)
    peaks = outline(samples)
    for bits, subtype in ((16, "PCM_16"), (24, "PCM_24")):
        whole = samples * 2 ** (bits - 1)
        exact = samples.size and (whole == np.rint(whole)).all() and -samples.min() <= 1 and samples.max() < 1
        if not exact or samples.shape[1] > 8:
            continue
        integers, flac = (whole * 2 ** (32 - bits)).astype(np.int32), io.BytesIO()
        soundfile.write(flac, integers, rate, format="FLAC", subtype=subtype)
        again, _ = soundfile.read(io.BytesIO(flac.getvalue()), dtype="int32", always_2d=True)
        if np.array_equal(again, integers) and flac.tell() < len(wav):
            return flac.getvalue(), "flac", peaks
        break
    return wav, "wav", peaks


# ---------------------------------------------------------------- making one


def _environment_secrets() -> list[str]:
    return [value for name, value in os.environ.items() if re.search("KEY|TOKEN|SECRET|PASSWORD", name) and len(value) >= 8]


def shared(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as it may leave this machine: its known columns, without a path of this machine or what looks like a key."""
    secrets = _environment_secrets()
    folders = {str(folder) for folder in (home(), Path.home(), Path.cwd()) if folder != Path("/")}

    def safe(text: str) -> str:
        hidden = clean(text, secrets, limit=len(text) + 3)
        text = hidden if "***" in hidden and "***" not in text else text
        for folder in folders:
            text = text.replace(f"{folder}/", "…/").replace(folder, "…")
        return _PATH.sub("…", text)

    def walked(value: Any) -> Any:
        if isinstance(value, str):
            return safe(value)
        if isinstance(value, dict):
            return {name: walked(item) for name, item in value.items()}
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return [walked(item) for item in value] if isinstance(value, list) else value

    kept = {}
    for name, column in COLUMNS.items():
        value = row.get(name)
        if value is None:
            continue
        if isinstance(value, str) and name in _OUTPUTS:
            for secret in secrets:
                value = value.replace(secret, "***")
        elif column.kind == "json":
            held = json.loads(value)
            if (safe_document := walked(held)) != held:
                value = json.dumps(safe_document, ensure_ascii=False, sort_keys=True)
        elif isinstance(value, str):
            value = safe(value)
        kept[name] = value
    return kept


def _entry(name: str, *, stored: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    entry.create_system, entry.external_attr = 3, 0o600 << 16
    return entry


def save(store: Store, comparison_id: str, file: str | Path | BinaryIO) -> None:
    """Write the capsule of one comparison; a path is replaced only when all is written. Raises NoComparison, OSError."""
    rows = rows_of(store, comparison_id)
    if not isinstance(file, str | Path):
        _write(store, comparison_id, rows, file)
        return
    unfinished = Path(f"{file}.part")
    try:
        with unfinished.open("wb") as opened:
            _write(store, comparison_id, rows, opened)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(store: Store, comparison_id: str, rows: list[dict[str, Any]], file: BinaryIO) -> None:
    sounds: dict[str, Any] = {}
    missing: dict[str, str] = {}
    room = MOST_SOUND_BYTES
    with zipfile.ZipFile(file, "w") as archive:
        written = set()
        for place, sha256 in enumerate(sound_hashes(rows)):
            try:
                data, kind, peaks = packed(store.read_blob(sha256))
            except BlobDamaged:
                missing[sha256] = "The sound is missing or damaged where the comparison was made."
                continue
            if len(data) > room or place >= MOST_SOUNDS:
                missing[sha256] = f"Left out: a capsule holds at most {MOST_SOUND_BYTES / 1e6:g} MB and {MOST_SOUNDS} sounds."
                continue
            named = hashlib.sha256(data).hexdigest()
            if named not in written:
                archive.writestr(_entry(f"blobs/{named}.{kind}", stored=kind == "flac"), data)
                written.add(named)
                room -= len(data)
            sounds[sha256] = {"file": f"{named}.{kind}", "bytes": len(data), "peaks": peaks}
        lines = b"".join(
            json.dumps(shared(row), ensure_ascii=False, sort_keys=True, allow_nan=False).encode() + b"\n" for row in rows
        )
        archive.writestr(_entry("rows.jsonl", stored=False), lines)
        tests, left_out = kept_tests(store, comparison_id, rows)
        votes = b"".join(json.dumps(test, ensure_ascii=False, sort_keys=True, allow_nan=False).encode() + b"\n" for test in tests)
        if tests:
            archive.writestr(_entry("votes.jsonl", stored=False), votes)
        manifest = {
            "format": FORMAT,
            "version": VERSION_WITH_VOTES if tests else VERSION,
            "app_version": __version__,
            "comparison_id": comparison_id,
            "task": rows[0]["task"],
            "rows": len(rows),
            "rows_sha256": hashlib.sha256(lines).hexdigest(),
            "sounds": sounds,
            "missing": missing,
            "columns": {name: {"unit": column.unit, "meaning": column.meaning} for name, column in COLUMNS.items()},
        }
        if tests:
            manifest |= {"votes_sha256": hashlib.sha256(votes).hexdigest(), "tests_left_out": left_out}
        archive.writestr(
            _entry("manifest.json", stored=False), json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()
        )


# ---------------------------------------------------------------- command line


def add_parser(commands: Any) -> None:
    command = commands.add_parser("capsule", help="one comparison as one file, with inputs, sounds, versions and prices")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("save", help="write the capsule of a comparison that is kept here")
    action.add_argument("comparison", help="its id, or the start of it")
    action.add_argument("file", type=Path)
    action = actions.add_parser("open", help="check a capsule and print its table")
    action.add_argument("file", type=Path)
    action.add_argument("--extract", type=Path, metavar="DIR", help="write its sounds and its rows as CSV")
    action = actions.add_parser("report", help="one HTML page that opens offline")
    action.add_argument("comparison", help="an id, the start of one, or a capsule file")
    action.add_argument("file", type=Path)


def run(chosen: argparse.Namespace) -> int:
    """Exit status 0; what is wrong with the arguments or the file is raised as BadInput."""
    try:
        if chosen.action == "open":
            _open(chosen.file, chosen.extract)
        elif chosen.action == "report" and chosen.comparison.endswith(SUFFIX):
            from comparisons.report import write_report

            with open_capsule(chosen.comparison) as capsule:
                write_report(capsule, capsule.comparison_id, chosen.file)
        else:
            from comparisons.report import write_report

            with Store(home(), upkeep=False) as store:
                write = save if chosen.action == "save" else write_report
                write(store, find_comparison(store, chosen.comparison), chosen.file)
    except OSError as error:
        raise BadInput(f"{error.filename or chosen.file} could not be written: {error.strerror}") from None
    if chosen.action != "open":
        sys.stderr.write(f"wrote {chosen.file}\n")
    return 0


def _open(file: Path, folder: Path | None) -> None:
    with open_capsule(file) as capsule:
        sys.stdout.write(f"comparison {capsule.comparison_id}, made by Soundcheck {clean(capsule.manifest['app_version'])}\n")
        sys.stdout.write(f"{console_table(capsule.rows)}\n")
        for why in absences(capsule, capsule.rows):
            sys.stdout.write(f"{why}\n")
        for ballot in ballots(capsule, capsule.comparison_id, capsule.rows):
            sys.stdout.write(_ballot_text(ballot))
        if folder is not None:
            written = extract(capsule, folder)
            sys.stderr.write(f"wrote {written} files to {folder}\n")


def absences(source: Store | Capsule, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a reader would look for and not find, one sentence each."""
    said = []
    if TASKS[rows[0]["task"]].takes_audio and not any(row["input_file"] for row in rows):
        said.append("The input sound was not kept when this comparison was made.")
    if isinstance(source, Capsule):
        said += dict.fromkeys(source.manifest["missing"].values())
        if left_out := source.manifest["tests_left_out"]:
            said.append(f"{left_out} older blind {'test' if left_out == 1 else 'tests'} found no room in the capsule.")
    return said


def ballots(source: Store | Capsule, comparison_id: str, rows: Sequence[Mapping[str, Any]]) -> list[Ballot]:
    """What the finished blind tests of the comparison say, the newest first."""
    documents = source.tests if isinstance(source, Capsule) else kept_tests(source, comparison_id, rows)[0]
    return ballots_of(documents, rows)


def _ballot_text(ballot: Ballot) -> str:
    lines = [f"  {clean(name)}: {value} ({interval}, {n}) {note}".rstrip() for name, value, interval, n, note in lines_of(ballot)]
    said = ballot.outcome
    return "\n".join(["", headed(ballot), said.verdict, f"{said.unit}:", *lines, *said.notes, ""])


def named_sounds(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """A plain file name without suffix, and the hash, of every sound of the rows."""
    inputs = dict.fromkeys(file["sha256"] for row in rows if (file := document(row, "input_file")))
    for place, sha256 in enumerate(inputs, 1):
        yield ("input" if place == 1 else f"input-{place}"), sha256
    for place, row in enumerate(rows, 1):
        for file in document(row, "output_files") or ():
            part = "" if file["name"] == "output" else f"-{plain(file['name'])}"
            yield f"{place:02}-{plain(row['engine_id'])}-{row['repeat'] or 1:g}{part}", file["sha256"]


def plain(text: str) -> str:
    """Letters, digits and hyphens alone: nothing that a file system or a spreadsheet reads as more than a name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)[:60].strip("-") or "unnamed"


def extract(capsule: Capsule, folder: Path) -> int:
    """Write rows.csv and every sound under names made here; how many. None is ever replaced: FileExistsError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rows.csv").open("xb") as file:
        write_csv(capsule.rows, file)
    count = 1
    for name, sha256 in named_sounds(capsule.rows):
        path = capsule.sound_path(sha256)
        if path is not None:
            with (folder / f"{name}{path.suffix}").open("xb") as file:
                file.write(path.read_bytes())
            count += 1
    return count
