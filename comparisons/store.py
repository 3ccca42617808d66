"""The history: one row per engine run in SQLite, only ever added to, and the sounds that the rows name.

A row is committed when `add` returns and carries a checksum; a row that no longer matches it is left out, logged and counted.
`PRAGMA quick_check` runs at start-up only after an unclean end; every row's checksum is looked at once a day, in the background.
    EngineError
      DiskFull      no space left; what was kept before stays readable
      BlobDamaged   a sound is missing or altered
      StoreFailed   SQLite could not do it; the sentence says what it said
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from comparisons import records, salvage
from comparisons._grouped import grouped
from comparisons.blobs import HASH, BlobDamaged, Blobs, DiskFull, drop_ballast, is_full, lay_ballast
from comparisons.query import Query, clean, filter_sql, order_sql
from engine.contract import EngineError
from engine.environment import home

__all__ = ["BlobDamaged", "DiskFull", "Query", "Store", "StoreFailed"]

log = logging.getLogger(__name__)

Kept = TypeVar("Kept")
_TIMEOUT_S = 60.0
_DAY_S = 86_400.0
_ORPHAN_S = 3_600.0
_FIRST_UPKEEP_S, _UPKEEP_S = 10.0, 3_600.0


class StoreFailed(EngineError):
    """The history could not be read or written for another reason than a full disk."""


class Store:
    """`folder` holds runs.db, blobs/, copies/ and, after damage, damaged/. Safe for threads and for several processes.

    `durable`, or SOUNDCHECK_DURABLE=1, makes a commit also survive a power loss, at about a fifth of the speed.
    `upkeep=False` leaves out the background thread. `notice` is a sentence when start-up had to restore something,
    `copy_notice` one while the copy that is kept elsewhere (comparisons/hub_dataset.py) cannot be brought up to date.
    """

    def __init__(self, folder: Path | None = None, *, durable: bool | None = None, upkeep: bool = True) -> None:
        self.folder = home() if folder is None else Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.notice: str | None = None
        self.copy_notice: str | None = None
        self._durable = os.environ.get("SOUNDCHECK_DURABLE") == "1" if durable is None else durable
        self._blobs = Blobs(self.folder / "blobs", durable=self._durable)
        self._damaged: set[int] = set()
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._lock_file = _lock_file(self.folder)
        try:
            self._writer = self._open()
        except BaseException:
            self._lock_file.close()
            raise
        self._finalizer = weakref.finalize(self, _release, self._writer, self._lock_file, self._stop)
        if upkeep:
            threading.Thread(target=_keep_up, args=(weakref.ref(self), self._stop), name="history upkeep", daemon=True).start()

    # ---------------------------------------------------------------- opening and closing

    def _open(self) -> sqlite3.Connection:
        # the lock is exclusive while one process checks and repairs, then shared for as long as the history is open
        alone = _locked(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not alone:
            fcntl.flock(self._lock_file, fcntl.LOCK_SH)
        try:
            connection = self._start(repair=alone)
        except (*records.FAULTS, OSError) as error:
            if not is_full(error, self.folder):
                raise StoreFailed(f"the history in {str(self.folder)!r} cannot be opened: {error}") from error
            drop_ballast(self.folder)
            try:
                connection = self._start(repair=alone)
            except (*records.FAULTS, OSError):
                raise DiskFull(self.folder, "the history") from None
        if alone:
            with contextlib.suppress(OSError):  # without the mark the next start only skips its check
                os.pwrite(self._lock_file.fileno(), b"open".ljust(8), 0)
            fcntl.flock(self._lock_file, fcntl.LOCK_SH)
            lay_ballast(self.folder)
        return connection

    def _start(self, *, repair: bool) -> sqlite3.Connection:
        if repair:
            mark = os.pread(self._lock_file.fileno(), 8, 0).strip()
            why = "held damaged rows" if mark == b"damaged" else salvage.fault(self.folder, thorough=mark == b"open")
            if why is not None:
                self.notice = salvage.rebuild(self.folder, why)
        connection = self._connect()
        connection.execute("PRAGMA journal_mode = WAL")
        records.prepare(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.folder / "runs.db", timeout=_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
        return connection

    def close(self) -> None:
        """Release the history; the next start then needs no check. Called at exit if nobody did before."""
        self._finalizer()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---------------------------------------------------------------- writing

    def _transact(self, what: str, work: Callable[[sqlite3.Connection], Kept]) -> Kept:
        with self._writing:
            try:
                if not lay_ballast(self.folder):
                    raise DiskFull(self.folder, what)
                try:
                    return self._commit(work)
                except sqlite3.Error as error:
                    if not is_full(error, self.folder):
                        raise
                # one more write fits into the ballast; the rest of it lets SQLite read, export and restart
                drop_ballast(self.folder)
                kept = self._commit(work)
                log.warning("the disk of %s is full: this was the last write that fitted", self.folder)
                return kept
            except (*records.FAULTS, OSError) as error:
                if is_full(error, self.folder):
                    raise DiskFull(self.folder, what) from None
                raise self._failed(f"{what} could not be kept", error) from error

    def _commit(self, work: Callable[[sqlite3.Connection], Kept]) -> Kept:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            kept = work(self._writer)
            self._writer.execute("COMMIT")
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        return kept

    def add(self, row: Mapping[str, Any], session: str | None = None) -> int:
        """Keep one run; its number. It is committed on return. Raises ValueError, DiskFull or StoreFailed."""
        return self.add_all([row], session)[0]

    def add_all(self, rows: Iterable[Mapping[str, Any]], session: str | None = None) -> list[int]:
        """Keep several runs in one transaction: all of them or none. Their numbers."""
        settled = [(records.settled(row), _stars(row.get("rating"))) for row in rows]
        session = None if session is None else clean(session)

        def work(connection: sqlite3.Connection) -> list[int]:
            first = records.next_seq(connection)
            for seq, (values, stars) in enumerate(settled, first):
                records.insert(connection, "runs", {"seq": seq, "session": session, **values})
                if stars is not None:
                    records.insert(connection, "ratings", _rating(seq, stars, session))
            return list(range(first, first + len(settled)))

        return self._transact(f"{len(settled)} run" + "s" * (len(settled) != 1), work)

    def rate(self, seq: int, stars: int, session: str | None = None, *, given_at: str | None = None) -> None:
        """Give a run 1 to 5 stars; the latest rating is the one shown, earlier ones stay on record. Raises ValueError.

        `given_at` (ISO 8601, UTC) is for stars that were given elsewhere before.
        """
        if stars is None:
            raise ValueError("a rating is 1 to 5 stars, got None")
        stars, session = _stars(stars), None if session is None else clean(session)

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM runs WHERE seq = ?", (seq,)).fetchone() is None:
                raise ValueError(f"there is no run {seq!r}")
            records.insert(connection, "ratings", _rating(seq, stars, session, given_at))

        self._transact("a rating", work)

    # ---------------------------------------------------------------- reading

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = self._connect()
        try:
            yield connection
        except records.FAULTS as error:
            raise self._failed("the history cannot be read", error) from error
        finally:
            connection.close()

    def _seqs(self, connection: sqlite3.Connection, query: Query, *, page: bool) -> Iterator[int]:
        where, values = filter_sql(query)
        bounds = [query.limit, query.offset] if page else [-1, 0]
        cursor = connection.execute(f"SELECT seq FROM runs {where} {order_sql(query)} LIMIT ? OFFSET ?", [*values, *bounds])
        return (seq for (seq,) in cursor.fetchall())

    def page(self, query: Query) -> list[dict[str, Any]]:
        """At most `query.limit` rows, each with every column and seq. Fewer when a row failed its checksum."""
        with self._reading() as connection:
            seqs = self._seqs(connection, query, page=True)
            return [records.shown(row) for row in records.read(connection, seqs, self._on_damage)]

    def rows(self, query: Query | None = None) -> Iterator[dict[str, Any]]:
        """Every row that passes the filter, in order, a few at a time; offset and limit are not used.

        A row that fails its checksum is left out, logged, and counted by `damaged()`.
        """
        with self._reading() as connection:
            seqs = self._seqs(connection, query or Query(), page=False)
            for row in records.read(connection, seqs, self._on_damage):
                yield records.shown(row)

    def numbered(self, seqs: Iterable[int]) -> list[dict[str, Any]]:
        """The rows of these numbers, those that fail their checksum left out."""
        with self._reading() as connection:
            return [records.shown(row) for row in records.read(connection, seqs, self._on_damage)]

    def ids_beginning(self, start: str, most: int) -> list[str]:
        """Ids of comparisons and of runs over datasets that begin so, at most `most`."""
        found: list[str] = []
        with self._reading() as connection:
            for column in ("comparison_id", "batch_id"):
                bounds = [clean(start), clean(start) + "\U0010ffff", most]
                rows = connection.execute(
                    f"SELECT DISTINCT {column} FROM runs WHERE {column} >= ? AND {column} < ? LIMIT ?", bounds
                )
                found += [each for (each,) in rows]
        return found[:most]

    def ratings(self, after: int = 0) -> tuple[list[dict[str, Any]], int]:
        """What was given after the rating with that number, oldest first: seq of the run, stars, created_at; the last number."""
        with self._reading() as connection:
            (last,) = connection.execute("SELECT max(id) FROM ratings").fetchone()
            found = records.ratings(connection, "WHERE id > ? AND id <= ?", [after, last or 0])
            return [{name: each[name] for name in ("seq", "stars", "created_at")} for each in found], max(after, last or 0)

    def count(self, query: Query | None = None) -> int:
        """How many rows pass the filter, those not yet known to be damaged included."""
        where, values = filter_sql(query or Query())
        with self._reading() as connection:
            return connection.execute(f"SELECT count(*) FROM runs {where}", values).fetchone()[0]

    def grouped(
        self, by: str, query: Query | None = None, measures: Sequence[str] = (), *, whole: str | None = None
    ) -> list[dict[str, Any]]:
        """One dictionary per value of `by`, the newest first: see comparisons/_grouped.py. Raises ValueError for another name."""
        with self._reading() as connection:
            return grouped(connection, self._damaged, by, query or Query(), measures, whole)

    def damaged(self) -> int:
        """How many rows were found not to match their checksum since start-up. The next start restores those it can."""
        return len(self._damaged)

    def _on_damage(self, seq: int) -> None:
        if seq not in self._damaged:
            self._damaged.add(seq)
            log.warning("run %d in %s does not match its checksum and is left out", seq, self.folder / "runs.db")
            self._mark_damaged()

    def _failed(self, what: str, error: Exception) -> StoreFailed:
        sentence = f"{what} ({str(self.folder / 'runs.db')!r}: {error})"
        if not salvage.is_damage(error):
            return StoreFailed(sentence)
        self._mark_damaged()
        return StoreFailed(f"{sentence}; restart, and every run that can be trusted is restored")

    def _mark_damaged(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # a full disk or a closed history: the next read finds the damage again
            os.pwrite(self._lock_file.fileno(), b"damaged".ljust(8), 0)

    # ---------------------------------------------------------------- sounds

    def put_blob(self, data: bytes, suffix: str = ".wav") -> str:
        """Keep the bytes of a sound, before the row that names them; their sha256. Raises DiskFull."""
        return self._blobs.put(data, suffix)

    def has_fresh_blob(self, sha256: str, suffix: str = ".wav") -> bool:
        """Whether a sound lies there, put so lately that no upkeep takes it before its row is kept. Its bytes are not checked."""
        return self._blobs.has_since(time.time() - _ORPHAN_S / 2, sha256, suffix)

    def blob_path(self, sha256: str, suffix: str = ".wav") -> Path:
        """Where a sound lies, unchecked. Raises ValueError for a name that is not 64 hex digits."""
        return self._blobs.path(sha256, suffix)

    def read_blob(self, sha256: str, suffix: str = ".wav") -> bytes:
        """The bytes of a sound. Raises BlobDamaged when they are missing or altered."""
        return self._blobs.read(sha256, suffix)

    # ---------------------------------------------------------------- upkeep

    def upkeep(self, *, orphan_age_s: float = _ORPHAN_S, copy_age_s: float = _DAY_S) -> None:
        """Remove sounds without a row, and copy the history when the last copy is old. Neither while a row is damaged."""
        candidates = list(self._blobs.older_than(orphan_age_s))
        due = self._copy_due(copy_age_s)
        if not candidates and not due:
            return
        named: set[str] = set()
        for index, row in enumerate(self.rows(Query(sort="seq", descending=False))):
            named.update(HASH.findall(f"{row['output_files']} {row['input_file']}"))
            if index % 100 == 99 and self._stop.wait(0.01):  # leave the processor to the runs that are being timed
                return
        if self._damaged:
            return
        self._blobs.remove([path for path in candidates if path.name[:64] not in named], orphan_age_s)
        if due:
            with self._reading() as connection:
                salvage.copy(self.folder, connection)

    def _copy_due(self, age_s: float) -> bool:
        copies = salvage.newest(self.folder, "copies/runs-*.db")
        if copies and time.time() - copies[0].stat().st_mtime < age_s:
            return False
        return self.count() > 0


def _lock_file(folder: Path) -> BinaryIO:
    path = folder / "runs.lock"
    path.touch(mode=0o600)
    return path.open("r+b", buffering=0)


def _locked(file: BinaryIO, how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def _rating(seq: int, stars: int, session: str | None, given_at: str | None = None) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"seq": seq, "created_at": given_at or now, "stars": stars, "session": session}


def _stars(stars: Any) -> int | None:
    if stars is not None and (isinstance(stars, bool) or stars not in (1, 2, 3, 4, 5)):
        raise ValueError(f"a rating is 1 to 5 stars, got {stars!r}")
    return None if stars is None else int(stars)


def _release(writer: sqlite3.Connection, lock_file: BinaryIO, stop: threading.Event) -> None:
    stop.set()
    with contextlib.suppress(sqlite3.Error):
        writer.close()
    # only the last to leave may say that all went well
    if _locked(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB) and os.pread(lock_file.fileno(), 8, 0).strip() == b"open":
        lock_file.truncate(0)
    lock_file.close()


def _keep_up(store: weakref.ref[Store], stop: threading.Event) -> None:
    wait_s = _FIRST_UPKEEP_S
    while not stop.wait(wait_s):
        if (opened := store()) is None:
            return
        try:
            opened.upkeep()
        except (EngineError, OSError) as error:
            log.warning("the upkeep of the history stopped: %s", error)
        del opened
        wait_s = _UPKEEP_S
