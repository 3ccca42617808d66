"""What the votes of a blind test say: one line per engine or pair with its interval and n, and what else there is to know."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from comparisons.listening_kinds import ANCHOR, KINDS, REFERENCE
from comparisons.stimuli import MOST_SECONDS
from comparisons.vote_statistics import Estimate, Pairing, Score, means, preference, resampled_units, share_correct
from comparisons.votes import Votes

REFERENCE_AT_LEAST, REFERENCE_MISSES = 90.0, 0.15
"""ITU-R BS.1534-3: a listener who rates the hidden reference below 90 in more than 15 % of the trials is not expert enough."""
RANGES = {"mushra": (0.0, 100.0, None), "acr": (1.0, 5.0, None), "cmos": (-3.0, 3.0, 0.0)}


@dataclass(frozen=True)
class Answer:
    """One vote: who (a number), in which trial (as comparisons.trials makes them), and what was chosen."""

    listener: int
    trial: Mapping[str, Any]
    choice: Any


@dataclass(frozen=True)
class Line:
    """One row of the forest plot. `note` says what else there is to know: counts, a p-value."""

    name: str
    estimate: Estimate
    note: str = ""
    control: bool = False
    """The anchor or the hidden reference."""


@dataclass(frozen=True)
class Outcome:
    """`lines` are in order of the estimates when there are `enough` votes, else in the order of the test."""

    lines: tuple[Line, ...]
    unit: str
    low: float
    high: float
    middle: float | None
    enough: bool
    verdict: str
    notes: tuple[str, ...]
    listeners: int
    votes: int
    inputs: tuple[tuple[str, int], ...] = ()
    """Of a test over several inputs: the name of each, and its votes."""


def outcome(votes: Votes, test: Mapping[str, Any]) -> Outcome:
    """What the votes of a test say so far, pooled over its inputs and sounds."""
    return outcome_of(test, answers_of(votes, test))


def answers_of(votes: Votes, test: Mapping[str, Any], *, finished: bool = False) -> list[Answer]:
    """The votes of a test in the order given; `finished`: of those listeners alone who have answered every question."""
    listeners = {each["token"]: each for each in votes.listeners(test["test_id"])}
    given = [vote for vote in votes.votes(test["test_id"]) if vote["token"] in listeners]
    done = Counter(vote["token"] for vote in given)
    return [
        Answer(listener["number"], listener["trials"][vote["trial"]], vote["choice"])
        for vote in given
        if (listener := listeners[vote["token"]]) and not (finished and done[vote["token"]] < len(listener["trials"]))
    ]


def outcome_of(test: Mapping[str, Any], answers: Sequence[Answer]) -> Outcome:
    """What these answers say. Of `test` its kind and stimuli are looked at and, over several inputs, their names."""
    kind, names = KINDS[test["kind"]], {}
    for stimulus in test["stimuli"].values():
        names.setdefault(_who(stimulus), stimulus["engine_name"] if stimulus["role"] != ANCHOR else "Anchor, 3.5 kHz low-pass")
    items = {who: place for place, who in enumerate(names)}
    low, high, middle, notes = 0.0, 1.0, 0.5, []
    if test["kind"] == "abx":
        lines, units = _abx_lines(test, answers, names), ()
    elif test["kind"] == "ab":
        lines, notes, units = _ab_lines(test, answers, names, items)
    else:
        scores = _scores(test, answers, items)
        estimates, units = means(len(names), scores), resampled_units(scores)
        lines = [Line(names[who], each, "", who in (REFERENCE, ANCHOR)) for who, each in zip(names, estimates, strict=True)]
        low, high, middle = RANGES[test["kind"]]
        notes = _mushra_notes(test, answers) if test["kind"] == "mushra" else []
    least = min((line.estimate.n for line in lines), default=0)
    enough = least >= kind.enough
    if enough and test["kind"] != "abx":
        lines = sorted(lines, key=lambda line: -(line.estimate.value or 0.0))
    if any(stimulus["cut"] for stimulus in test["stimuli"].values()):
        notes.append(f"Sounds longer than {MOST_SECONDS:g} s were cut to it.")
    if test.get("inputs_there", 0) > len(test.get("inputs", ())):
        notes.append(f"{len(test['inputs'])} of {test['inputs_there']} inputs, drawn at random, are in the test.")
    notes.append(
        "Intervals: 95 %, exact (Clopper-Pearson); p is one-sided."
        if test["kind"] == "abx"
        else f"Intervals: 95 %, bootstrap over {' and '.join(units)}."
    )
    per = "pair" if test["kind"] == "abx" else "engine"
    verdict = _verdict(test["kind"], lines) if enough else f"Not enough votes to rank: {least} of {kind.enough} per {per}."
    voters, heard = {answer.listener for answer in answers}, Counter(_input(test, answer) for answer in answers)
    inputs = tuple((name, heard[place]) for place, name in enumerate(test.get("inputs", ())))
    return Outcome(tuple(lines), kind.unit, low, high, middle, enough, verdict, tuple(notes), len(voters), len(answers), inputs)


def _input(test: Mapping[str, Any], answer: Answer) -> int:
    return test["stimuli"][answer.trial["sounds"][0]].get("input", 0)


def _who(stimulus: Mapping[str, Any]) -> str:
    return stimulus["engine_id"] if stimulus["role"] == "engine" else stimulus["role"]


def _verdict(kind: str, lines: Sequence[Line]) -> str:
    if kind == "abx":
        heard = [line for line in lines if line.estimate.low is not None and line.estimate.low > 0.5]
        return f"A difference was heard in {len(heard)} of {len(lines)} {'pair' if len(lines) == 1 else 'pairs'}."
    rated = [line for line in lines if not line.control]
    if len(rated) < 2:
        return f"{rated[0].name} was rated; there is nothing to rank it against." if rated else ""
    best, next_one = rated[0].estimate, rated[1].estimate
    if best.low is not None and next_one.high is not None and best.low > next_one.high:
        return f"{rated[0].name} leads: its interval lies above those of the other engines."
    return "No clear winner: the intervals of the first two overlap."


def _ab_lines(
    test: Mapping[str, Any], answers: Sequence[Answer], names: Mapping[str, str], items: Mapping[str, int]
) -> tuple[list[Line], list[str], tuple[str, ...]]:
    pairings, counts = [], {who: [0, 0, 0] for who in names}
    for answer in answers:
        first, second = (_who(test["stimuli"][key]) for key in answer.trial["sounds"])
        score = ab_score(answer.choice)
        pairings.append(Pairing(answer.listener, items[first], items[second], score, _input(test, answer)))
        for who, won in ((first, score), (second, 1.0 - score)):
            counts[who][0 if won == 1.0 else 2 if won == 0.0 else 1] += 1
    bad = sum(answer.choice == "bad" for answer in answers)
    lines = [
        Line(names[who], each, "{} won · {} tied · {} lost".format(*counts[who]))
        for who, each in zip(names, preference(len(names), pairings), strict=True)
    ]
    notes = (
        [f"“Both bad” was the answer {bad} of {len(answers)} times; like a tie it counts half for either (Bradley-Terry model)."]
        if answers
        else []
    )
    return lines, notes, resampled_units(pairings)


def ab_score(choice: str) -> float:
    """1 when A won, 0 when B did; a tie and "both bad" count half."""
    return {"first": 1.0, "second": 0.0}.get(choice, 0.5)


def is_right(trial: Mapping[str, Any], choice: str) -> bool:
    """Whether an ABX answer names the sound that X was."""
    return trial["sounds"][0 if choice == "first" else 1] == trial["x"]


def _abx_lines(test: Mapping[str, Any], answers: Sequence[Answer], names: Mapping[str, str]) -> list[Line]:
    lines = []
    for pair in itertools.combinations(names, 2):
        right = [
            is_right(answer.trial, answer.choice)
            for answer in answers
            if {_who(test["stimuli"][key]) for key in answer.trial["sounds"]} == set(pair)
        ]
        estimate, p = share_correct(sum(right), len(right))
        note = "" if p is None else f"{sum(right)} of {len(right)} right · p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"
        lines.append(Line(" / ".join(names[who] for who in pair), estimate, note))
    return lines


def _scores(test: Mapping[str, Any], answers: Sequence[Answer], items: Mapping[str, int]) -> list[Score]:
    """MUSHRA, ACR and CMOS; a CMOS vote scores B, and A with the opposite sign."""
    found = []
    for answer in answers:
        one = answer.choice
        given = one if test["kind"] == "mushra" else [-one, one] if test["kind"] == "cmos" else [one]
        found += [
            Score(answer.listener, items[_who(test["stimuli"][key])], float(score), _input(test, answer))
            for key, score in zip(answer.trial["sounds"], given, strict=True)
        ]
    return found


def _mushra_notes(test: Mapping[str, Any], answers: Sequence[Answer]) -> list[str]:
    missed: dict[int, list[bool]] = {}
    for answer in answers:
        for key, score in zip(answer.trial["sounds"], answer.choice, strict=True):
            if test["stimuli"][key]["role"] == REFERENCE:
                missed.setdefault(answer.listener, []).append(score < REFERENCE_AT_LEAST)
    if not any(stimulus["role"] == REFERENCE for stimulus in test["stimuli"].values()):
        return ["Without a reference: ratings are relative to what was heard in this test."]
    unsure = sum(np.mean(each) > REFERENCE_MISSES for each in missed.values())
    return [f"{unsure} of {len(missed)} listeners rated the hidden reference below 90 in more than 15 % of their trials."]
