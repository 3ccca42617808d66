"""One comparison, or one run over a dataset, in one file: its rows and sounds, and a reader that takes no byte of it on trust.

A capsule is a zip of
    blobs/<sha256>.flac   a sound, named by the hash of these bytes; .wav where FLAC cannot hold it exactly
    rows.jsonl            one run per line: what was asked, sent and answered, times, versions, prices
    votes.jsonl           one finished blind test per line, its listeners as numbers; only where there are any
    manifest.json         format, id, task, which sound is where, what is missing, unit and meaning of every column
The same comparison gives the same bytes. Hashes show damage, not who made the file. Keys, sessions and paths stay behind.
    BadInput
      NoComparison   the id names nothing that is kept here
      BadCapsule     the file is no capsule, is damaged, or holds more than a capsule may
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from comparisons import __version__
from comparisons._capsule_reader import (
    FORMAT,
    MOST_ROWS,
    MOST_SOUND_BYTES,
    MOST_SOUNDS,
    PEAKS,
    VERSION,
    VERSION_OF_BATCH,
    VERSION_WITH_VOTES,
    BadCapsule,
    Capsule,
    open_capsule,
)
from comparisons.blobs import BlobDamaged
from comparisons.capsule_votes import Ballot, ballots_of, kept_tests
from comparisons.columns import COLUMNS
from comparisons.kept_batch import BATCH_ID
from comparisons.kept_comparison import NoComparison, rows_of, shared, sound_hashes
from comparisons.store import Store
from engine.contract import BadInput
from engine.tasks import TASKS

__all__ = ["BadCapsule", "Capsule", "NoComparison", "open_capsule", "save"]

SUFFIX = ".soundcheck"


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


def _entry(name: str, *, stored: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    entry.create_system, entry.external_attr = 3, 0o600 << 16
    return entry


def save(store: Store, comparison_id: str, file: str | Path | BinaryIO) -> None:
    """Write the capsule; a path is replaced only when all is written. Raises BadInput, OSError."""
    rows = rows_of(store, comparison_id)
    if len(rows) > MOST_ROWS:
        raise BadInput(f"this run has {len(rows):,} rows and a capsule holds {MOST_ROWS:,}: take the rows as CSV or JSONL")
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
    whole = BATCH_ID.fullmatch(comparison_id) is not None
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
            "version": VERSION_OF_BATCH if whole else VERSION_WITH_VOTES if tests else VERSION,
            "app_version": __version__,
            "batch_id" if whole else "comparison_id": comparison_id,
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
