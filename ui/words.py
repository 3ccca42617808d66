"""Where transcripts differ: one flowing text whose disputed places show every variant, who speaks when, and captions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, GradioModel
from pydantic import BaseModel, Field

from comparisons.differences import spans
from comparisons.disagreements import Agreement, differing, disagreements
from comparisons.results import Result
from comparisons.words import Withheld
from engine.contract import Word
from ui.board import Span, servable
from ui.captions import Turn, cues_of, is_printable, lanes_of, webvtt
from ui.desk import EACH, PRIVATE
from ui.shown import Shown, script

LONGEST_REFERENCE = 500_000
MOST_CAPTIONS = 300_000
"""Characters of captions sent to the browser, all engines together."""


class Named(BaseModel):
    """An engine under its letters: "DN", "Deepgram Nova-3"."""

    name: str
    letters: str
    captions: str = ""
    """WebVTT; "" when the engine gave no word times."""


class Choice(BaseModel):
    text: str
    """"" when these engines have no word there."""
    engines: list[int]
    """Places in `WordsState.engines`."""


class Dispute(BaseModel):
    place: int
    choices: list[Choice]
    """The one that most engines have comes first."""
    tied: bool = False


class Lanes(BaseModel):
    """Who speaks when, as one engine hears it."""

    engine: int
    speakers: list[str]
    turns: list[Turn]


class WordsState(GradioModel):
    engines: list[Named] = Field(default=[])
    words: list[str] = Field(default=[])
    """The text of most engines, place by place; "" where most have none."""
    times: list[tuple[float, float] | None] = Field(default=[])
    """Start and end in seconds of each place; None where no engine gave them."""
    disputes: list[Dispute] = Field(default=[])
    unspaced: bool = False
    pairs: list[tuple[int, int, float]] = Field(default=[])
    """Two engines and the share of words that both have alike, 0 to 1."""
    lanes: list[Lanes] = Field(default=[])
    sound: FileData | None = None
    """The input, from `ui.board.servable`."""
    notes: list[str] = Field(default=[])
    """Sentences on what was left out."""


@dataclass(frozen=True)
class Answer:
    name: str
    text: str
    words: Sequence[Word] = ()


class Words(Shown):
    """Shows a WordsState, every text as plain text; nothing at all while there are no words.

    Events: `choose` wants the chosen words as reference, `chosen_text(event)` reads them; `caption` and `times` are for
    `beside_player`. As an input it yields None.
    """

    data_model = WordsState

    def __init__(self, value: WordsState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<section class='sc-differ' aria-label='Where they differ' hidden></section>",
            js_on_load=script("words"),
            apply_default_css=False,
            **options,
        )


def chosen_text(event: gr.EventData) -> str:
    """The reference that a browser sent with `choose`: one line without control characters; "" for anything else than a text."""
    data = event._data
    text = data.get("text") if isinstance(data, dict) else None
    if not isinstance(text, str):
        return ""
    return " ".join("".join(each for each in text[:LONGEST_REFERENCE] if is_printable(each)).split())


def beside_player(words: Words, player: gr.Audio, times: gr.Checkbox) -> None:
    """Show the chosen engine's captions on the player of the input, and tick `times` when word times are wanted.

    Captions leave with their sound: none is ever shown on another one.
    """

    def caption(event: gr.EventData, source: str | None) -> Any:
        data = event._data if isinstance(event._data, dict) else {}
        captions = data.get("captions")
        theirs = source and Path(source).is_file() and data.get("path") == servable(source).path
        if not theirs or not isinstance(captions, str):
            return gr.Audio(subtitles=[])
        cues = cues_of(captions[:MOST_CAPTIONS])
        return gr.Audio(subtitles=[{"text": cue.text, "timestamp": [cue.start_s, cue.end_s]} for cue in cues])

    private = {"queue": False, **PRIVATE}
    words.caption(caption, player, player, **EACH, **private)
    words.times(lambda: True, None, times, **private)
    player.change(lambda: gr.Audio(subtitles=[]), None, player, **private)


# ---------------------------------------------------------------- from answers to a state


def state_from_results(results: Iterable[Result], sound: FileData | None = None, language: str | None = None) -> WordsState:
    """The first good answer of each engine, in the order given. Takes seconds for hours of speech: call it in a thread."""
    answers: dict[str, Answer] = {}
    for result in results:
        if result.ok and result.output is not None and result.output.text:
            answers.setdefault(
                result.row["engine_id"], Answer(result.row["engine_name"], result.output.text, result.output.words)
            )
    return words_state(list(answers.values()), sound, language)


def words_state(answers: Sequence[Answer], sound: FileData | None = None, language: str | None = None) -> WordsState:
    """`sound` is the input that word times refer to. What cannot be aligned leaves a note in place of words."""
    named: dict[str, Answer] = {}
    for answer in answers:
        number = sum(name.split(" #")[0] == answer.name for name in named) + 1
        named[answer.name if number == 1 else f"{answer.name} #{number}"] = answer
    if not named:
        return WordsState()
    try:
        agreement = disagreements(
            {name: each.text for name, each in named.items()}, {name: each.words for name, each in named.items()}, language
        )
    except Withheld as why:
        return WordsState(notes=[f"The answers could not be aligned: {why}."])
    order = {name: place for place, name in enumerate(agreement.engines)}
    notes, room, engines = list(agreement.left_out), MOST_CAPTIONS, []
    for name, letters in zip(order, initials(list(order)), strict=True):
        captions = webvtt(named[name].words)
        if len(captions) > room:
            notes.append(f"The captions of {name} are too long to be offered here.")
            captions = ""
        room -= len(captions)
        engines.append(Named(name=name, letters=letters, captions=captions))
    drawn = [(place, lanes_of(named[name].words)) for name, place in order.items()]
    for place, (_, turns, left_out) in drawn:
        if left_out:
            notes.append(f"{left_out} later turns of {engines[place].name} are not drawn, after {len(turns)}.")
    return WordsState(
        engines=engines,
        words=[column.text for column in agreement.columns],
        times=[None if column.start_s is None else (column.start_s, column.end_s) for column in agreement.columns],
        disputes=_disputes(agreement, order),
        unspaced=agreement.unspaced,
        pairs=[(order[left], order[right], share) for (left, right), share in agreement.pairs.items()],
        lanes=[Lanes(engine=place, speakers=speakers, turns=turns) for place, (speakers, turns, _) in drawn if turns],
        sound=sound,
        notes=notes,
    )


def _disputes(agreement: Agreement, order: Mapping[str, int]) -> list[Dispute]:
    return [
        Dispute(
            place=place,
            choices=[Choice(text=each.text, engines=[order[name] for name in each.engines]) for each in column.variants],
            tied=column.tied,
        )
        for place, column in enumerate(agreement.columns)
        if column.disputed
    ]


def initials(names: Sequence[str]) -> list[str]:
    """One or two letters per name, each name its own: "DN" for Deepgram Nova-3; a number follows where letters are taken."""
    found: list[str] = []
    for name in names:
        parts = ["".join(filter(str.isalnum, part)) for part in name.split()]
        letters = "".join(part[0] for part in parts if part)[:2].upper() or "?"
        number = 2
        while (tried := letters if letters not in found else f"{letters}{number}") in found:
            number += 1
        found.append(tried)
    return found


def spans_for_rows(rows: Iterable[Mapping[str, Any]], language: str | None = None) -> tuple[dict[str, list[Span]], list[str]]:
    """What `Card.spans` shows for every good row, by card key, and sentences on what could not be marked.

    A row with a reference is marked against it; rows without one, each engine's first, against each other.
    """
    found: dict[str, list[Span]] = {}
    notes: list[str] = []
    unmeasured: dict[str, tuple[str, str]] = {}
    for row in rows:
        if row["status"] != "ok" or not row["output_text"]:
            continue
        key = f"{row['engine_id']}#{row['repeat']}"
        if not row["reference"]:
            unmeasured.setdefault(row["engine_id"], (key, row["output_text"]))
            continue
        try:
            marked = spans(row["reference"], row["output_text"], language)
        except Withheld as why:
            notes.append(f"{row['engine_name']}: {why}.")
            continue
        if marked and marked[-1].title and marked[-1].kind == "same":
            notes.append(f"{row['engine_name']}: {marked[-1].title}.")
        found[key] = [Span(**asdict(span)) for span in marked]
    if len(unmeasured) > 1:
        heard = dict(unmeasured.values())
        try:
            marks = differing(disagreements(heard, None, language), heard)
            found |= {key: [Span(**asdict(span)) for span in own] for key, own in marks.items()}
        except Withheld as why:
            notes.append(f"The answers could not be aligned: {why}.")
    return found, notes
