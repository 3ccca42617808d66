"""From word times to what is shown in time: captions in WebVTT and the lanes of speakers."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape

from pydantic import BaseModel

from comparisons import words as texts
from comparisons.disagreements import usable
from engine.contract import Word

MOST_TURNS = 500
"""Turns drawn for one engine: about an hour of talk."""
MOST_LANES = 12
PAUSE_S = 0.8
"""A silence that ends a caption and a turn."""
CAPTION_S = 6.0
CAPTION_LINE = 42
"""Characters; two lines of these are what subtitles usually show at once."""
_CUE = re.compile(r"^(\d+):(\d\d):(\d\d\.\d{3}) --> (\d+):(\d\d):(\d\d\.\d{3})\n(?:<v ([^>\n]*)>)?(.+(?:\n.+)*)", re.MULTILINE)


class Turn(BaseModel):
    lane: int
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Cue:
    start_s: float
    end_s: float
    text: str


def is_printable(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in ("Cc", "Cs")


def _timed(words: Iterable[Word]) -> list[Word]:
    """The words whose times are numbers that make sense, in order of their start."""
    return sorted((word for word in words if usable(word) and word.text.strip()), key=lambda word: word.start_s)


def _joined(words: Sequence[Word]) -> str:
    text = " ".join(" ".join(word.text.split()) for word in words)
    return text.replace(" ", "") if texts.unspaced(text) else text


def lanes_of(words: Iterable[Word]) -> tuple[list[str], list[Turn], int]:
    """The speakers in order of appearance, their turns, and how many turns were left out; all empty without speakers."""
    turns: list[list[Word]] = []
    for word in _timed(words):
        if not word.speaker:
            continue
        last = turns[-1][-1] if turns else None
        if last and last.speaker == word.speaker and word.start_s - last.end_s <= PAUSE_S:
            turns[-1].append(word)
        else:
            turns.append([word])
    speakers = list(dict.fromkeys(str(turn[0].speaker) for turn in turns))[:MOST_LANES]
    known = [turn for turn in turns if turn[0].speaker in speakers]
    drawn = [
        Turn(
            lane=speakers.index(turn[0].speaker),
            start_s=turn[0].start_s,
            end_s=max(word.end_s for word in turn),
            text=_joined(turn)[:500],
        )
        for turn in known[:MOST_TURNS]
    ]
    return [speaker[:60] for speaker in speakers], drawn, len(turns) - len(drawn)


def webvtt(words: Iterable[Word]) -> str:
    """WebVTT captions of two lines at most, with voices where the words have speakers; "" when no word has a usable time."""
    cues: list[list[Word]] = []
    for word in _timed(words):
        cue = cues[-1] if cues else []
        length = sum(len(each.text) + 1 for each in cue)
        ended = cue and (
            cue[-1].speaker != word.speaker
            or word.start_s - cue[-1].end_s > PAUSE_S
            or word.end_s - cue[0].start_s > CAPTION_S
            or length + len(word.text) > 2 * CAPTION_LINE - 8
            or (length > CAPTION_LINE // 2 and cue[-1].text.rstrip()[-1:] in tuple(".?!。？！"))
        )
        if ended or not cues:
            cues.append([])
        cues[-1].append(word)
    blocks = []
    for cue in cues:
        end_s = max(cue[0].start_s + 0.2, *(word.end_s for word in cue))
        voice = f"<v {_plain(cue[0].speaker)}>" if cue[0].speaker else ""
        lines = "\n".join(_plain(line) for line in textwrap.wrap(_joined(cue), CAPTION_LINE))
        blocks.append(f"{_clock(cue[0].start_s)} --> {_clock(end_s)}\n{voice}{lines}\n")
    return "\n".join(["WEBVTT\n", *blocks]) if blocks else ""


def _plain(text: str) -> str:
    """Text that a caption reader cannot take for markup, a time line or the end of a caption."""
    return escape(" ".join("".join(filter(is_printable, str(text))).split()), quote=False)


def _clock(second: float) -> str:
    thousandths = round(second * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def cues_of(captions: str) -> list[Cue]:
    """The captions that `webvtt` wrote, as plain text, a speaker's name before it; whatever else there is, is left out."""
    found = []
    for hours, minutes, seconds, end_hours, end_minutes, end_seconds, voice, text in _CUE.findall(captions):
        start_s, end_s = _seconds(hours, minutes, seconds), _seconds(end_hours, end_minutes, end_seconds)
        found.append(Cue(start_s, end_s, unescape(f"{voice}: {text}" if voice else text)))
    return found


def _seconds(hours: str, minutes: str, seconds: str) -> float:
    return 3600 * int(hours[:4]) + 60 * int(minutes) + float(seconds)
