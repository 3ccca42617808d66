"""A damaged history made whole again: every row that still matches its checksum, from the damaged file and its copies."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comparisons import records

log = logging.getLogger(__name__)

_KEPT = 2
_LEFT_OVER_S = 3_600.0
_RATING = ("seq", "created_at", "stars", "session")
_SMALLEST_ROW_BYTES = 64


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")


def newest(folder: Path, pattern: str) -> list[Path]:
    """Paths whose names hold a stamp, newest first."""
    return sorted(folder.glob(pattern), reverse=True)


def is_damage(error: BaseException) -> bool:
    """Whether SQLite found the file itself broken (as against locked, full or out of reach)."""
    return type(error) in records.FAULTS or str(error).startswith(("no such table", "no such column", "Could not decode"))


def copy(folder: Path, connection: sqlite3.Connection) -> None:
    """A compact copy of the open history in `copies/`, of which the newest two are kept. Readers and writers go on."""
    copies = folder / "copies"
    copies.mkdir(mode=0o700, exist_ok=True)
    for left_over in copies.glob("*.tmp"):
        if time.time() - left_over.stat().st_mtime > _LEFT_OVER_S:
            left_over.unlink(missing_ok=True)
    unfinished = copies / f"{stamp()}.tmp"
    try:
        connection.execute("VACUUM INTO ?", (str(unfinished),))
    except sqlite3.Error:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(copies / f"runs-{unfinished.stem}.db")
    for old in newest(folder, "copies/runs-*.db")[_KEPT:]:
        old.unlink(missing_ok=True)


def fault(folder: Path, *, thorough: bool) -> str | None:
    """What is wrong with `runs.db`, in a few words, or None. `thorough` reads the whole file (SQLite's quick_check)."""
    path = folder / "runs.db"
    if not path.exists() or not path.stat().st_size:
        earlier = any(any(folder.glob(pattern)) for pattern in ("runs.db-wal", "copies/*.db", "damaged/*", "blobs/??/*"))
        return ("is empty" if path.exists() else "is missing") if earlier else None
    connection = sqlite3.connect(path, timeout=60)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"runs", "ratings"} <= tables:
            return "has lost its tables"
        if thorough and (answer := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            return f"is damaged ({answer!r:.80})"
        if tables:
            broken: list[int] = []
            last = [seq for (seq,) in connection.execute("SELECT max(seq) FROM runs") if seq is not None]
            list(records.read(connection, last, broken.append))
            if broken:
                return "holds damaged rows"
    except records.FAULTS as error:
        if is_damage(error):
            return f"is damaged ({str(error)!r:.80})"
        raise
    finally:
        connection.close()
    return None


def rebuild(folder: Path, why: str) -> str:
    """Put `runs.db` aside and make a new one of every row that can be trusted; one sentence on what became of it.

    Only while no other process has the history open.
    """
    aside = folder / "damaged" / stamp()
    for name in ("runs.db", "runs.db-wal", "runs.db-shm"):
        if (folder / name).exists():
            aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / name).replace(aside / name)
    fresh = folder / "runs.db.new"
    for name in ("runs.db.new", "runs.db.new-wal", "runs.db.new-shm", "runs.db.new-journal"):
        (folder / name).unlink(missing_ok=True)
    sources = [path / "runs.db" for path in newest(folder, "damaged/*")] + newest(folder, "copies/runs-*.db")
    connection = sqlite3.connect(fresh, isolation_level=None)
    try:
        records.prepare(connection)
        connection.execute("BEGIN")
        stars: set[tuple[Any, ...]] = set()
        counts = [(_take(connection, path, stars), path) for path in sources]
        for rating in sorted(stars, key=lambda rating: rating[1]):
            records.insert(connection, "ratings", dict(zip(_RATING, rating, strict=True)))
        connection.execute("COMMIT")
    finally:
        connection.close()
    fresh.replace(folder / "runs.db")
    for old in newest(folder, "damaged/*")[_KEPT:]:
        shutil.rmtree(old)
    found = ", ".join(f"{count} from {str(path.relative_to(folder))!r}" for count, path in counts if count)
    total = sum(count for count, _ in counts)
    sentence = f"the history {str(folder / 'runs.db')!r} {why}: {total} runs were restored" + (f" ({found})" if found else "")
    if aside.exists():
        sentence += f"; what was there is kept in {str(aside)!r}"
    log.warning("%s", sentence)
    return sentence


def _take(into: sqlite3.Connection, path: Path, stars: set[tuple[Any, ...]]) -> int:
    """Add the trusted runs of `path` whose numbers are still free, and its ratings to `stars`; how many runs."""
    if not path.exists() or not path.stat().st_size:
        return 0
    source = sqlite3.connect(path, timeout=60)
    known, count = records.column_names(into), 0
    try:
        for row in _rows(source, path.stat().st_size):
            if not known.issuperset(row):
                records.add_columns(into, row)
                known = records.column_names(into)
            count += records.insert(into, "runs", row, clash="OR IGNORE")
        stars.update(_ratings(source))
    finally:
        source.close()
    return count


def _ratings(source: sqlite3.Connection) -> list[tuple[Any, ...]]:
    found = []
    try:
        for rating in records.ratings(source):
            found.append(tuple(rating.get(name) for name in _RATING))
    except records.FAULTS as error:
        log.warning("ratings were read in part only: %s", error)
    return found


def _rows(source: sqlite3.Connection, size: int) -> Iterator[dict[str, Any]]:
    # rows are numbered from 1 without gaps, so the file's size bounds the numbers even where the index is gone
    limit = size // _SMALLEST_ROW_BYTES
    try:
        (last,) = source.execute("SELECT max(seq) FROM runs").fetchone()
        limit = min(limit, last or 0)
    except records.FAULTS:
        if not _has_runs(source):
            return
    for row in records.read(source, range(1, limit + 1), lambda seq: None):
        row.pop("rating", None)
        yield {name: value for name, value in row.items() if value is not None}


def _has_runs(source: sqlite3.Connection) -> bool:
    try:
        return bool(source.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone())
    except records.FAULTS:
        return False
