"""Texts cut into pieces that keep their spelling beside their normalised words, and sequences of words aligned."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from comparisons import words as texts
from comparisons.words import Normaliser

_BETWEEN, _BATCH = " qxzxq ", 20_000
"""A word that no normaliser changes stands between those that are read at once, this many characters in all."""
_CELLS = 300_000
"""Cells of the exact alignment, spent on stretches where engines differ; beyond it they are aligned less well, never wrongly."""


@dataclass(frozen=True)
class Piece:
    text: str
    """As written, with the space after it."""
    words: tuple[str, ...]
    """What the normaliser makes of it: none of a filler, two of "can't"."""


def _cut(text: str, unspaced: bool) -> list[str]:
    """The words of a text, or its characters, each with its combining marks; every one with the white space after it."""
    found = re.findall(r"\S+\s*", text.lstrip())
    if not unspaced:
        return found
    pieces: list[str] = []
    for character in "".join(found):
        joins = unicodedata.category(character)[0] == "M" or character.isspace()
        # letters of a spaced script among them, such as a Latin name, stay one word
        inside = pieces and character.isascii() and character.isalnum() and pieces[-1][-1].isascii() and pieces[-1][-1].isalnum()
        if pieces and (joins or inside):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


class Reader:
    """From a text to its normalised words, or characters; what was read once is kept, because words repeat."""

    def __init__(self, normaliser: Normaliser, unspaced: bool) -> None:
        self.normaliser, self.unspaced = normaliser, unspaced
        self._known: dict[str, tuple[str, ...]] = {}

    def __call__(self, text: str) -> tuple[str, ...]:
        if text not in self._known:
            self._known[text] = self._units(texts.normalise(text, self.normaliser))
        return self._known[text]

    def learn(self, tokens: Iterable[str]) -> None:
        """Read many words in a few calls: a call for each costs ten times as much as one for all."""
        # a bracket reaches over the words behind it
        plain = [token for token in dict.fromkeys(tokens) if token not in self._known and not re.search(r"[()<>\[\]]", token)]
        while plain:
            room, batch = _BATCH, []
            while plain and (not batch or len(plain[-1]) < room):
                batch.append(plain.pop())
                room -= len(batch[-1]) + len(_BETWEEN)
            if sum(map(len, batch)) <= _BATCH:
                parts = texts.normalise(_BETWEEN.join(batch), self.normaliser).split(_BETWEEN.strip())
                if len(parts) == len(batch):
                    self._known.update(zip(batch, map(self._units, parts), strict=True))

    def _units(self, normal: str) -> tuple[str, ...]:
        return tuple(_cut("".join(normal.split()), True) if self.unspaced else normal.split())


def steps(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int, int, int, bool]]:
    """The cheapest alignment as runs (left start, left end, right start, right end, alike), in order."""
    if not left or not right:
        if left or right:
            yield 0, len(left), 0, len(right), False
        return
    import jiwer

    for chunk in jiwer.process_words(" ".join(left), " ".join(right)).alignments[0]:
        bounds = chunk.ref_start_idx, chunk.ref_end_idx, chunk.hyp_start_idx, chunk.hyp_end_idx
        yield *bounds, chunk.type == "equal"


def runs(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int, int, int, bool]]:
    """`steps` with neighbouring runs of unlike words made one."""
    held = None
    for step in steps(left, right):
        if step[4]:
            if held:
                yield held
                held = None
            yield step
        else:
            held = (held[0], step[1], held[2], step[3], False) if held else step
    if held:
        yield held


def pieces_of(text: str, read: Reader) -> list[Piece]:
    """The text in order, cut where its normalised words allow it: "twenty one", which becomes "21", is one piece."""
    written = _cut(text, read.unspaced)
    read.learn(token.strip() for token in written)
    alone = [(word, place) for place, token in enumerate(written) for word in read(token.strip())]
    whole, owned = read(text), [[] for _ in written]
    joined = [False] * len(written)
    for first, last, start, end, alike in runs([word for word, _ in alone], whole):
        if alike:
            for offset in range(last - first):
                owned[alone[first + offset][1]].append(whole[start + offset])
        elif end > start and written:
            places = [place for _, place in alone[first:last]] or [alone[first - 1][1] if first else 0]
            owned[places[0]].extend(whole[start:end])
            for place in range(places[0] + 1, places[-1] + 1):
                joined[place] = True
    pieces: list[Piece] = []
    for place, token in enumerate(written):
        if joined[place]:
            pieces[-1] = Piece(pieces[-1].text + token, (*pieces[-1].words, *owned[place]))
        else:
            pieces.append(Piece(token, tuple(owned[place])))
    return pieces


def text_of(side: Sequence[Piece], first: int | None, last: int | None) -> str:
    """What was written from one piece to another, both included; "" from None."""
    return "" if first is None else "".join(piece.text for piece in side[first : last + 1])


def network(sentences: Sequence[Sequence[str]]) -> list[dict[int, int]]:
    """The aligned places: for each, the number of the word that a sentence has there.

    Sentences join one by one, those with most words in common first, each aligned with the commonest word of every place.
    """
    bags = [Counter(sentence) for sentence in sentences]
    shared = [[(left & right).total() for right in bags] for left in bags]
    order = sorted(range(len(sentences)), key=lambda place: -sum(shared[place]))
    cells, places = _CELLS, []
    for sentence in order:
        own, votes = sentences[sentence], [Counter(sentences[other][word] for other, word in at.items()) for at in places]
        joined: list[dict[int, int]] = []
        for first, last, start, end, alike in runs([vote.most_common(1)[0][0] for vote in votes], own):
            area = (last - first) * (end - start)
            exact = not alike and 1 < area <= cells
            cells -= area if exact else 0
            for left, right in _exact(votes[first:last], own[start:end]) if exact else _straight(last - first, end - start):
                at = {} if left is None else places[first + left]
                joined.append(at if right is None else at | {sentence: start + right})
        places = joined
    return places


def _straight(left: int, right: int) -> Iterator[tuple[int | None, int | None]]:
    for place in range(max(left, right)):
        yield (place if place < left else None), (place if place < right else None)


def _exact(places: Sequence[Counter], own: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """The alignment that sets a word where any engine has it, else beside one that is spelt like it."""
    spelt = [[_letters(word) for word in place] for place in places]
    mine = [_letters(word) for word in own]
    cost = [[float(right) for right in range(len(own) + 1)]]
    for left, place in enumerate(places):
        row = [left + 1.0]
        for right, word in enumerate(own):
            if word in place:
                change = 0.0
            else:
                change = 1.5 - max(2 * len(mine[right] & other) / (len(mine[right]) + len(other)) for other in spelt[left])
            row.append(min(cost[left][right] + change, cost[left][right + 1] + 1.0, row[right] + 1.0))
        cost.append(row)
    left, right, found = len(places), len(own), []
    while left or right:
        if left and cost[left][right] == cost[left - 1][right] + 1.0:
            left, pair = left - 1, (left - 1, None)
        elif right and cost[left][right] == cost[left][right - 1] + 1.0:
            right, pair = right - 1, (None, right - 1)
        else:
            left, right, pair = left - 1, right - 1, (left - 1, right - 1)
        found.append(pair)
    return found[::-1]


def _letters(word: str) -> frozenset[str]:
    framed = f"^{word[:40]}$"
    return frozenset(one + other for one, other in pairwise(framed))
