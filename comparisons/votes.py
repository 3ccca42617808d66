"""What listeners said in blind tests: an append-only table in votes.db, and the statistics over it.

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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.blobs import Blobs, DiskFull, is_full
from engine.contract import EngineError
from engine.environment import home

log = logging.getLogger(__name__)

MOST_LISTENERS = 500
"""Per test: a link that gets around must not fill the disk."""
BOOTSTRAPS = 2_000
CONFIDENCE = 0.95
LISTENERS_TO_RESAMPLE = 5
"""From this many on whole listeners are resampled, because votes of one person go together; below, single votes."""
PRIOR_SD = 2.0
"""Standard deviation of the prior on a strength, in log-odds: keeps an engine that won every vote at a finite place."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_TIMEOUT_S = 60.0


class VoteRefused(EngineError):
    """The sentence says why, for the person who voted."""


class VotesFailed(EngineError):
    """votes.db could not be read or written."""


# ---------------------------------------------------------------- storage


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


# ---------------------------------------------------------------- statistics


@dataclass(frozen=True)
class Estimate:
    """A figure over `n` votes with its 95 % interval; None where there are no votes."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Pairing:
    """One vote between two of the items: `score` is 1 when `first` won, 0 when `second` did, 0.5 for a tie."""

    listener: int
    first: int
    second: int
    score: float


def strengths(wins: np.ndarray) -> np.ndarray:
    """Bradley-Terry strengths in log-odds, mean 0, for each table of wins; float64 [..., items].

    `wins`: [..., items, items], `wins[i, j]` is how often i beat j, a tie half a win for each. Newton's method on the
    likelihood with a normal prior of `PRIOR_SD`.
    """
    wins = np.asarray(wins, dtype=np.float64)
    items = wins.shape[-1]
    games = wins + np.swapaxes(wins, -1, -2)
    theta = np.zeros(wins.shape[:-1])
    diagonal = np.eye(items)
    for _ in range(100):
        chance = 1.0 / (1.0 + np.exp(theta[..., None, :] - theta[..., :, None]))
        slope = (wins - games * chance).sum(axis=-1) - theta / PRIOR_SD**2
        weight = games * chance * (1.0 - chance)
        curve = (weight.sum(axis=-1) + 1.0 / PRIOR_SD**2)[..., None] * diagonal - weight
        step = np.clip(np.linalg.solve(curve, slope[..., None])[..., 0], -1.0, 1.0)
        theta = theta + step
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    return theta - theta.mean(axis=-1, keepdims=True)


def preference(items: int, pairings: Sequence[Pairing], seed: int = 0) -> list[Estimate]:
    """Per item the chance to be preferred over an average item of the same test, from Bradley-Terry strengths.

    Each pair that was compared gets one more win on either side, so that three votes of one mind do not look certain;
    intervals are percentiles of a bootstrap over votes and these. `n` counts the votes that the item took part in.
    """
    if not pairings:
        return [Estimate(None, None, None, 0)] * items
    compared = sorted({tuple(sorted((pairing.first, pairing.second))) for pairing in pairings})
    added = [Pairing(-1, *pair, score) for pair in compared for score in (0.0, 1.0)]
    pool = [*pairings, *added]
    tables = np.zeros((len(pool), items, items))
    for row, pairing in zip(tables, pool, strict=True):
        row[pairing.first, pairing.second] += pairing.score
        row[pairing.second, pairing.first] += 1.0 - pairing.score
    sums = _resampled(tables.reshape(len(pool), -1), [pairing.listener for pairing in pool], seed)
    drawn = strengths(sums.reshape(-1, items, items))
    chances = 1.0 / (1.0 + np.exp(-drawn))
    value = 1.0 / (1.0 + np.exp(-strengths(tables.sum(axis=0))))
    counts = [sum(item in (pairing.first, pairing.second) for pairing in pairings) for item in range(items)]
    return [_between(value[item], chances[:, item], counts[item]) for item in range(items)]


def means(items: int, scores: Sequence[tuple[int, int, float]], seed: int = 0) -> list[Estimate]:
    """Per item the mean of its scores, given as (listener, item, score), with bootstrap intervals. One score has no interval."""
    if not scores:
        return [Estimate(None, None, None, 0)] * items
    features = np.zeros((len(scores), 2 * items))
    for row, (_, item, score) in zip(features, scores, strict=True):
        row[item], row[items + item] = score, 1.0
    sums = _resampled(features, [listener for listener, _, _ in scores], seed)
    total, found = features.sum(axis=0), []
    for item in range(items):
        n = int(total[items + item])
        if n < 2:
            found.append(Estimate(total[item] if n else None, None, None, n))
            continue
        there = sums[:, items + item] > 0
        drawn = sums[there, item] / sums[there, items + item]
        found.append(_between(total[item] / n, drawn, n))
    return found


def share_correct(right: int, n: int) -> tuple[Estimate, float | None]:
    """The share of right answers with the exact (Clopper-Pearson) interval, and the exact binomial p-value.

    p is the chance of at least `right` of `n` by guessing.
    """
    if not n:
        return Estimate(None, None, None, 0), None
    from scipy.stats import binomtest

    tested = binomtest(right, n, 0.5, alternative="greater")
    interval = binomtest(right, n).proportion_ci(CONFIDENCE, method="exact")
    return Estimate(right / n, float(interval.low), float(interval.high), n), float(tested.pvalue)


def _resampled(features: np.ndarray, listeners: Sequence[int], seed: int) -> np.ndarray:
    """Sums of the votes' features over bootstrap samples, float64 [BOOTSTRAPS, features]. Listener -1 is nobody."""
    of = np.asarray(listeners)
    known, place = np.unique(of[of >= 0], return_inverse=True)
    units = features
    if len(known) >= LISTENERS_TO_RESAMPLE:
        units = np.zeros((len(known), features.shape[1]))
        np.add.at(units, place, features[of >= 0])
        units = np.concatenate([units, features[of < 0]])
    count = len(units)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1.0 / count), size=BOOTSTRAPS)
    return times.astype(np.float64) @ units


def _between(value: float, drawn: np.ndarray, n: int) -> Estimate:
    edge = 100.0 * (1.0 - CONFIDENCE) / 2.0
    low, high = np.percentile(drawn, [edge, 100.0 - edge]) if len(drawn) else (None, None)
    return Estimate(float(value), low if low is None else float(low), high if high is None else float(high), n)
