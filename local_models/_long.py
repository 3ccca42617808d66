"""Inputs longer than a model's window: sound cut at pauses or into overlapping windows, text cut at the ends of sentences."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import numpy as np

_FRAME_S = 0.02
_SENTENCE = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|\n{2,}|(?<=[。！？])")
_CLAUSE = re.compile(r"(?<=[,;:，；：、])\s*|\s+[-–—]\s+")


def at_pauses(samples: np.ndarray, rate: int, longest_s: float, search_s: float = 5.0) -> list[tuple[int, int]]:
    """Spans (first, end) in samples, each at most `longest_s`, that cover mono `samples`, cut where it is quietest.

    The cut lies within the last `search_s` of a span, in the middle of its quietest tenth of a second.
    """
    longest, frame = int(longest_s * rate), max(1, int(_FRAME_S * rate))
    spans, start = [], 0
    while len(samples) - start > longest:
        from_here = start + longest - min(int(search_s * rate), longest // 2)
        tail = samples[from_here : start + longest]
        frames = len(tail) // frame
        power = (tail[: frames * frame].reshape(frames, frame).astype(np.float64) ** 2).mean(axis=1)
        smooth = np.convolve(power, np.ones(5) / 5, "same") if frames >= 5 else power
        cut = from_here + int((np.argmin(smooth) + 0.5) * frame) if frames else start + longest
        spans.append((start, cut))
        start = cut
    return [*spans, (start, len(samples))]


def windows(frames: int, rate: int, window_s: float, step_s: float | None = None) -> Iterator[tuple[int, int]]:
    """Spans (first, end) in samples of `window_s`, one every `step_s`; the last one ends with the sound and may be shorter."""
    window, step = int(window_s * rate), int((step_s or window_s) * rate)
    start = 0
    while True:
        yield start, min(frames, start + window)
        if start + window >= frames:
            return
        start += step


def passages(text: str, most: int) -> list[str]:
    """`text` in pieces of at most `most` characters, at the ends of sentences where possible, else of clauses, else of words."""
    pieces: list[str] = []
    for sentence in filter(None, map(str.strip, _SENTENCE.split(text))):
        parts = [sentence] if len(sentence) <= most else _shorter(sentence, most)
        for part in parts:
            if pieces and len(pieces[-1]) + 1 + len(part) <= most:
                pieces[-1] += f" {part}"
            else:
                pieces.append(part)
    return pieces


def _shorter(sentence: str, most: int) -> list[str]:
    """One long sentence in clauses; a clause that is still too long in words, and a word without end wherever it must be."""
    clauses = filter(None, (each.strip() for each in _CLAUSE.split(sentence) if each))
    return [part for clause in clauses for part in textwrap.wrap(clause, most, break_on_hyphens=False)]
