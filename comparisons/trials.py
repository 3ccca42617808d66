"""What each listener of a blind test is asked, in which order, and whether an answer counts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from comparisons.listening_kinds import KINDS
from comparisons.votes import VoteRefused, Votes

MOST_QUESTIONS = 2_000
"""That a test over several inputs can ask; they are drawn evenly, so those beyond are simply not asked."""

# ---------------------------------------------------------------- one listener's order


def order_for(test: Mapping[str, Any], number: int) -> list[dict[str, Any]]:
    """The trials of listener `number`, counted from 1: {"group", "sounds": keys from A on, "x": key or None}.

    Every pair of engines comes equally often. Which one is A alternates from listener to listener and from round to round.
    A test over several inputs gives each listener the next stretch of its questions.
    """
    if "questions" in test:
        return _stretch(test, number)
    chance = random.Random(f"{test['seed']} {number}")
    groups: dict[str, list[str]] = {}
    for key, stimulus in test["stimuli"].items():
        groups.setdefault(stimulus["group"].casefold(), []).append(key)
    trials: list[dict[str, Any]] = []
    for name, keys in groups.items():
        group = test["stimuli"][keys[0]]["group"]
        if test["kind"] == "mushra":
            trials.append({"group": group, "sounds": chance.sample(keys, len(keys)), "x": None})
        elif test["kind"] == "acr":
            trials += [{"group": group, "sounds": [key], "x": None} for key in keys]
        else:
            for pair in itertools.combinations(keys, 2):
                trials += _pair_trials(test, name, group, pair, number, chance)
    chance.shuffle(trials)
    return trials


def _pair_trials(
    test: Mapping[str, Any], name: str, group: str, pair: tuple[str, str], number: int, chance: random.Random
) -> list[dict[str, Any]]:
    rounds, first_side = test["rounds"], random.Random(f"{test['seed']} {name} {pair}").randrange(2)
    hidden: list[str | None] = [None] * rounds
    if test["kind"] == "abx":
        hidden = [pair[turn % 2] for turn in range(rounds - rounds % 2)] + [chance.choice(pair)] * (rounds % 2)
        chance.shuffle(hidden)
    swapped = [(first_side + number + turn) % 2 for turn in range(rounds)]
    return [
        {"group": group, "sounds": list(pair[::-1] if swap else pair), "x": x} for swap, x in zip(swapped, hidden, strict=True)
    ]


def questions_of(kind: str, stimuli: Mapping[str, Mapping[str, Any]], seed: int) -> list[list[str]]:
    """Every question over several inputs as the stimuli it asks about, at most MOST_QUESTIONS.

    In any stretch of them each pair of engines (ACR: each engine) comes about equally often, and so does each input and each
    engine as A.
    """
    pages: dict[tuple[int, str], list[str]] = {}
    for key, stimulus in stimuli.items():
        pages.setdefault((stimulus["input"], stimulus["group"].casefold()), []).append(key)
    size = {"mushra": None, "acr": 1}.get(kind, 2)
    asked = [(page, keys) for page, all_keys in pages.items() for keys in itertools.combinations(all_keys, size or len(all_keys))]
    who = [() if size is None else tuple(stimuli[key]["engine_id"] for key in keys) for _, keys in asked]
    places = [np.unique([each[0] for each, _ in asked], return_inverse=True)[1], _numbered(who), _numbered([e for e, _ in asked])]
    counts = [np.zeros(place.max() + 1) for place in places]
    left, first, chance = np.ones(len(asked), bool), {}, np.random.default_rng(seed)
    found = []
    for _ in range(min(len(asked), MOST_QUESTIONS)):
        inputs, pairs, groups = (count[place] for count, place in zip(counts, places, strict=True))
        order = np.lexsort((chance.random(len(asked)), groups, inputs, pairs, ~left))
        took = int(order[0])
        left[took] = False
        for count, place in zip(counts, places, strict=True):
            count[place[took]] += 1
        keys = list(asked[took][1])
        if size == 2:
            keys.sort(key=lambda key: first.get(stimuli[key]["engine_id"], 0))
            for key, step in zip(keys, (1, -1), strict=True):
                first[stimuli[key]["engine_id"]] = first.get(stimuli[key]["engine_id"], 0) + step
        found.append(keys)
    return found


def _numbered(values: Sequence[Any]) -> np.ndarray:
    known: dict[Any, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values])


def _stretch(test: Mapping[str, Any], number: int) -> list[dict[str, Any]]:
    """The trials of listener `number` of a test over several inputs. Once all were asked, they come with A and B exchanged."""
    chance, questions = random.Random(f"{test['seed']} {number}"), test["questions"]
    count = test["length"] if test["kind"] == "abx" else min(test["length"], len(questions))
    trials, turns = [], {}
    for at in range((number - 1) * count, number * count):
        keys, x = list(questions[at % len(questions)]), None
        if test["kind"] == "mushra":
            chance.shuffle(keys)
        elif at // len(questions) % 2:
            keys.reverse()
        if test["kind"] == "abx":
            pair = tuple(sorted(test["stimuli"][key]["engine_id"] for key in keys))
            turns[pair] = turns.get(pair, chance.randrange(2)) + 1
            x = sorted(keys, key=lambda key: test["stimuli"][key]["engine_id"])[turns[pair] % 2]
        trials.append({"group": test["stimuli"][keys[0]]["group"], "sounds": keys, "x": x})
    chance.shuffle(trials)
    return trials


def heard_names(trial: Mapping[str, Any]) -> list[str]:
    """What the sounds of a trial are called before the vote: A, B ... and X."""
    return [chr(ord("A") + place) for place in range(len(trial["sounds"]))] + (["X"] if trial["x"] else [])


def keys_of(trial: Mapping[str, Any]) -> list[str]:
    """The stimuli of a trial in the order of `heard_names`."""
    return [*trial["sounds"], *([trial["x"]] if trial["x"] else [])]


# ---------------------------------------------------------------- voting


def cast(
    votes: Votes,
    test: Mapping[str, Any],
    listener: Mapping[str, Any],
    trial: Any,
    choice: Any,
    heard: Any,
    elapsed_s: float | None,
) -> None:
    """Check a vote as a stranger sent it, and keep it.

    `heard`: the share of each sound that was heard, 0 to 1, in the order of `heard_names`. `elapsed_s`: seconds since the trial
    was handed out: nobody has heard more than fits into them. Raises VoteRefused.
    """
    trials = listener["trials"]
    if not isinstance(trial, int) or isinstance(trial, bool) or not 0 <= trial < len(trials):
        raise VoteRefused("there is no such question in this test")
    asked = trials[trial]
    choice = checked_choice(test["kind"], choice, len(asked["sounds"]))
    keys, names = keys_of(asked), heard_names(asked)
    shares = heard if isinstance(heard, list) and len(heard) == len(keys) and all(map(_is_share, heard)) else [0.0] * len(keys)
    missing = [name for name, share in zip(names, shares, strict=True) if share + 0.005 < test["share"]]
    if missing:
        raise VoteRefused(f"listen to at least {test['share']:.0%} of {' and '.join(missing)} before you answer")
    least_s = sum(test["share"] * test["stimuli"][key]["seconds"] for key in keys)
    if elapsed_s is None or elapsed_s < 0.9 * least_s:
        raise VoteRefused("that was faster than the sounds last: listen to each of them before you answer")
    body = {"choice": choice, "heard": [round(float(share), 3) for share in shares], "elapsed_s": round(elapsed_s, 2)}
    votes.vote(test["test_id"], listener["token"], trial, body)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0


def checked_choice(kind: str, choice: Any, count: int) -> Any:
    """The answer to a question of `count` sounds, as it is kept. Raises VoteRefused for what is none."""
    if kind == "mushra":
        right = isinstance(choice, list) and len(choice) == count
        if not right or not all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= 100 for each in choice):
            raise VoteRefused("rate every sound with a whole number from 0 to 100")
        return choice
    if (
        isinstance(choice, bool)
        or not isinstance(choice, int | str)
        or choice not in [answer for answer, _ in KINDS[kind].answers]
    ):
        raise VoteRefused(f"choose one of the answers, not {str(choice)[:40]!r}")
    return choice
