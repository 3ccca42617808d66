"""The tags of all engines side by side: one row per tag, one column per engine, and below it when each tag sounds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from gradio.data_classes import FileData, GradioModel
from pydantic import BaseModel, Field

from comparisons.metrics import Reference, agreement, labels
from comparisons.results import Result
from engine.contract import Tag
from ui.shown import Shown, script

MOST_ROWS = 60
MOST_SEGMENTS = 300
"""Segments drawn for one engine."""
MOST_LINES = 8
"""Segments of one engine that are drawn above each other where they overlap."""
LONGEST_LABEL = 160
"""Characters of a label that are shown; labels are compared whole."""
LATEST_S = 360_000

Mark = Literal["", "right", "missed", "extra"]


class MatrixCell(BaseModel):
    score: float | None = None
    """The highest of the engine's tags with this label, on the engine's own scale; None when it has none."""
    mark: Mark = ""
    """Against the reference; "" without one, and where neither has the label."""


class MatrixRow(BaseModel):
    label: str
    wanted: bool = False
    """The reference holds it."""
    cells: list[MatrixCell]
    """One per engine, in their order."""


class Column(BaseModel):
    name: str
    found: int
    """Different labels, those left out of the rows too."""
    right: int | None = None
    missed: int | None = None
    extra: int | None = None
    """Counts against the reference; None without one."""


class Segment(BaseModel):
    label: str
    start_s: float
    end_s: float
    score: float
    tone: int
    """The same for the same label, whichever engine says it."""
    line: int = 0
    """From 0 down; segments of one line do not overlap."""


class TagLane(BaseModel):
    engine: int
    """Place in `MatrixState.engines`."""
    segments: list[Segment]
    lines: int


class MatrixState(GradioModel):
    engines: list[Column] = Field(default=[])
    rows: list[MatrixRow] = Field(default=[])
    agreement: float | None = None
    """comparisons.metrics.agreement, 0 to 1; None for fewer than two engines with tags."""
    compared: bool = False
    """There is a reference."""
    lanes: list[TagLane] = Field(default=[])
    """Engines that say when; empty when none does."""
    seconds: float = 0.0
    """Length of the time axis."""
    sound: FileData | None = None
    """The input, from `ui.board.servable`."""
    notes: list[str] = Field(default=[])
    """Sentences on what is not shown."""


class Matrix(Shown):
    """Shows a MatrixState, every text as plain text; nothing at all while no engine has answered. As an input it yields None."""

    data_model = MatrixState

    def __init__(self, value: MatrixState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<section class='sc-matrix' aria-label='Tags side by side' hidden></section>",
            js_on_load=script("matrix"),
            apply_default_css=False,
            **options,
        )


# ---------------------------------------------------------------- from results to a state


def matrix_from_results(results: Sequence[Result], reference: Reference, sound: FileData | None = None) -> MatrixState:
    """The first good answer of each engine, in the order given. `sound` is the input that segment times refer to."""
    answers: dict[str, Result] = {}
    for result in results:
        if result.ok and result.output is not None:
            answers.setdefault(result.row["engine_id"], result)
    if not answers:
        return MatrixState()
    silent = dict.fromkeys(result.row["engine_name"] for result in results if result.row["engine_id"] not in answers)
    notes = [f"Without an answer: {', '.join(silent)}."] if silent else []
    found = {engine: _best(result.output.tags) for engine, result in answers.items()}
    wanted = {_folded(label): label for label in reference.tags or () if _folded(label)}
    compared = reference.tags is not None and bool(wanted)
    seconds = max((result.row.get("input_audio_seconds") or 0.0 for result in answers.values()), default=0.0)
    lanes, left_out = _lanes([result.output.tags for result in answers.values()], seconds)
    names = _names([result.row["engine_name"] for result in answers.values()])
    notes += [f"{count} segments of {names[place]} are not drawn." for place, count in left_out.items()]
    rows, more = _rows(found, wanted, compared)
    if more:
        notes.insert(0, f"{more} further {'tag is' if more == 1 else 'tags are'} not listed, after the {len(rows)} most shared.")
    return MatrixState(
        engines=[_column(name, set(tags), set(wanted), compared) for name, tags in zip(names, found.values(), strict=True)],
        rows=rows,
        agreement=agreement([list(tags) for tags in found.values()]),
        compared=compared,
        lanes=lanes,
        seconds=max([seconds, 0.1, *(segment.end_s for lane in lanes for segment in lane.segments)]),
        sound=sound,
        notes=notes,
    )


def _folded(label: str) -> str:
    return next(iter(labels([label])), "")


def _best(tags: Iterable[Tag]) -> dict[str, Tag]:
    """The tag with the highest score of every label as it is compared; a score that is no number is none."""
    best: dict[str, Tag] = {}
    for tag in tags:
        key = _folded(tag.label)
        if key and math.isfinite(tag.score) and (key not in best or tag.score > best[key].score):
            best[key] = tag
    return best


def _names(names: Iterable[str]) -> list[str]:
    """Each name its own: the second engine called "A" becomes "A #2"."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return told


def _column(name: str, found: set[str], wanted: set[str], compared: bool) -> Column:
    if not compared:
        return Column(name=name, found=len(found))
    return Column(name=name, found=len(found), right=len(found & wanted), missed=len(wanted - found), extra=len(found - wanted))


def _rows(found: Mapping[str, Mapping[str, Tag]], wanted: Mapping[str, str], compared: bool) -> tuple[list[MatrixRow], int]:
    """The rows, most shared first, then by best score; and how many were left out. Labels of the reference are left out last."""
    written = {key: tag.label for tags in reversed(list(found.values())) for key, tag in tags.items()} | wanted

    def rank(key: str) -> tuple[int, float, str]:
        scores = [tags[key].score for tags in found.values() if key in tags]
        return -len(scores), -max(scores, default=0.0), key

    ordered = sorted(written, key=rank)
    kept = set(sorted(ordered, key=lambda key: key not in wanted)[:MOST_ROWS])

    def cell(tags: Mapping[str, Tag], key: str) -> MatrixCell:
        mark: Mark = ""
        if compared and (key in tags or key in wanted):
            mark = "extra" if key not in wanted else "right" if key in tags else "missed"
        return MatrixCell(score=tags[key].score if key in tags else None, mark=mark)

    rows = [
        MatrixRow(label=written[key][:LONGEST_LABEL], wanted=key in wanted, cells=[cell(tags, key) for tags in found.values()])
        for key in ordered
        if key in kept
    ]
    return rows, len(ordered) - len(rows)


# ---------------------------------------------------------------- when each tag sounds


def _timed(tags: Iterable[Tag]) -> list[Tag]:
    """The tags whose times can be a stretch of a sound, in order of their start."""
    usable = [
        tag
        for tag in tags
        if all(isinstance(time_s, int | float) and math.isfinite(time_s) for time_s in (tag.start_s, tag.end_s, tag.score))
        and 0 <= tag.start_s < tag.end_s < LATEST_S
        and _folded(tag.label)
    ]
    return sorted(usable, key=lambda tag: (tag.start_s, -tag.end_s))


def _lanes(answers: Sequence[Iterable[Tag]], seconds: float) -> tuple[list[TagLane], dict[int, int]]:
    """The lanes of engines that say when, and how many segments of which engine found no room.

    Ends beyond the input are cut to it: engines that work in windows fill the last one with silence.
    """
    tones: dict[str, int] = {}
    lanes, left_out = [], {}
    for place, tags in enumerate(answers):
        ends: list[float] = []
        segments, dropped = [], 0
        for tag in _timed(tags):
            end_s = min(tag.end_s, seconds) if seconds > tag.start_s else tag.end_s
            line = next((number for number, end in enumerate(ends) if end <= tag.start_s + 1e-6), len(ends))
            if line >= MOST_LINES or len(segments) >= MOST_SEGMENTS:
                dropped += 1
                continue
            ends[line : line + 1] = [end_s]
            tone = tones.setdefault(_folded(tag.label), len(tones))
            segments.append(
                Segment(label=tag.label[:LONGEST_LABEL], start_s=tag.start_s, end_s=end_s, score=tag.score, tone=tone, line=line)
            )
        if segments:
            lanes.append(TagLane(engine=place, segments=segments, lines=len(ends)))
        if dropped:
            left_out[place] = dropped
    return lanes, left_out
