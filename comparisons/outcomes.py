"""What the votes of a blind test say: one line per engine or pair with its interval, and rows for CSV and webMUSHRA."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from comparisons.blind import ANCHOR, KINDS, MOST_SECONDS, REFERENCE, heard_names, keys_of
from comparisons.votes import LISTENERS_TO_RESAMPLE, Estimate, Pairing, Votes, means, preference, share_correct

REFERENCE_AT_LEAST, REFERENCE_MISSES = 90.0, 0.15
"""ITU-R BS.1534-3: a listener who rates the hidden reference below 90 in more than 15 % of the trials is not expert enough."""
RANGES = {"mushra": (0.0, 100.0, None), "acr": (1.0, 5.0, None), "cmos": (-3.0, 3.0, 0.0)}
_FORMULA = ("=", "+", "-", "@", "|", "%")


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


def outcome(votes: Votes, test: Mapping[str, Any]) -> Outcome:
    """What the votes of a test say so far, pooled over its sounds."""
    test_id, kind = test["test_id"], KINDS[test["kind"]]
    listeners = {each["token"]: each for each in votes.listeners(test_id)}
    cast_votes = [vote for vote in votes.votes(test_id) if vote["token"] in listeners]
    rated = [(listeners[vote["token"]]["number"], listeners[vote["token"]]["trials"][vote["trial"]], vote) for vote in cast_votes]
    names: dict[str, str] = {}
    for stimulus in test["stimuli"].values():
        names.setdefault(_who(stimulus), stimulus["engine_name"] if stimulus["role"] != ANCHOR else "Anchor, 3.5 kHz low-pass")
    items = {who: place for place, who in enumerate(names)}
    low, high, middle, notes = 0.0, 1.0, 0.5, []
    if test["kind"] == "abx":
        lines = _abx_lines(test, rated, names)
    elif test["kind"] == "ab":
        lines, notes = _ab_lines(test, rated, names, items)
    else:
        scores = _scores(test, rated, items)
        lines = [
            Line(names[who], each, "", who in (REFERENCE, ANCHOR))
            for who, each in zip(names, means(len(names), scores, test["seed"]), strict=True)
        ]
        low, high, middle = RANGES[test["kind"]]
        notes = _mushra_notes(test, rated) if test["kind"] == "mushra" else []
    least = min((line.estimate.n for line in lines), default=0)
    enough = least >= kind.enough
    if enough and test["kind"] != "abx":
        lines = sorted(lines, key=lambda line: -(line.estimate.value or 0.0))
    if any(stimulus["cut"] for stimulus in test["stimuli"].values()):
        notes.append(f"Sounds longer than {MOST_SECONDS:g} s were cut to it.")
    voters = {number for number, _, _ in rated}
    resampled = "listeners" if len(voters) >= LISTENERS_TO_RESAMPLE else "votes"
    notes.append(
        "Intervals: 95 %, exact (Clopper-Pearson); p is one-sided."
        if test["kind"] == "abx"
        else f"Intervals: 95 %, bootstrap over {resampled}."
    )
    per = "pair" if test["kind"] == "abx" else "engine"
    verdict = _verdict(test["kind"], lines) if enough else f"Not enough votes to rank: {least} of {kind.enough} per {per}."
    return Outcome(tuple(lines), kind.unit, low, high, middle, enough, verdict, tuple(notes), len(voters), len(rated))


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
    test: Mapping[str, Any], rated: Sequence[Any], names: Mapping[str, str], items: Mapping[str, int]
) -> tuple[list[Line], list[str]]:
    pairings, counts = [], {who: [0, 0, 0] for who in names}
    for number, trial, vote in rated:
        first, second = (_who(test["stimuli"][key]) for key in trial["sounds"])
        score = ab_score(vote["choice"])
        pairings.append(Pairing(number, items[first], items[second], score))
        for who, won in ((first, score), (second, 1.0 - score)):
            counts[who][0 if won == 1.0 else 2 if won == 0.0 else 1] += 1
    estimates = preference(len(names), pairings, test["seed"])
    bad = sum(vote["choice"] == "bad" for _, _, vote in rated)
    lines = [
        Line(names[who], each, "{} won · {} tied · {} lost".format(*counts[who]))
        for who, each in zip(names, estimates, strict=True)
    ]
    return lines, [
        f"“Both bad” was the answer {bad} of {len(rated)} times; like a tie it counts half for either."
    ] if rated else []


def ab_score(choice: str) -> float:
    """1 when A won, 0 when B did; a tie and "both bad" count half."""
    return {"first": 1.0, "second": 0.0}.get(choice, 0.5)


def is_right(trial: Mapping[str, Any], choice: str) -> bool:
    """Whether an ABX answer names the sound that X was."""
    return trial["sounds"][0 if choice == "first" else 1] == trial["x"]


def _abx_lines(test: Mapping[str, Any], rated: Sequence[Any], names: Mapping[str, str]) -> list[Line]:
    lines = []
    for pair in itertools.combinations(names, 2):
        answers = [
            is_right(trial, vote["choice"])
            for _, trial, vote in rated
            if {_who(test["stimuli"][key]) for key in trial["sounds"]} == set(pair)
        ]
        estimate, p = share_correct(sum(answers), len(answers))
        note = "" if p is None else f"{sum(answers)} of {len(answers)} right · p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"
        lines.append(Line(" / ".join(names[who] for who in pair), estimate, note))
    return lines


def _scores(test: Mapping[str, Any], rated: Sequence[Any], items: Mapping[str, int]) -> list[tuple[int, int, float]]:
    """(listener, item, score) of MUSHRA, ACR and CMOS; a CMOS vote scores B, and A with the opposite sign."""
    found = []
    for number, trial, vote in rated:
        given = (
            vote["choice"]
            if test["kind"] == "mushra"
            else [-vote["choice"], vote["choice"]]
            if test["kind"] == "cmos"
            else [vote["choice"]]
        )
        found += [
            (number, items[_who(test["stimuli"][key])], float(score)) for key, score in zip(trial["sounds"], given, strict=True)
        ]
    return found


def _mushra_notes(test: Mapping[str, Any], rated: Sequence[Any]) -> list[str]:
    missed: dict[int, list[bool]] = {}
    for number, trial, vote in rated:
        for key, score in zip(trial["sounds"], vote["choice"], strict=True):
            if test["stimuli"][key]["role"] == REFERENCE:
                missed.setdefault(number, []).append(score < REFERENCE_AT_LEAST)
    if not any(stimulus["role"] == REFERENCE for stimulus in test["stimuli"].values()):
        return ["Without a reference: ratings are relative to what was heard in this test."]
    unsure = sum(np.mean(each) > REFERENCE_MISSES for each in missed.values())
    return [f"{unsure} of {len(missed)} listeners rated the hidden reference below 90 in more than 15 % of their trials."]


# ---------------------------------------------------------------- rows for CSV

COLUMNS = (
    "test_id", "test_kind", "comparison_id", "task", "listener", "trial", "sound", "voted_at", "elapsed_s", "label", "role",
    "engine_id", "engine_name", "source_sha256", "gain_db", "heard_share", "choice", "score",
)  # fmt: skip


def rows_of(votes: Votes, test: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per sound of each vote. `score`: A/B 1, 0.5 or 0; ABX 1 for the right answer; otherwise the rating."""
    listeners = {each["token"]: each for each in votes.listeners(test["test_id"])}
    rows = []
    for vote in votes.votes(test["test_id"]):
        if (listener := listeners.get(vote["token"])) is None:
            continue
        trial, choice, kind = listener["trials"][vote["trial"]], vote["choice"], test["kind"]
        scores = {
            "ab": lambda choice=choice: [ab_score(choice), 1.0 - ab_score(choice)],
            "abx": lambda trial=trial, choice=choice: [int(is_right(trial, choice))] * 3,
            "cmos": lambda choice=choice: [-choice, choice],
            "acr": lambda choice=choice: [choice],
            "mushra": lambda choice=choice: choice,
        }[kind]()
        for label, key, heard, score in zip(heard_names(trial), keys_of(trial), vote["heard"], scores, strict=True):
            stimulus = test["stimuli"][key]
            same = {name: stimulus[name] for name in ("role", "engine_id", "engine_name", "source_sha256", "gain_db")}
            rows.append(
                {"test_id": test["test_id"], "test_kind": kind, "comparison_id": test["comparison_id"], "task": test["task"]}
                | {
                    "listener": listener["number"],
                    "trial": vote["trial"] + 1,
                    "sound": trial["group"],
                    "voted_at": vote["created_at"],
                }
                | {"elapsed_s": vote["elapsed_s"], "label": label, "heard_share": heard, "score": score}
                | {"choice": None if kind == "mushra" else choice, **same}
            )
    return rows


def webmushra_of(votes: Votes, test: Mapping[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """Header and rows as webMUSHRA's write.php writes them: mushra.csv, lss.csv for ACR, paired_comparison.csv for the rest."""
    tidy = rows_of(votes, test)

    def base(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "session_test_id": row["test_id"],
            "session_uuid": f"listener-{row['listener']}",
            "trial_id": f"{row['sound']}-{row['trial']}",
        }

    def time_ms(row: Mapping[str, Any]) -> int:
        return round(1000 * row["elapsed_s"])

    def named(row: Mapping[str, Any]) -> str:
        return {REFERENCE: "reference", ANCHOR: "anchor35"}.get(row["role"], row["engine_id"])

    start = ["session_test_id", "session_uuid", "trial_id"]
    if test["kind"] == "mushra":
        header = [*start, "rating_stimulus", "rating_score", "rating_time", "rating_comment"]
        # a trial is one page with every sound on it: its name must not change with the listener's order
        rows = [
            {**base(row), "trial_id": row["sound"], "rating_stimulus": named(row), "rating_score": row["score"]}
            | {"rating_time": time_ms(row), "rating_comment": ""}
            for row in tidy
        ]
        return header, rows
    if test["kind"] == "acr":
        header = [*start, "stimuli_rating", "stimuli", "rating_time"]
        return header, [
            {
                **base(row),
                "trial_id": row["sound"],
                "stimuli_rating": row["score"],
                "stimuli": named(row),
                "rating_time": time_ms(row),
            }
            for row in tidy
        ]
    header = [*start, "choice_reference", "choice_non_reference", "choice_answer", "choice_time", "choice_comment"]
    rows = []
    for _, group in itertools.groupby(tidy, key=lambda row: (row["listener"], row["trial"])):
        first, second, *_ = group
        answer = {"first": named(first), "second": named(second)}.get(first["choice"], first["choice"])
        rows.append(
            {**base(first), "choice_reference": named(first), "choice_non_reference": named(second), "choice_answer": answer}
            | {"choice_time": time_ms(first), "choice_comment": ""}
        )
    return header, rows


def write_table(header: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV text; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in header])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.strip().startswith(_FORMULA) else value
