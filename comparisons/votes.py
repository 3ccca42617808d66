"""What listeners said in blind tests: an append-only table in votes.db.

Kept are the sounds' hashes, choices, shares heard and times; a listener is a random token made here, nothing of a person.
    EngineError
      DiskFull      no space left
      VoteRefused   the test or listener is unknown, the vote was given already, or it is not one that the test takes
      VotesFailed   SQLite could not do it; the sentence says what it said
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comparisons.blobs import Blobs, DiskFull, is_full
from engine.contract import EngineError
from engine.environment import home

log = logging.getLogger(__name__)

MOST_LISTENERS = 500
"""Per test: a link that gets around must not fill the disk."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_TIMEOUT_S = 60.0


class VoteRefused(EngineError):
    """The sentence says why, for the person who voted."""


class VotesFailed(EngineError):
    """votes.db could not be read or written."""


class Votes:
    """`folder` holds votes.db and listening/, the sounds of the tests. Safe for threads, several processes and kill -9."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = home() if folder is None else Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = self.folder / "votes.db"
        self.sounds = Blobs(self.folder / "listening")
        self.path.touch(mode=0o600)
        with self._open("the votes could not be opened") as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, "
                "test_id TEXT NOT NULL, key TEXT NOT NULL UNIQUE, session TEXT, created_at TEXT NOT NULL, body TEXT NOT NULL, "
                "sha256 TEXT NOT NULL)"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS entries_by_test ON entries (test_id, kind)")
            connection.execute("CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (kind, session)")
            for change in ("UPDATE", "DELETE"):
                connection.execute(
                    f"CREATE TRIGGER IF NOT EXISTS entries_refuse_{change.lower()} BEFORE {change} ON entries "
                    "BEGIN SELECT RAISE(ABORT, 'entries can only be added to'); END"
                )

    @contextlib.contextmanager
    def _open(self, what: str) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_TIMEOUT_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                yield connection
        except sqlite3.IntegrityError:
            raise VoteRefused("this vote was given already; the first one stays") from None
        except sqlite3.Error as error:
            if is_full(error, self.folder):
                raise DiskFull(self.folder, "the vote") from None
            raise VotesFailed(f"{what} ({str(self.path)!r}: {error})") from error

    def _add(
        self, connection: sqlite3.Connection, kind: str, test_id: str, key: str, body: dict[str, Any], session: str | None = None
    ) -> None:
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, allow_nan=False)
        created_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        connection.execute(
            "INSERT INTO entries (kind, test_id, key, session, created_at, body, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (kind, test_id, f"{kind} {key}", session, created_at, text, _digest(kind, test_id, key, created_at, text)),
        )

    def _read(self, where: str, values: Sequence[Any], rest: str = "ORDER BY seq") -> list[dict[str, Any]]:
        with self._open("the votes could not be read") as connection:
            rows = connection.execute(
                f"SELECT kind, test_id, key, created_at, body, sha256, session FROM entries WHERE {where} {rest}", values
            ).fetchall()
        found = []
        for kind, test_id, key, created_at, body, sha256, session in rows:
            if _digest(kind, test_id, key.removeprefix(f"{kind} "), created_at, body) != sha256:
                log.warning("an entry of kind %s in %s does not match its checksum and is left out", kind, self.path)
                continue
            found.append({**json.loads(body), "created_at": created_at, "test_id": test_id, "session": session})
        return found

    def add_test(self, body: dict[str, Any], session: str | None = None) -> str:
        """Keep a test; its id, which nobody can guess."""
        test_id = secrets.token_urlsafe(16)
        with self._open("the test could not be kept") as connection:
            self._add(connection, "test", test_id, test_id, body, session)
        return test_id

    def test(self, test_id: Any) -> dict[str, Any]:
        """What `add_test` was given, with test_id, created_at and session. Raises VoteRefused for an unknown id."""
        found = self._read("key = ?", [f"test {test_id}"]) if _is_token(test_id) else []
        if not found:
            raise VoteRefused("there is no such listening test: ask for a new link")
        return found[0]

    def tests(self, session: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
        """The newest tests, of one session or of all, each with `listeners` and `votes`, how many there are."""
        where, values = ("kind = 'test'", []) if session is None else ("kind = 'test' AND session = ?", [session])
        found = self._read(where, [*values, limit], "ORDER BY seq DESC LIMIT ?")
        with self._open("the votes could not be read") as connection:
            for test in found:
                counts = connection.execute(
                    "SELECT kind, count(*) FROM entries WHERE test_id = ? GROUP BY kind", [test["test_id"]]
                ).fetchall()
                test |= {"listeners": dict(counts).get("listener", 0), "votes": dict(counts).get("vote", 0)}
        return found

    def tests_of(self, comparison_ids: AbstractSet[str]) -> list[dict[str, Any]]:
        """Every test that has sounds of one of these comparisons, oldest first."""
        named = [json.dumps(each) for each in comparison_ids] if len(comparison_ids) == 1 else []
        found = self._read("kind = 'test'" + " AND instr(body, ?) > 0" * len(named), named)
        return [test for test in found if comparison_ids & {test.get("comparison_id"), *test.get("comparison_ids", ())}]

    def join(self, test_id: str, order_for: Callable[[int], list[dict[str, Any]]]) -> str:
        """A new listener's token. `order_for(number)` gives the trials in that listener's order, which is kept with it."""
        self.test(test_id)
        token = secrets.token_urlsafe(16)
        with self._open("the listener could not be kept") as connection:
            connection.execute("BEGIN IMMEDIATE")
            (count,) = connection.execute(
                "SELECT count(*) FROM entries WHERE test_id = ? AND kind = 'listener'", [test_id]
            ).fetchone()
            if count >= MOST_LISTENERS:
                raise VoteRefused(f"this test has had {MOST_LISTENERS} listeners and takes no more: make a new one")
            self._add(
                connection,
                "listener",
                test_id,
                f"{test_id} {token}",
                {"number": count + 1, "token": token, "trials": order_for(count + 1)},
            )
            connection.execute("COMMIT")
        return token

    def listener(self, test_id: str, token: Any) -> dict[str, Any] | None:
        """number, token and trials of a listener of this test; None for anybody else."""
        found = self._read("key = ?", [f"listener {test_id} {token}"]) if _is_token(token) and _is_token(test_id) else []
        return found[0] if found else None

    def listeners(self, test_id: str) -> list[dict[str, Any]]:
        return self._read("test_id = ? AND kind = 'listener'", [test_id])

    def vote(self, test_id: str, token: str, trial: int, body: dict[str, Any]) -> None:
        """Keep one vote; it is committed on return. Raises VoteRefused when this listener has voted in this trial already."""
        with self._open("the vote could not be kept") as connection:
            self._add(connection, "vote", test_id, f"{test_id} {token} {trial}", {**body, "token": token, "trial": trial})

    def votes(self, test_id: str, token: str | None = None) -> list[dict[str, Any]]:
        """Every vote of a test, or of one of its listeners, in the order given."""
        if token is None:
            return self._read("test_id = ? AND kind = 'vote'", [test_id])
        start = f"vote {test_id} {token} "
        return self._read("key >= ? AND key < ?", [start, f"{start}~"]) if _is_token(token) and _is_token(test_id) else []


def _is_token(text: Any) -> bool:
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()
