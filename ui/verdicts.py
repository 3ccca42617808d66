"""A line per answer: the judge's number with its spread and the words it is about, or a rating with its note to fill in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel
from pydantic import BaseModel, Field

from comparisons.columns import COLUMNS
from comparisons.intake import take_text
from comparisons.judge_cases import METRICS
from engine.contract import EngineError
from ui.shown import Shown, script

LONGEST_NOTE = 2_000
MOST_SHOWN = 60
"""Differences drawn for one answer."""
_ANSWER = 1_500


class Difference(BaseModel):
    reference: str
    transcript: str
    votes: int
    """Verdicts that say it changes the meaning."""


class Line(BaseModel):
    name: str
    figure: str = ""
    spread: str = ""
    reason: str = ""
    """Why there is no figure."""
    differences: list[Difference] = Field(default=[])
    """Those with a vote, the most votes first."""
    harmless: int = 0
    """Differences without a vote."""
    answer: str = ""
    stars: int | None = None
    note: str = ""


class VerdictsState(GradioModel):
    times: int = 0
    rate: bool = False
    """The lines ask for a rating."""
    lines: list[Line] = Field(default=[])


class Verdicts(Shown):
    """Shows a VerdictsState, every text as plain text. Event `keep`: a person's ratings, which `ratings_of(event, ...)` reads."""

    data_model = VerdictsState

    def __init__(self, value: VerdictsState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<div class='sc-verdicts' hidden></div>",
            js_on_load=script("verdicts"),
            apply_default_css=False,
            **options,
        )


def judged_state(rows: Iterable[Mapping[str, Any]], times: int) -> VerdictsState:
    return VerdictsState(times=times, lines=[_judged(row) for row in rows if row["status"] == "ok"])


def rated_state(rows: Iterable[Mapping[str, Any]]) -> VerdictsState:
    lines = [
        Line(
            name=_name(row),
            answer=(row["output_text"] or "")[:_ANSWER],
            stars=None if row["rating"] is None else int(row["rating"]),
            note=row["rating_note"] or "",
        )
        for row in rows
        if row["status"] == "ok"
    ]
    return VerdictsState(rate=True, lines=lines)


def _name(row: Mapping[str, Any]) -> str:
    return row["engine_name"] if row["repeat"] in (None, 1) else f"{row['engine_name']} · repeat {row['repeat']}"


def _judged(row: Mapping[str, Any]) -> Line:
    metric = METRICS[row["task"]]
    column, told = COLUMNS[metric], json.loads(row["judge_verdicts"] or "{}")
    if row[metric] is None:
        return Line(name=_name(row), reason=json.loads(row["metrics_withheld"] or "{}").get(metric, ""))
    low, high = (column.shown(row[f"{metric}_{end}"]) for end in ("lowest", "highest"))
    spread = (
        f"always the same in {row['judge_times']} verdicts"
        if low == high
        else f"{low} to {high} in {row['judge_times']} verdicts"
    )
    pairs = told.get("differences", [])
    votes = Counter(number for verdict in told.get("verdicts", []) for number in verdict) if pairs else Counter()
    return Line(
        name=_name(row),
        figure=f"{column.label} {column.shown(row[metric])}",
        spread=spread if row["judge_times"] else "no word differs",
        differences=[
            Difference(reference=pairs[number - 1][0], transcript=pairs[number - 1][1], votes=count)
            for number, count in votes.most_common(MOST_SHOWN)
        ],
        harmless=len(pairs) - len(votes),
        answer="" if pairs or row["task"] == "asr" else (row["output_text"] or "")[:_ANSWER],
    )


def ratings_of(event: gr.EventData, count: int) -> list[tuple[int | None, str | None]]:
    """Stars and note of each answer, as a browser sent them. Raises EngineError for what is no list of `count` ratings."""
    data = event._data
    found = data.get("ratings") if isinstance(data, dict) else None
    if not isinstance(found, list) or len(found) != count:
        raise EngineError("The answers have changed: rate them again.")
    ratings = []
    for each in found:
        stars, note = (each.get("stars"), each.get("note")) if isinstance(each, dict) else (None, None)
        if stars is not None and (type(stars) is not int or not 1 <= stars <= 5):
            raise EngineError("A rating is 1 to 5.")
        note = note.strip() if isinstance(note, str) else ""
        ratings.append((stars, take_text(note, limit=LONGEST_NOTE, what="note") if note else None))
    return ratings
