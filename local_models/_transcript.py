"""What local speech recognisers share: windows cut at pauses, words from tokens, hypotheses on the way, one text at the end."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.contract import BadResponse, Facts, Text, Word
from local_models._long import at_pauses
from local_models._stream import STEP, Tokens, streamed
from local_models._whisper import RATE, SHORTEST_S, language_code, samples_of

__all__ = [
    "CUT", "RATE", "SHORTEST_S", "Growing", "Heard", "joined", "language_code", "samples_of", "timed", "units_of", "whole_text",
    "words_of", "written",
]  # fmt: skip


CUT = "The model did not come to an end in every part of the sound; its text was cut there."


@dataclass(frozen=True)
class Heard:
    """What one window says. Times of words count from the window's start."""

    text: str
    words: tuple[Word, ...] = ()
    language: str | None = None
    cut: bool = False
    """The model had not come to an end when it was stopped."""


class Growing:
    """Says when a growing text is worth another hypothesis: each repeats the whole text so far."""

    def __init__(self) -> None:
        self._last, self._next_length = "", 0.0

    def news(self, text: str) -> Iterator[Text]:
        if text and text != self._last and len(text) >= self._next_length:
            self._last, self._next_length = text, len(text) * (1 + STEP)
            yield Text(text, final=False)


def whole_text(
    samples: np.ndarray,
    longest_s: float,
    hear: Callable[[list[np.ndarray]], Iterable[Sequence[Heard]]],
    *,
    batch: int = 1,
    rate: int = RATE,
) -> Iterator[Text | Facts]:
    """Hear mono `samples` in windows of at most `longest_s`: hypotheses of the whole text so far, then the final one.

    `hear` takes up to `batch` windows at once and yields what they say: once, or more often as the texts grow. Words come back
    on the clock of the whole sound. Where a window's text was cut, facts that say so come last.
    """
    spans, growing = at_pauses(samples, rate, longest_s), Growing()
    texts: list[str] = []
    words: list[Word] = []
    language, cut = None, False
    for first in range(0, len(spans), batch):
        group = spans[first : first + batch]
        now: Sequence[Heard] = ()
        for now in hear([_padded(samples[start:end], rate) for start, end in group]):
            yield from growing.news(joined([*texts, *(each.text for each in now)]))
        for (start, end), each in zip(group, now, strict=True):
            texts.append(each.text)
            words += _shifted(each.words, start / rate, end / rate)
            language, cut = language or each.language, cut or each.cut
    yield Text(joined(texts), words=tuple(words), language=language)
    if cut:
        yield Facts(notice=CUT)


def written(generate: Callable[[Tokens], Any], text_of: Callable[[list[int]], str], most: int) -> Iterator[list[Heard]]:
    """What `generate(streamer)` writes for one window, after each token; `text_of` makes text of all tokens so far.

    `most` is the number of tokens at which generate() stops a model that has not come to an end.
    """
    ids: list[int] = []
    for new in streamed(generate):
        ids += new
        yield [Heard(text_of(ids).rstrip("\N{REPLACEMENT CHARACTER}"))]  # the last character may be half written
    yield [Heard(text_of(ids), cut=len(ids) >= most)]


def _padded(window: np.ndarray, rate: int) -> np.ndarray:
    """The rest after the last cut may be shorter than any network takes."""
    return np.pad(window, (0, max(0, int(SHORTEST_S * rate) - len(window))))


def _shifted(words: Iterable[Word], start_s: float, end_s: float) -> Iterator[Word]:
    for word in words:
        first_s = min(start_s + word.start_s, end_s)
        yield replace(word, start_s=first_s, end_s=max(first_s, min(start_s + word.end_s, end_s)))


def joined(texts: Iterable[str]) -> str:
    """Texts one after the other, with a space between them unless both sides are written without."""
    whole: list[str] = []
    for text in filter(None, (each.strip() for each in texts)):
        if whole and not (_unspaced(whole[-1][-1]) and _unspaced(text[0])):
            whole.append(" ")
        whole.append(text)
    return "".join(whole)


def _unspaced(character: str) -> bool:
    """Of a script that is written without spaces, or its full-width punctuation."""
    return unicodedata.east_asian_width(character) in "WF" and not "\uac00" <= character <= "\ud7a3"


def words_of(tokens: Iterable[tuple[str, float, float]]) -> tuple[Word, ...]:
    """Words from tokens (text, start_s, end_s): a blank before a token, or a character of an unspaced script, begins one."""
    words: list[Word] = []
    begins = True
    for text, start_s, end_s in tokens:
        said = text.strip()
        if not said:
            begins = begins or bool(text)
            continue
        letters = unicodedata.category(said[0])[0] in "LN"
        if begins or text[0].isspace() or (letters and (_unspaced(said[0]) or _unspaced(words[-1].text[-1]))):
            words.append(Word(said, start_s, end_s))
        else:
            words[-1] = replace(words[-1], text=words[-1].text + said, end_s=max(end_s, words[-1].end_s))
        begins = text[-1].isspace()
    return tuple(words)


def units_of(text: str) -> list[str]:
    """What FunASR gives one time each: a character of an unspaced script, or a word between blanks."""
    units: list[str] = []
    for part in text.split():
        word = ""
        for character in part:
            if _unspaced(character):
                units += [word, character] if word else [character]
                word = ""
            else:
                word += character
        units += [word] if word else []
    return units


def timed(text: str, times_ms: Sequence[Sequence[float]], engine_id: str) -> tuple[Word, ...]:
    """The units of `text` with FunASR's times [start, end] in milliseconds. Raises BadResponse when their numbers differ."""
    units = units_of(text)
    if len(units) != len(times_ms):
        raise BadResponse(f"{engine_id} gave {len(times_ms)} times for {len(units)} words")
    return tuple(Word(unit, start / 1000, end / 1000) for unit, (start, end) in zip(units, times_ms, strict=True))
