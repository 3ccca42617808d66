"""A batch in the store: its id, its rows, and the lock that keeps two starts of it apart."""

from __future__ import annotations

import fcntl
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from comparisons.query import Query
from comparisons.store import Store
from engine.contract import BadInput

BATCH_ID = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{8}(?:[0-9a-f]{8})?")


def new_batch_id() -> str:
    """The start in UTC, from which on the store is searched, and 64 random bits: whoever knows the id may see the rows."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}"


def _began(batch_id: str) -> str:
    found = BATCH_ID.fullmatch(batch_id)
    if not found:
        raise BadInput(f"{batch_id[:80]!r} is no batch id; one looks like 20260131T235959Z-0123abcd")
    return "{}-{}-{}T{}:{}:{}".format(*found.groups())


def rows_of(store: Store, batch_id: str, task: str | None = None, session: str | None = None) -> Iterator[dict[str, Any]]:
    """The kept rows of a batch, oldest first, those of failed tries included. Raises BadInput for what is no batch id."""
    query = Query(task=task, session=session, since=_began(batch_id), sort="seq", descending=False)
    return (row for row in store.rows(query) if row["batch_id"] == batch_id)


def final_rows(store: Store, batch_id: str, task: str | None = None, session: str | None = None) -> Iterator[dict[str, Any]]:
    """One row per item, engine and repeat: the good one, or the last where none was good. Two passes, so memory stays flat."""
    best: dict[tuple[str, str, int], tuple[bool, int]] = {}
    for row in rows_of(store, batch_id, task, session):
        key = (row["item"], row["engine_id"], row["repeat"])
        best[key] = max(best.get(key, (False, 0)), (row["status"] == "ok", row["seq"]))
    chosen = {seq for _, seq in best.values()}
    return (row for row in rows_of(store, batch_id, task, session) if row["seq"] in chosen)


def claim(store: Store, batch_id: str) -> BinaryIO:
    """A lock that ends with the process, however it ends: two starts of one batch would both pay."""
    _began(batch_id)
    folder = store.folder / "batches"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = (folder / f"{batch_id}.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BadInput(f"the batch {batch_id} is under way already") from None
    return file
