"""Runs as rows of SQLite: the schema, what a row may hold, and the checksum that every row carries."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson

from comparisons.columns import COLUMNS, Column
from comparisons.query import clean

log = logging.getLogger(__name__)

# SQLite's words about a damaged file may themselves be damaged
FAULTS = (sqlite3.DatabaseError, UnicodeDecodeError)
REQUIRED = ("created_at", "task", "engine_id", "status")
STORED = tuple(name for name in COLUMNS if name != "rating")
_LONG = ("output_text", "error", "reference")
_INDEXES = {
    "created_at": "created_at",
    "task": "task, created_at",
    "engine_id": "engine_id, created_at",
    "session": "session, created_at",
    "where": '"where"',
    **{
        name: name
        for name in ("comparison_id", "engine_name", "vendor", "status", "first_s", "total_s", "rtf", "cost_usd", "wer")
    },
}
_TRIGGERS = {
    f"{table}_refuse_{change.lower()}": (change, table) for table in ("runs", "ratings") for change in ("UPDATE", "DELETE")
}
_NAMES = {"runs", "ratings", "ratings_by_seq", *_TRIGGERS, *(f"runs_by_{name}" for name in _INDEXES)}
_FLAGS = tuple(name for name, column in COLUMNS.items() if column.kind == "flag")
_WHOLE = tuple(name for name in STORED if COLUMNS[name].kind == "number" and COLUMNS[name].decimals == 0)
_UNKNOWN: dict[str, Any] = {**dict.fromkeys(COLUMNS), "seq": None}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sql_type(column: Column) -> str:
    return {"flag": "INTEGER", "number": "REAL"}.get(column.kind, "TEXT")


def _layout() -> list[str]:
    """The columns, long texts last: SQLite then reads less of each row to filter and sort."""
    long = [name for name in STORED if name in _LONG or COLUMNS[name].kind == "json"]
    return [name for name in STORED if name not in long] + long


def column_names(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("PRAGMA table_info(runs)")}


def add_columns(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    for name in sorted(set(names) - column_names(connection)):
        kind = _sql_type(COLUMNS[name]) if name in COLUMNS else ""
        connection.execute(f"ALTER TABLE runs ADD COLUMN {quoted(name)} {kind}")


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables, or add the columns that the dictionary has gained. Nothing is ever dropped."""
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if present >= _NAMES and column_names(connection) >= set(STORED):
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS runs (seq INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT, sha256 TEXT NOT NULL, "
        + ", ".join(f"{quoted(name)} {_sql_type(COLUMNS[name])}{' NOT NULL' * (name in REQUIRED)}" for name in _layout())
        + ")"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS ratings (id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, "
        "created_at TEXT NOT NULL, stars INTEGER NOT NULL, session TEXT, sha256 TEXT NOT NULL)"
    )
    add_columns(connection, STORED)
    for name, columns in _INDEXES.items():
        connection.execute(f"CREATE INDEX IF NOT EXISTS runs_by_{name} ON runs ({columns})")
    connection.execute("CREATE INDEX IF NOT EXISTS ratings_by_seq ON ratings (seq)")
    for name, (change, table) in _TRIGGERS.items():
        connection.execute(
            f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} can only be added to'); END"
        )
    connection.execute("COMMIT")


def _value(name: str, value: Any) -> Any:
    kind = COLUMNS[name].kind
    if kind == "flag" and value in (True, False):
        return int(value)
    if kind == "number" and isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)  # as SQLite gives it back, so that the checksum holds
        log.warning("column %s: %r is not a number and is kept as unknown", name, value)
        return None
    if kind in ("text", "json") and isinstance(value, str):
        return clean(value)
    raise ValueError(f"column {name!r} takes a {kind}, got {value!r:.100}")


def settled(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as it is kept: known columns with a value. NaN and infinity become unknown.

    Raises ValueError for an unknown column, a value of the wrong kind, or a missing time, task, engine or status.
    """
    if unknown := sorted(set(row) - set(COLUMNS) - {"seq"}):
        raise ValueError(f"unknown columns {unknown!r}; known: {', '.join(COLUMNS)}")
    if missing := [name for name in REQUIRED if not row.get(name)]:
        raise ValueError(f"a run needs {', '.join(missing)}")
    values = {name: _value(name, row[name]) for name in STORED if row.get(name) is not None}
    return {name: value for name, value in values.items() if value is not None}


def digest(values: Mapping[str, Any]) -> str:
    """sha256 over the canonical JSON (sorted names, no spaces) of the values that are known."""
    return hashlib.sha256(orjson.dumps({name: values[name] for name in sorted(values) if values[name] is not None})).hexdigest()


@functools.lru_cache(256)
def _insertion(table: str, names: tuple[str, ...], clash: str = "") -> str:
    return f"INSERT {clash} INTO {table} ({', '.join(map(quoted, names))}) VALUES ({', '.join('?' * len(names))})"


def insert(connection: sqlite3.Connection, table: str, values: Mapping[str, Any], *, clash: str = "") -> int:
    """Add one row and its checksum within the transaction that is open; how many were added. `clash`: such as "OR IGNORE"."""
    row = {**values, "sha256": digest(values)}
    return connection.execute(_insertion(table, tuple(row), clash), tuple(row.values())).rowcount


def next_seq(connection: sqlite3.Connection) -> int:
    """The number that the next run gets; it holds only within the transaction that is open."""
    (last,) = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'runs'").fetchone()
    return (last or 0) + 1


def read(connection: sqlite3.Connection, seqs: Iterable[int], on_damage: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    """Verified rows, their known values by database column, in the order of `seqs`.

    `on_damage` hears of the rows that are missing or cannot be trusted; SQLite's errors about single rows are theirs.
    """
    seqs = iter(seqs)
    while wanted := list(islice(seqs, 500)):
        try:
            found = _select(connection, wanted)
        except FAULTS:
            found = {}
            for seq in wanted:
                with contextlib.suppress(*FAULTS):
                    found |= _select(connection, [seq])
        for seq in wanted:
            if (row := found.get(seq)) is None:
                on_damage(seq)
            else:
                yield row


def _select(connection: sqlite3.Connection, seqs: list[int]) -> dict[int, dict[str, Any]]:
    # asked for at every turn: another process may have added columns since
    names = sorted(column_names(connection) - {"sha256"})
    where = f"WHERE seq IN ({', '.join('?' * len(seqs))})"
    found = {row["seq"]: row for row in _verified(connection, "runs", names, where, seqs)}
    for rating in ratings(connection, where, seqs):
        if rating["seq"] in found:
            found[rating["seq"]]["rating"] = rating["stars"]
    return found


def ratings(connection: sqlite3.Connection, where: str = "", values: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
    """Verified ratings, oldest first."""
    return _verified(connection, "ratings", ["created_at", "seq", "session", "stars"], f"{where} ORDER BY id", values)


def _verified(
    connection: sqlite3.Connection, table: str, names: list[str], rest: str, values: Sequence[Any]
) -> Iterator[dict[str, Any]]:
    # `names` are sorted, which makes the JSON canonical without another sort for each row
    for *row, sha256 in connection.execute(f"SELECT {', '.join(map(quoted, names))}, sha256 FROM {table} {rest}", values):
        known = {name: value for name, value in zip(names, row, strict=True) if value is not None}
        try:
            if hashlib.sha256(orjson.dumps(known)).hexdigest() == sha256:
                yield known
        except TypeError:  # damage can turn a text into bytes
            continue


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the database as the rest of the product sees it: every column of the dictionary, and seq."""
    values = _UNKNOWN | row
    for name in values.keys() - _UNKNOWN.keys():
        del values[name]
    for name in _FLAGS:
        if values[name] is not None:
            values[name] = bool(values[name])
    for name in _WHOLE:
        if values[name] is not None and values[name].is_integer():
            values[name] = int(values[name])
    return values
