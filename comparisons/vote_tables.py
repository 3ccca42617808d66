"""The votes of a blind test as rows: one table of our own, and the files that webMUSHRA writes."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from comparisons.listening_kinds import ANCHOR, REFERENCE
from comparisons.outcomes import ab_score, is_right
from comparisons.trials import heard_names, keys_of
from comparisons.votes import Votes

_FORMULA = ("=", "+", "-", "@", "|", "%")

COLUMNS = (
    "test_id", "test_kind", "comparison_id", "task", "input", "listener", "trial", "sound", "voted_at", "elapsed_s", "label",
    "role", "engine_id", "engine_name", "source_sha256", "gain_db", "heard_share", "choice", "score",
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
            whose = stimulus.get("comparison_id") or test.get("comparison_id")
            names = test.get("inputs") or [test["input_name"]]
            rows.append(
                {"test_id": test["test_id"], "test_kind": kind, "comparison_id": whose, "task": test["task"]}
                | {
                    "input": names[stimulus.get("input", 0)],
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
    """Header and rows as webMUSHRA's write.php writes them: mushra.csv, lss.csv for ACR, paired_comparison.csv for the rest.

    Only its mushra.csv has `session_uuid`; in the other two it takes the place of a question to the listener.
    """
    tidy = rows_of(votes, test)

    def base(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "session_test_id": row["test_id"],
            "session_uuid": f"listener-{row['listener']}",
            "trial_id": f"{row['sound']}-{row['trial']}",
        }

    def page(row: Mapping[str, Any]) -> str:
        """A trial's name that does not change with the listener's order."""
        return f"{row['input']}-{row['sound']}" if "inputs" in test else row["sound"]

    def time_ms(row: Mapping[str, Any]) -> int:
        return round(1000 * row["elapsed_s"])

    def named(row: Mapping[str, Any]) -> str:
        return {REFERENCE: "reference", ANCHOR: "anchor35"}.get(row["role"], row["engine_id"])

    start = ["session_test_id", "session_uuid", "trial_id"]
    if test["kind"] == "mushra":
        header = [*start, "rating_stimulus", "rating_score", "rating_time", "rating_comment"]
        rows = [
            {**base(row), "trial_id": page(row), "rating_stimulus": named(row), "rating_score": row["score"]}
            | {"rating_time": time_ms(row), "rating_comment": ""}
            for row in tidy
        ]
        return header, rows
    if test["kind"] == "acr":
        header = [*start, "stimuli_rating", "stimuli", "rating_time"]
        return header, [
            {
                **base(row),
                "trial_id": page(row),
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
