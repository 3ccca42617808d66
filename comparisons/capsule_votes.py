"""The blind-test votes that go with one comparison: taken from the history or from a capsule, and what they say.

Only listeners who have answered every question are counted. A listener is a number of this file alone: tokens, times and the
order in which people came stay behind.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comparisons.listening_kinds import ANCHOR, KINDS, MOST_ENGINES, MOST_TRIALS, REFERENCE, SHARES
from comparisons.outcomes import Answer, Outcome, answers_of, outcome_of
from comparisons.store import Store
from comparisons.trials import checked_choice
from comparisons.votes import MOST_LISTENERS, VoteRefused, Votes

MOST_TESTS, MOST_VOTES, MOST_BYTES = 20, 30_000, 4_000_000
"""Of one comparison; the newest tests come first."""
MOST_SOUNDS, MOST_INPUTS = 200, 1_000_000
_MADE_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_FIELDS = {"kind", "made_at", "share", "inputs", "sounds", "votes"}
_ROLES = ("engine", REFERENCE, ANCHOR)


class BadVotes(ValueError):
    """A test that cannot be one of this comparison; the words follow "the capsule holds"."""


@dataclass(frozen=True)
class Ballot:
    """What one finished test says about a comparison. `inputs`: over how many the test went; only this one's votes are here.

    Of a run over a dataset the votes on all its inputs are here, and `inputs` is 1.
    """

    kind: str
    made_at: str
    inputs: int
    outcome: Outcome


# ---------------------------------------------------------------- out of the history


def kept_tests(store: Store, comparison_id: str, rows: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The finished votes on this comparison's sounds, one document per test, the newest first; how many tests found no room."""
    if not (store.folder / "votes.db").exists():
        return [], 0
    votes, known = Votes(store.folder), _sounds_of(rows)
    found, room, most, left_out = [], MOST_BYTES, MOST_VOTES, 0
    for test in reversed(votes.tests_of({row["comparison_id"] for row in rows})):
        document = _document(votes, test, comparison_id, rows, known)
        if not document["votes"]:
            continue
        if len(document["sounds"]) > MOST_SOUNDS:
            left_out += 1
            continue
        room, most = room - len(json.dumps(document)), most - len(document["votes"])
        if len(found) == MOST_TESTS or room < 0 or most < 0:
            left_out += 1
            continue
        found.append(document)
    return found, left_out


def _document(
    votes: Votes, test: Mapping[str, Any], name: str, rows: Sequence[Mapping[str, Any]], known: set[tuple[str, str]]
) -> dict[str, Any]:
    named = _groups(rows)
    ours = {}
    for key, stimulus in test["stimuli"].items():
        comparison_id = stimulus.get("comparison_id") or test.get("comparison_id")
        if comparison_id not in named:
            continue
        group = f"{named[comparison_id]}{stimulus['group']}"
        if stimulus["role"] != "engine" or (stimulus["engine_id"], group.casefold()) in known:
            ours[key] = {**stimulus, "group": group}
    places = {key: place for place, key in enumerate(ours)}
    answers = answers_of(votes, test, finished=True)
    names = _pseudonyms(votes, test, name, {answer.listener for answer in answers})
    counted = [
        [names[answer.listener], [places[key] for key in answer.trial["sounds"]], places.get(answer.trial["x"]), answer.choice]
        for answer in answers
        if all(key in ours for key in answer.trial["sounds"])
    ]
    return {
        "kind": test["kind"],
        "made_at": test["created_at"][:16],
        "share": test["share"],
        "inputs": test.get("inputs_there", 1) if len(named) == 1 else 1,
        "sounds": [{name: each[name] for name in ("role", "engine_id", "group", "cut")} for each in ours.values()],
        "votes": sorted(counted, key=lambda vote: (vote[0], json.dumps(vote))),
    }


def _pseudonyms(votes: Votes, test: Mapping[str, Any], comparison_id: str, numbers: set[int]) -> dict[int, int]:
    """Numbers from 1 in an order that nobody can tell who does not know the listeners' tokens, and that is always the same."""
    tokens = {each["number"]: each["token"] for each in votes.listeners(test["test_id"])}
    hashed = sorted(numbers, key=lambda number: hashlib.sha256(f"{comparison_id} {tokens[number]}".encode()).digest())
    return {number: place for place, number in enumerate(hashed, 1)}


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What goes before the name of a sound, by comparison: nothing, or its number where the rows are of several inputs."""
    ids = list(dict.fromkeys(row["comparison_id"] for row in rows))
    return {each: "" if len(ids) == 1 else f"{place}/" for place, each in enumerate(ids, 1)}


def _sounds_of(rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Engine and name of every sound of the rows."""
    named = _groups(rows)
    return {
        (row["engine_id"], f"{named[row['comparison_id']]}{file['name']}".casefold())
        for row in rows
        if row["status"] == "ok"
        for file in json.loads(row["output_files"] or "[]")
    }


# ---------------------------------------------------------------- out of a capsule


def checked_tests(documents: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The documents of a stranger, every field looked at against the rows, which are checked already. Raises BadVotes."""
    known = _sounds_of(rows)
    if len(documents) > MOST_TESTS:
        raise BadVotes(f"more than {MOST_TESTS} listening tests")
    for document in documents:
        if not isinstance(document, dict) or set(document) != _FIELDS or not _is_head(document):
            raise BadVotes("a listening test that is not as it should be")
        if not _are_sounds(document["sounds"], document["kind"], known):
            raise BadVotes("a listening test of sounds that are not its own")
        if not isinstance(document["votes"], list) or not all(_is_vote(vote, document) for vote in document["votes"]):
            raise BadVotes("a vote that nobody can have given")
        most = Counter(vote[0] for vote in document["votes"]).most_common(1)
        if not most or most[0][1] > MOST_TRIALS:
            raise BadVotes("a listening test without votes, or with more of one listener than there are questions")
    if sum(len(document["votes"]) for document in documents) > MOST_VOTES:
        raise BadVotes(f"more than {MOST_VOTES:,} votes")
    return tuple(documents)


def _is_head(given: Mapping[str, Any]) -> bool:
    return (
        isinstance(given["kind"], str)
        and given["kind"] in KINDS
        and isinstance(given["made_at"], str)
        and _MADE_AT.fullmatch(given["made_at"]) is not None
        and type(given["share"]) in (int, float)
        and given["share"] in SHARES
        and _is_count(given["inputs"], 1, MOST_INPUTS)
    )


def _are_sounds(given: Any, kind: str, known: set[tuple[str, str]]) -> bool:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_SOUNDS:
        return False
    seen, groups = set(), {group for _, group in known}
    for sound in given:
        if not isinstance(sound, dict) or set(sound) != {"role", "engine_id", "group", "cut"} or type(sound["cut"]) is not bool:
            return False
        role, engine_id, group = sound["role"], sound["engine_id"], sound["group"]
        if not all(isinstance(each, str) for each in (role, engine_id, group)) or role not in _ROLES:
            return False
        who = (role, engine_id, group.casefold())
        control = kind == "mushra" and engine_id == "" and group.casefold() in groups
        if who in seen or not ((engine_id, group.casefold()) in known if role == "engine" else control):
            return False
        seen.add(who)
    return len({engine_id for _, engine_id, _ in seen if engine_id}) <= MOST_ENGINES


def _is_vote(given: Any, test: Mapping[str, Any]) -> bool:
    if not isinstance(given, list) or len(given) != 4:
        return False
    listener, places, x, choice = given
    sounds, kind = test["sounds"], test["kind"]
    if not _is_count(listener, 1, MOST_LISTENERS) or not isinstance(places, list) or len(places) > len(sounds):
        return False
    if not all(_is_count(place, 0, len(sounds) - 1) for place in places) or len(set(places)) != len(places):
        return False
    size = {"acr": len(places) == 1, "mushra": len(places) >= 1}.get(kind, len(places) == 2)
    if not size or len({sounds[place]["group"].casefold() for place in places}) != 1:
        return False
    if (x is not None) != (kind == "abx") or (x is not None and (not _is_count(x, 0, len(sounds)) or x not in places)):
        return False
    try:
        checked_choice(kind, choice, len(places))
    except VoteRefused:
        return False
    return True


def _is_count(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


# ---------------------------------------------------------------- what they say


def ballots_of(documents: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> list[Ballot]:
    """What the votes of each test say about the comparison; engines are named as the rows name them."""
    names = {row["engine_id"]: row["engine_name"] or row["engine_id"] for row in rows}
    found = []
    for document in documents:
        stimuli = {
            place: {**sound, "engine_name": names.get(sound["engine_id"], "Hidden reference")}
            for place, sound in enumerate(document["sounds"])
        }
        answers = [
            Answer(listener, {"group": stimuli[places[0]]["group"], "sounds": places, "x": x}, choice)
            for listener, places, x, choice in document["votes"]
        ]
        said = outcome_of({"kind": document["kind"], "stimuli": stimuli}, answers)
        found.append(Ballot(document["kind"], document["made_at"], document["inputs"], said))
    return found


def headed(ballot: Ballot) -> str:
    """The kind, what was counted and when the test was made, in one line."""
    said = ballot.outcome
    parts = [
        f"{said.votes:,} vote{'' if said.votes == 1 else 's'}",
        f"{said.listeners:,} listener{'' if said.listeners == 1 else 's'}",
        f"{ballot.made_at.replace('T', ' ')} UTC",
    ]
    if ballot.inputs > 1:
        parts.insert(2, f"this input alone, of {ballot.inputs:,} in the test")
    return f"{KINDS[ballot.kind].title} · {' · '.join(parts)}"


def figure(value: float | None, kind: str) -> str:
    """A figure of a test as people read it: percent for A/B and ABX."""
    if value is None:
        return "–"
    text = f"{100 * value:.0f} %" if kind in ("ab", "abx") else f"{value:.1f}" if kind == "mushra" else f"{value:.2f}"
    return text.replace("-", "−")


def lines_of(ballot: Ballot) -> list[tuple[str, str, str, str, str]]:
    """Per line of the outcome: name, figure, interval, n, note; the interval says when there is none."""
    return [
        (
            line.name,
            figure(line.estimate.value, ballot.kind),
            "no interval yet"
            if line.estimate.low is None
            else f"{figure(line.estimate.low, ballot.kind)} to {figure(line.estimate.high, ballot.kind)}",
            f"n {line.estimate.n}",
            line.note,
        )
        for line in ballot.outcome.lines
    ]
