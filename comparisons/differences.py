"""A transcript against its reference, word by word; comparisons/disagreements.py sets transcripts against each other.

Words are compared as WER compares them, normalised, and shown as they were written. Characters take the place of words in
scripts that put no space between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from comparisons import words as texts
from comparisons._aligned import Reader, pieces_of, steps, text_of
from comparisons.words import WordErrors

MOST_SPANS = 4_000
"""Stretches that a browser draws without a pause."""
Kind = Literal["same", "substituted", "inserted", "deleted", "differs"]


@dataclass(frozen=True)
class Span:
    """A stretch of a text and how it differs; stretches are joined as they stand, so spaces belong to them."""

    text: str
    kind: Kind = "same"
    title: str = ""


@dataclass(frozen=True)
class Part:
    """Neighbouring words of two texts that belong together, each side as it was written; "" where a side has none."""

    kind: Kind
    reference: str
    hypothesis: str


def compare(reference: str, hypothesis: str, language: str | None = None) -> tuple[tuple[Part, ...], WordErrors]:
    """Both texts in parts, in order, and the counts on which WER rests. Raises Withheld for a text too long to be compared."""
    unspaced, normaliser = texts.unspaced(reference), texts.normaliser_for(language, reference)
    read = Reader(normaliser, unspaced)
    sides = pieces_of(reference, read), pieces_of(hypothesis, read)
    flat = [[word for piece in side for word in piece.words] for side in sides]
    owner = [[place for place, piece in enumerate(side) for _ in piece.words] for side in sides]
    groups: list[list[Any]] = []
    counts = {"substituted": 0, "deleted": 0, "inserted": 0}
    for first, last, start, end, alike in steps(*flat):
        for offset in range(max(last - first, end - start)):
            left = owner[0][first + offset] if first + offset < last else None
            right = owner[1][start + offset] if start + offset < end else None
            kind = "same" if alike else "inserted" if left is None else "deleted" if right is None else "substituted"
            if not alike:
                counts[kind] += 1
            if groups and ((left is not None and left == groups[-1][1]) or (right is not None and right == groups[-1][3])):
                group = groups[-1]
                group[1], group[3] = (group[1] if left is None else left), (group[3] if right is None else right)
                group[0], group[2] = (left if group[0] is None else group[0]), (right if group[2] is None else group[2])
                group[4].add(kind)
            else:
                groups.append([left, left, right, right, {kind}])
    parts, said = [], 0
    for left, left_end, right, right_end, kinds in groups:
        if right is not None:
            parts += [Part("same", "", piece.text) for piece in sides[1][said:right]]
            said = right_end + 1
        kind = next(iter(kinds)) if len(kinds) == 1 else "substituted"
        if len(kinds) > 1 and (left is None or right is None):
            kind = "inserted" if left is None else "deleted"
        parts.append(Part(kind, text_of(sides[0], left, left_end), text_of(sides[1], right, right_end)))
    parts += [Part("same", "", piece.text) for piece in sides[1][said:]]
    return tuple(parts), WordErrors(counts["substituted"], counts["deleted"], counts["inserted"], len(flat[0]))


def spans(reference: str, hypothesis: str, language: str | None = None) -> list[Span]:
    """The hypothesis as it was written, with what differs from the reference marked and what is missing put in.

    After MOST_SPANS the rest follows in one piece whose title says so. Raises Withheld for a text too long to be compared.
    """
    parts, _ = compare(reference, hypothesis, language)
    between = "" if texts.unspaced(reference) else " "
    found: list[Span] = []

    def put(text: str, kind: Kind = "same", title: str = "") -> None:
        if not text:
            return
        # one mark for a run of missing or added words reads better than one for each
        if len(found) > 1 and kind in ("inserted", "deleted") and found[-2].kind == kind and not found[-1].text.strip():
            space = found.pop().text
            found.append(Span(found.pop().text + space + text, kind))
        elif found and found[-1].kind == kind != "substituted":
            found.append(Span(found.pop().text + text, kind))
        else:
            found.append(Span(text, kind, title))

    for place, part in enumerate(parts):
        if len(found) >= MOST_SPANS:
            rest = "".join(later.hypothesis for later in parts[place:])
            found.append(Span(rest, title=f"only the first {MOST_SPANS} stretches are marked"))
            break
        if part.kind == "same":
            put(part.hypothesis)
            continue
        shown = part.hypothesis or part.reference
        if part.kind == "deleted" and found and not found[-1].text[-1:].isspace():
            put(between)
        put(shown.rstrip(), part.kind, f"reference: {part.reference.strip()}"[:200] if part.kind == "substituted" else "")
        put(shown[len(shown.rstrip()) :] or (between if part.kind == "deleted" else ""))
    if found and found[-1].kind == "same" and not found[-1].text.strip():
        found.pop()
    return found
