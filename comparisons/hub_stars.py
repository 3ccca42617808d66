"""Stars that were given to a run after it had been pushed: lines of the hub dataset, and back into a store that has the run.

A line names its run by what makes a run one of a kind, not by its number, which is another in every store.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comparisons._capsule_reader import ID, BadCapsule, parsed
from comparisons.query import Query
from comparisons.store import Store

_RUN = ("comparison_id", "engine_id", "repeat", "created_at")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")

Star = dict[str, Any]
"""`_RUN`, `stars` from 1 to 5, and `rated_at`, ISO 8601 in UTC."""


def run_identity(row: Mapping[str, Any]) -> bytes:
    """What tells a run from every other, 16 bytes; the same in every store."""
    return hashlib.sha256("\0".join(str(row[name]) for name in _RUN).encode()).digest()[:16]


def star_identity(star: Star) -> bytes:
    return run_identity(star) + f"{star['rated_at']} {star['stars']}".encode()


def stars_of(store: Store, after: int) -> tuple[list[Star], int]:
    """Stars given after that rating, oldest first, without those of runs that cannot be named; the number of the last."""
    given, last = store.ratings(after)
    rows = {row["seq"]: row for row in store.numbered({each["seq"]: None for each in given})}
    stars = [
        {name: rows[each["seq"]][name] for name in _RUN} | {"stars": each["stars"], "rated_at": each["created_at"]}
        for each in given
        if each["seq"] in rows
    ]
    return [star for star in stars if ID.fullmatch(star["comparison_id"] or "")], last


def star_in(row: Mapping[str, Any]) -> Star | None:
    """The stars that a row itself carries, as if they had been given when it was made."""
    if row["rating"] is None:
        return None
    return {name: row[name] for name in _RUN} | {"stars": row["rating"], "rated_at": row["created_at"]}


def checked_star(line: bytes) -> Star:
    """One line that anybody may have written. Raises BadCapsule."""
    star = parsed(line)
    sound = (
        isinstance(star, dict)
        and set(star) == {*_RUN, "stars", "rated_at"}
        and isinstance(star["comparison_id"], str)
        and ID.fullmatch(star["comparison_id"])
        and all(isinstance(star[name], str) and len(star[name]) <= 200 for name in ("engine_id", "created_at", "rated_at"))
        and type(star["repeat"]) is int
        and type(star["stars"]) is int
        and 1 <= star["stars"] <= 5
        and _TIME.fullmatch(star["rated_at"])
    )
    if not sound:
        raise BadCapsule("a line is no star")
    return star


def encoded(star: Star) -> bytes:
    return json.dumps(star, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def restore(store: Store, stars: Iterable[Star]) -> int:
    """Give the store's runs these stars; how many were new. One older than the run has here is left out: the latest counts."""
    added, given_here = 0, store.ratings()[0]
    latest = {each["seq"]: each["created_at"] for each in given_here}
    known = {(each["seq"], each["created_at"], each["stars"]) for each in given_here}  # two may share a millisecond
    for comparison_id, given in _by_comparison(stars):
        here = {run_identity(row): row["seq"] for row in store.rows(Query(comparison_id=comparison_id))}
        for star in given:
            seq, rated_at = here.get(run_identity(star)), star["rated_at"]
            if seq is None or rated_at < latest.get(seq, "") or (seq, rated_at, star["stars"]) in known:
                continue
            store.rate(seq, star["stars"], given_at=rated_at)
            latest[seq] = rated_at
            known.add((seq, rated_at, star["stars"]))
            added += 1
    return added


def _by_comparison(stars: Iterable[Star]) -> Iterator[tuple[str, list[Star]]]:
    found: dict[str, list[Star]] = {}
    for star in sorted(stars, key=lambda star: star["rated_at"]):
        found.setdefault(star["comparison_id"], []).append(star)
    yield from found.items()
