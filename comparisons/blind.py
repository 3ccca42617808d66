"""Blind listening tests out of kept comparisons: what there is to listen to, and making a test of one input or of many."""

from __future__ import annotations

import json
import random
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comparisons.kept_batch import final_rows
from comparisons.listening_kinds import KINDS, LENGTHS, MOST_ENGINES, MOST_TRIALS, REFERENCE, ROUNDS, SHARES
from comparisons.query import Query
from comparisons.settle import visible_line
from comparisons.stimuli import MOST_SECONDS, Take, stimuli_of
from comparisons.store import Store
from comparisons.trials import order_for, questions_of
from comparisons.votes import VoteRefused, Votes
from engine.audio import Audio
from engine.contract import BadInput
from engine.tasks import TASKS

MOST_TESTS = 50
"""Per session, where visitors have sessions of their own: every test keeps copies of its sounds."""
MOST_INPUTS = 40
MOST_POOLED_S = 900.0
"""Sound in a test over several inputs; from a dataset with more, inputs are drawn at random, and the test says so."""
MOST_CHOSEN = 200
_SHOWN_BATCHES, _ROWS_OF_A_BATCH = 4, 2_000

# ---------------------------------------------------------------- what there is to listen to


@dataclass(frozen=True)
class Offer:
    """A comparison, or one item of a dataset run, that a test can be made of."""

    comparison_id: str
    task: str
    input_name: str
    created_at: str
    takes: tuple[Take, ...]

    @property
    def engines(self) -> dict[str, str]:
        return {take.engine_id: take.engine_name for take in self.takes}


@dataclass(frozen=True)
class BatchOffer:
    """A dataset run that a test can be made of. `more`: it has further items that were not looked at for this offer."""

    batch_id: str
    task: str
    created_at: str
    items: tuple[Offer, ...]
    more: bool

    @property
    def engines(self) -> dict[str, str]:
        return {engine_id: name for item in self.items for engine_id, name in item.engines.items()}


def offers(store: Store, session: str | None = None, limit: int = 12, looked_at: int = 400) -> list[Offer]:
    """The newest comparisons with sounds, newest first, without those of dataset runs."""
    rows = store.page(Query(status="ok", group=("batch", None), session=session, limit=looked_at))
    found = _by(rows, "comparison_id")
    return [offer for offer in found if offer.takes][:limit]


def batch_offers(store: Store, session: str | None = None) -> list[BatchOffer]:
    """The newest dataset runs with sounds, newest first."""
    found: list[BatchOffer] = []
    for group in store.grouped("batch", Query(status="ok", session=session)):
        if len(found) == _SHOWN_BATCHES:
            break
        query = Query(status="ok", batch_id=group["value"], session=session, sort="seq", limit=_ROWS_OF_A_BATCH)
        if group["value"] is None or not any(row["output_files"] for row in store.page(_first(query))):
            continue
        rows = store.page(query)
        items = tuple(offer for offer in _by(rows, "item") if offer.takes)
        if items:
            more = group["ok"] > _ROWS_OF_A_BATCH
            found.append(BatchOffer(group["value"], items[0].task, items[0].created_at, items, more))
    return found


def _first(query: Query) -> Query:
    return Query(**{**vars(query), "limit": 1})


def _by(rows: Iterable[Mapping[str, Any]], column: str) -> list[Offer]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["output_files"] and row[column]:
            grouped.setdefault(row[column], []).append(row)
    return [_offer(rows) for rows in grouped.values()]


def offer_of(store: Store, comparison_id: str, session: str | None = None) -> Offer:
    """Raises VoteRefused for a comparison that is unknown here or has no sounds."""
    rows = store.page(Query(comparison_id=comparison_id, status="ok", session=session, limit=1_000))
    offer = _offer(rows) if rows else None
    if offer is None or not offer.takes:
        raise VoteRefused(
            "this comparison has no sounds to listen to: run text to speech, music, separation or a spoken answer first"
        )
    return offer


def _offer(rows: Sequence[Mapping[str, Any]]) -> Offer:
    takes: dict[tuple[str, str], Take] = {}
    for row in sorted(rows, key=lambda row: (row["repeat"] or 1, row["engine_id"])):
        try:
            files = json.loads(row["output_files"] or "[]")
        except ValueError:
            continue
        who = (row["engine_id"], row["engine_name"] or row["engine_id"])
        for file in files:
            take = Take(*who, file["name"], file["sha256"], file["seconds"], row["comparison_id"])
            takes.setdefault((take.engine_id, take.group.casefold()), take)
    first = rows[0]
    return Offer(
        first["comparison_id"],
        first["task"],
        visible_line(first["input_name"] or "", 80),
        first["created_at"],
        tuple(takes.values()),
    )


# ---------------------------------------------------------------- making a test


def make_test(
    store: Store,
    votes: Votes,
    comparison_id: str,
    kind: str,
    *,
    engine_ids: Sequence[str] = (),
    share: float = 0.5,
    rounds: int | None = None,
    references: Mapping[str, Audio] | None = None,
    session: str | None = None,
    seed: int | None = None,
) -> str:
    """A new test over the sounds of one comparison; its id.

    `engine_ids` leaves engines out, () takes all. `share` of each sound has to be heard before a vote counts. `references`: by
    name of the sound, case ignored, for MUSHRA. Raises VoteRefused with what to change, BlobDamaged, DiskFull.
    """
    if rounds is not None and rounds not in ROUNDS.get(kind, ()):
        raise VoteRefused("this number of rounds is not offered: choose one from the list")
    _check(votes, kind, share, session)
    offer = offer_of(store, comparison_id, session)
    groups = _groups(offer, kind, engine_ids)
    if not groups:
        raise _too_few(kind)
    seed = secrets.randbits(31) if seed is None else seed
    body = {
        "kind": kind,
        "comparison_id": comparison_id,
        "task": offer.task,
        "input_name": offer.input_name,
        "seed": seed,
        "share": share,
        "rounds": rounds or {"ab": 1, "cmos": 1, "abx": 10}.get(kind, 1),
        "stimuli": {},
    }
    given = {name.casefold(): audio for name, audio in (references or {}).items()} if kind == "mushra" else {}
    for name, takes in groups.items():
        reference = given.get(name, next(iter(given.values())) if len(given) == len(groups) == 1 else None)
        body["stimuli"] |= stimuli_of(store, votes, takes, kind, reference, random.Random(f"{seed} {name}"), len(body["stimuli"]))
    if given and not any(each["role"] == REFERENCE for each in body["stimuli"].values()):
        raise VoteRefused(f"no reference has the name of a sound here ({', '.join(groups)}): name the files like the sounds")
    count = len(order_for(body, 1))
    if count > MOST_TRIALS:
        raise VoteRefused(f"this would be {count} votes for each listener and {MOST_TRIALS} are the most: tick fewer engines")
    return votes.add_test(body, session)


def make_pooled_test(
    store: Store,
    votes: Votes,
    comparison_ids: Sequence[str],
    kind: str,
    *,
    batch_id: str | None = None,
    engine_ids: Sequence[str] = (),
    share: float = 0.5,
    length: int = 20,
    references: Mapping[str, Audio] | None = None,
    session: str | None = None,
    seed: int | None = None,
) -> str:
    """A new test over the sounds of several comparisons, or of the dataset run `batch_id`; its id.

    Each listener gets `length` questions, drawn so that engines, pairs and inputs come equally often over all listeners.
    Raises VoteRefused with what to change, BlobDamaged, DiskFull.
    """
    if length not in LENGTHS:
        raise VoteRefused("this number of votes is not offered: choose one from the list")
    _check(votes, kind, share, session)
    if references:
        raise VoteRefused("a reference belongs to one input: take it out, or make the test of one comparison")
    seed = secrets.randbits(31) if seed is None else seed
    if batch_id is not None:
        given = _items_of(store, batch_id, session)
    else:
        given = [offer_of(store, each, session) for each in dict.fromkeys(comparison_ids[:MOST_CHOSEN])]
    if len({offer.task for offer in given}) > 1:
        raise VoteRefused("these comparisons are of different tasks: choose some of one task")
    usable = [(offer, groups) for offer in given if (groups := _groups(offer, kind, engine_ids))]
    if len(usable) < 2:
        raise _too_few(kind, "two inputs or more, and on each of them ")
    if len({take.engine_id for _, groups in usable for takes in groups.values() for take in takes}) > MOST_ENGINES:
        raise _too_many()
    drawn = _drawn(usable, seed)
    stimuli: dict[str, dict[str, Any]] = {}
    for place, (_, groups) in enumerate(drawn):
        for name, takes in groups.items():
            chance = random.Random(f"{seed} {place} {name}")
            stimuli |= stimuli_of(store, votes, takes, kind, None, chance, len(stimuli), place)
    body = {
        "kind": kind,
        "comparison_ids": sorted({each["comparison_id"] for each in stimuli.values()}),
        "batch_id": batch_id,
        "task": given[0].task,
        "input_name": f"{len(drawn)} inputs",
        "inputs": _distinct([offer.input_name for offer, _ in drawn]),
        "inputs_there": len(given),
        "seed": seed,
        "share": share,
        "length": length,
        "questions": questions_of(kind, stimuli, seed),
        "stimuli": stimuli,
    }
    return votes.add_test(body, session)


def _check(votes: Votes, kind: str, share: float, session: str | None) -> None:
    if kind not in KINDS or share not in SHARES:
        raise VoteRefused("this kind of test or share is not offered: choose one from the lists")
    if session is not None and len(votes.tests(session, MOST_TESTS)) >= MOST_TESTS:
        raise VoteRefused(f"this session has made {MOST_TESTS} tests: use one of those")


def _groups(offer: Offer, kind: str, engine_ids: Sequence[str]) -> dict[str, list[Take]]:
    """Sounds by their name, those alone of which there are enough. Raises VoteRefused where there are too many."""
    groups: dict[str, list[Take]] = {}
    for take in offer.takes:
        if not engine_ids or take.engine_id in engine_ids:
            groups.setdefault(take.group.casefold(), []).append(take)
    if max(map(len, groups.values()), default=0) > MOST_ENGINES:
        raise _too_many()
    return {name: takes for name, takes in groups.items() if len(takes) >= KINDS[kind].least}


def _too_many() -> VoteRefused:
    return VoteRefused(f"a test takes {MOST_ENGINES} engines at most: tick fewer")


def _too_few(kind: str, besides: str = "") -> VoteRefused:
    least = KINDS[kind].least
    engines = f"{least} engine{'s' * (least > 1)}"
    return VoteRefused(f"{KINDS[kind].title} needs {besides}{engines} with a sound of the same name: tick more engines")


def _items_of(store: Store, batch_id: str, session: str | None) -> list[Offer]:
    try:
        rows = [row for row in final_rows(store, batch_id, session=session) if row["status"] == "ok"]
    except BadInput:
        rows = []
    found = [offer for offer in _by(rows, "item") if offer.takes]
    if not found:
        raise VoteRefused("this dataset run has no sounds to listen to")
    return found


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, those that come up again with a number behind them."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _drawn(usable: list[tuple[Offer, dict[str, list[Take]]]], seed: int) -> list[tuple[Offer, dict[str, list[Take]]]]:
    """At most MOST_INPUTS inputs and about MOST_POOLED_S of sound, drawn at random, in the order given."""
    chosen, room_s = [], MOST_POOLED_S
    for place in random.Random(seed).sample(range(len(usable)), len(usable)):
        room_s -= sum(min(take.seconds, MOST_SECONDS) for takes in usable[place][1].values() for take in takes)
        if len(chosen) == MOST_INPUTS or (room_s < 0 and len(chosen) > 1):
            break
        chosen.append(place)
    return [usable[place] for place in sorted(chosen)]


def titled(test: Mapping[str, Any]) -> str:
    """What a listener is told before the vote: the task and the input, never an engine."""
    task = TASKS[test["task"]].title if test["task"] in TASKS else test["task"]
    return f"{task} · {test['input_name']}" if test["input_name"] else task
