"""Lists of voices as vendors give them: page by page, bounded in number and size, every value checked before it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.contract import Voice
from providers._http import Line

MOST_VOICES = 500
MOST_PAGES = 20  # a vendor whose pages never end
PAGE_SIZE = 100
LIST_BYTES = 16 << 20  # one page of the wordiest vendor has less than one
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")


@contextmanager
def short_answers(line: Line) -> Iterator[None]:
    """Takes at most LIST_BYTES for an answer: the line's own limit is made for sound, and a list is read into memory whole."""
    usual, line.answer_bytes = line.answer_bytes, LIST_BYTES
    try:
        yield
    finally:
        line.answer_bytes = usual


def voice(pattern: str, voice_id: Any, name: Any, language: Any = None, description: Any = None) -> Voice | None:
    """A voice from an answer; None for one whose id does not match `pattern` and so could not be sent back.

    Raises TypeError when the id is no text at all: then the answer is not a list of voices. The rest is left out where it is not
    what it should be.
    """
    if not isinstance(voice_id, str):
        raise TypeError(f"the id of a voice is {type(voice_id).__name__}")
    if len(voice_id) > 200 or not re.fullmatch(pattern, voice_id):
        return None
    known = isinstance(language, str) and _LANGUAGE.fullmatch(language)
    return Voice(voice_id, _short(name) or voice_id, language if known else None, _short(description))


def _short(words: Any) -> str | None:
    return words[:500].strip() or None if isinstance(words, str) else None


def gathered(pages: Iterable[Iterable[Voice | None]], most: int = MOST_VOICES) -> tuple[Voice, ...]:
    """The voices of successive pages, every id once; no page is asked for that is not needed."""
    found: dict[str, Voice] = {}
    for number, page in enumerate(pages, start=1):
        for each in page:
            if each is not None:
                found.setdefault(each.id, each)
        if len(found) >= most or number >= MOST_PAGES:
            break
    return tuple(found.values())[:most]


def next_token(token: Any) -> str | None:
    """Where the next page begins, as the vendor said; None at the end. Raises ValueError for what is no such token."""
    if token is None or token == "":
        return None
    if not isinstance(token, str) or len(token) > 4_000:
        raise ValueError("the token of the next page")
    return token
