"""Transcripts set against each other: aligned at every place, with what each engine wrote there, and the consensus.

Words are compared as WER compares them, normalised, and shown as they were written. Characters take the place of words in
scripts that put no space between them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from comparisons import words as texts
from comparisons._aligned import Piece, Reader, network, pieces_of, runs, text_of
from comparisons.differences import MOST_SPANS, Span
from engine.contract import Word

MOST_ENGINES = 12
"""Transcripts aligned at once; more variants of one word than these cannot be read."""
MOST_CHARACTERS = 400_000
"""Of all transcripts together; aligning them takes about three seconds of one core."""
MOST_UNSPACED = 30_000
"""Characters of one transcript whose script has no spaces: as many hours of speech as the longest text of another."""
_PHRASE = 12
"""Words after which a disputed phrase ends, so that the right one can still be picked out."""
_NEAR = 6
"""Longest run of differently written words that still hands its times over."""


@dataclass(frozen=True)
class Variant:
    """What some engines have at a place, as most of them write it; "" is no word at all."""

    text: str
    engines: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """One place of the aligned transcripts, the variant of most engines first; it is disputed when there are several."""

    variants: tuple[Variant, ...]
    written: tuple[str, ...] = ()
    """What each engine wrote here, in the order of the engines, with the space after it."""
    tied: bool = False
    """As many engines have the second variant: the order of the engines decided."""
    start_s: float | None = None
    end_s: float | None = None
    """From the first engine that gave word times here; None when none did."""

    @property
    def disputed(self) -> bool:
        return len(self.variants) > 1

    @property
    def text(self) -> str:
        return self.variants[0].text


@dataclass(frozen=True)
class Agreement:
    engines: tuple[str, ...]
    columns: tuple[Column, ...]
    pairs: Mapping[tuple[str, str], float]
    """Of two engines: the share of words, 0 to 1, that both have alike, of all that either has. No pair without words."""
    unspaced: bool = False
    """The columns hold characters, which join without spaces."""
    left_out: tuple[str, ...] = ()
    """Sentences: what was not compared, and why."""

    @property
    def n_disputed(self) -> int:
        return sum(column.disputed for column in self.columns)

    @property
    def consensus(self) -> str:
        """The variant of most engines at every place; see `Column.tied` for where there is no majority."""
        return ("" if self.unspaced else " ").join(column.text for column in self.columns if column.text)


@dataclass
class _Transcript:
    name: str
    pieces: list[Piece]
    words: list[str] = field(init=False)
    owner: list[int] = field(init=False)
    """The piece of each word."""
    times: list[tuple[float, float] | None] = field(init=False)

    def __post_init__(self) -> None:
        self.words = [word for piece in self.pieces for word in piece.words]
        self.owner = [place for place, piece in enumerate(self.pieces) for _ in piece.words]
        self.times = [None] * len(self.words)


def disagreements(
    transcripts: Mapping[str, str], words: Mapping[str, Sequence[Word]] | None = None, language: str | None = None
) -> Agreement:
    """All transcripts aligned with each other, and the times of their words where an engine gave any.

    What is beyond MOST_ENGINES, MOST_CHARACTERS or the longest text is left out and said. Raises Withheld for a text that
    cannot be normalised.
    """
    names, left_out = list(transcripts)[:MOST_ENGINES], []
    if len(transcripts) > len(names):
        left_out.append(f"{len(transcripts) - len(names)} more engines are left out: {MOST_ENGINES} are compared at once.")
    unspaced = sum(texts.unspaced(transcripts[name][:MOST_UNSPACED]) for name in names) * 2 > len(names)
    room = min(MOST_UNSPACED if unspaced else texts.LONGEST_TEXT, MOST_CHARACTERS // max(1, len(names)))
    cut = [name for name in names if len(transcripts[name]) > room]
    if cut:
        left_out.append(f"Only the first {room:,} characters are compared; longer: {', '.join(cut)}.")
    kept = {name: transcripts[name][:room] for name in names}
    english = sum(texts.is_english(text) for text in kept.values()) * 2 > len(kept)
    # one normaliser for all, whatever a single engine answered
    normaliser = texts.normaliser_for(language, "") if language else texts.english() if english else texts.basic()
    read = Reader(normaliser, unspaced)
    sides = [_Transcript(name, _attached(pieces_of(text, read))) for name, text in kept.items()]
    for side in sides:
        _time(side, (words or {}).get(side.name, ()), read)
    places = network([side.words for side in sides])
    if cut:
        ends = [max((place for place, at in enumerate(places) if side in at), default=-1) for side in map(names.index, cut)]
        places = places[: min(ends) + 1]
    columns = _fused(places, sides)
    return Agreement(tuple(names), _merged(columns, sides), _pairs(columns, names), unspaced, tuple(left_out))


def _attached(pieces: list[Piece]) -> list[Piece]:
    """Pieces without a word, such as a dash, go with the piece before them, or after it at the start."""
    found: list[Piece] = []
    for piece in pieces:
        if found and (not piece.words or not found[-1].words):
            found[-1] = Piece(found[-1].text + piece.text, found[-1].words + piece.words)
        else:
            found.append(piece)
    return found


def _time(side: _Transcript, timed: Sequence[Word], read: Reader) -> None:
    """Give the transcript's words the times of the engine's; where the two are written differently, those of the whole run."""
    timed = [each for each in timed[: 2 * len(side.words) + 100] if usable(each)]
    read.learn(each.text[:200] for each in timed)
    spoken = [(word, (each.start_s, each.end_s)) for each in timed for word in read(each.text[:200])]
    for first, last, start, end, alike in runs(side.words, [word for word, _ in spoken]):
        if alike:
            side.times[first:last] = [times for _, times in spoken[start:end]]
        elif end > start and max(last - first, end - start) <= _NEAR:
            run = min(spoken[place][1][0] for place in range(start, end)), max(spoken[place][1][1] for place in range(start, end))
            side.times[first:last] = [run] * (last - first)


def usable(word: Word) -> bool:
    """True when the word's times are numbers that can be a stretch of a sound."""
    times = word.start_s, word.end_s
    return (
        all(isinstance(time_s, int | float) and math.isfinite(time_s) for time_s in times) and 0 <= times[0] <= times[1] < 360_000
    )


@dataclass(frozen=True)
class _Place:
    """For each transcript: its pieces there, from and up to, and its normalised words; None where it has none."""

    pieces: tuple[tuple[int, int] | None, ...]
    keys: tuple[tuple[str, ...], ...]
    numbers: tuple[tuple[int, ...], ...]


def _fused(aligned: Sequence[Mapping[int, int]], sides: Sequence[_Transcript]) -> list[_Place]:
    """The network's places, those that share a piece made one: "can't" stands against "can not"."""
    bound = [False] * len(aligned)
    last: dict[int, tuple[int, int]] = {}
    for place, at in enumerate(aligned):
        for side, number in at.items():
            piece = sides[side].owner[number]
            if side in last and last[side][0] == piece:
                bound[last[side][1] + 1 : place + 1] = [True] * (place - last[side][1])
            last[side] = piece, place
    fused: list[list[list[int]]] = []
    for place, at in enumerate(aligned):
        if not bound[place] or not fused:
            fused.append([[] for _ in sides])
        for side, number in at.items():
            fused[-1][side].append(number)
    found = []
    for run in fused:
        pieces = tuple(
            (sides[side].owner[own[0]], sides[side].owner[own[-1]] + 1) if own else None for side, own in enumerate(run)
        )
        keys = tuple(tuple(sides[side].words[number] for number in own) for side, own in enumerate(run))
        found.append(_Place(pieces, keys, tuple(map(tuple, run))))
    return found


def _merged(places: Sequence[_Place], sides: Sequence[_Transcript]) -> tuple[Column, ...]:
    """Columns of the places; neighbours over which the engines are split alike are one column, a phrase against a phrase."""
    merged: list[list[_Place]] = []
    previous = None
    for place in places:
        split = tuple((place.keys.index(key), bool(key)) for key in place.keys)
        disputed, several = len(set(place.keys)) > 1, len(set(place.keys) - {()}) > 1
        if not disputed or split != previous or (several and len(merged[-1]) >= _PHRASE):
            merged.append([])
        merged[-1].append(place)
        previous = split
    return tuple(_column(run, sides) for run in merged)


def _column(run: Sequence[_Place], sides: Sequence[_Transcript]) -> Column:
    groups: dict[tuple, list[int]] = {}
    for side in range(len(sides)):
        groups.setdefault(tuple(place.keys[side] for place in run), []).append(side)
    ranked = sorted(groups.values(), key=len, reverse=True)

    def written(side: int) -> str:
        at = [place.pieces[side] for place in run if place.pieces[side]]
        return text_of(sides[side].pieces, at[0][0], at[-1][1] - 1) if at else ""

    own = tuple(written(side) for side in range(len(sides)))
    variants = []
    for group in ranked:
        commonest = Counter(own[side].strip() for side in group).most_common(1)[0][0]
        variants.append(Variant(commonest, tuple(sides[side].name for side in group)))
    for side in (side for group in ranked for side in group):
        times = [sides[side].times[number] for place in run for number in place.numbers[side]]
        if times and None not in times:
            bounds = min(start_s for start_s, _ in times), max(end_s for _, end_s in times)
            break
    else:
        bounds = None, None
    return Column(tuple(variants), own, len(ranked) > 1 and len(ranked[0]) == len(ranked[1]), *bounds)


def differing(agreement: Agreement, transcripts: Mapping[str, str]) -> dict[str, list[Span]]:
    """Each engine's own text with the words marked that another engine hears differently.

    What was not compared, or lies beyond MOST_SPANS, follows in one piece whose title says so.
    """
    found: dict[str, list[Span]] = {}
    for side, engine in enumerate(agreement.engines):
        marks: list[Span] = []
        reached = 0
        for column in agreement.columns:
            if len(marks) >= MOST_SPANS:
                break
            text = column.written[side]
            reached += len(text)
            word = text.rstrip() if column.disputed else ""
            if word:
                others = [
                    f"{each.text or 'no word'} ({len(each.engines)})" for each in column.variants if engine not in each.engines
                ]
                marks.append(Span(word, "differs", f"others: {', '.join(others)}"[:200]))
            if marks and marks[-1].kind == "same":
                marks[-1] = Span(marks[-1].text + text[len(word) :])
            elif len(text) > len(word):
                marks.append(Span(text[len(word) :]))
        rest = transcripts[engine].lstrip()[reached:]
        found[engine] = [*marks, Span(rest, title="the rest is not marked")] if rest else marks
    return found


def _pairs(places: Sequence[_Place], names: Sequence[str]) -> dict[tuple[str, str], float]:
    counted = {}
    for left, right in combinations(range(len(names)), 2):
        either = [place.keys[left] == place.keys[right] for place in places if place.keys[left] or place.keys[right]]
        if either:
            counted[names[left], names[right]] = sum(either) / len(either)
    return counted
