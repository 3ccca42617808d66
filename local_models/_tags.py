"""What tagging families share: the sound in windows, the best window of each label, the labels a person typed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from engine.audio import Audio
from engine.contract import BadInput, Tag

SHORTEST_S = 0.1
_PART_S = 60.0
_LEAST_REST = 0.1
"""Share of a window below which what is left at the end of the sound is not scored on its own."""
MOST_LABELS, LONGEST_LABEL = 100, 1_000

EVERYDAY = (
    "speech", "singing", "laughter", "crying", "applause", "crowd noise", "footsteps", "music", "guitar", "piano", "drums",
    "violin", "electronic music", "classical music", "rock music", "dog barking", "cat meowing", "birdsong", "insects", "rain",
    "thunder", "wind", "sea waves", "running water", "fire crackling", "car engine", "traffic", "car horn", "siren", "train",
    "aeroplane", "helicopter", "door knock", "keyboard typing", "telephone ringing", "alarm clock", "church bells",
    "vacuum cleaner", "chainsaw", "glass breaking", "gunshot", "fireworks", "silence", "white noise",
)  # fmt: skip
"""What zero-shot engines look for when nobody names labels."""


def windows(
    audio: Audio, rate: int, window_s: float, engine_id: str, least_rest: float = _LEAST_REST
) -> Iterator[tuple[float, float, np.ndarray]]:
    """(start_s, end_s, mono float32 samples at `rate`), back to back, in bounded memory; the last one may be shorter.

    What is left at the end, shorter than the share `least_rest` of a window, is left out. Raises BadInput for less than a tenth
    of a second.
    """
    if audio.seconds < SHORTEST_S:
        raise BadInput(f"{engine_id} needs at least {SHORTEST_S} s of sound, got {audio.seconds:.3f} s")
    size, part_s = round(window_s * rate), max(1, round(_PART_S / window_s)) * window_s
    part_start_s = 0.0
    while part_start_s < audio.seconds:
        part = audio.part(part_start_s, min(part_start_s + part_s, audio.seconds)).mono().resample(rate).samples[0]
        for first in range(0, len(part), size):
            start_s, window = part_start_s + first / rate, part[first : first + size]
            if len(window) < least_rest * size and start_s > 0:
                return
            yield start_s, min(start_s + window_s, audio.seconds), window
        part_start_s += part_s


def best_tags(scored: Iterable[tuple[float, float, np.ndarray]], labels: Sequence[str], top_k: int | None) -> Iterator[Tag]:
    """One tag per label: its best score over all windows (start_s, end_s, scores) and the window where it had it; best first."""
    best = np.full(len(labels), -np.inf)
    at_s = np.zeros((len(labels), 2))
    for start_s, end_s, scores in scored:
        better = scores > best
        best[better], at_s[better] = scores[better], (start_s, end_s)
    for place in np.argsort(-best, kind="stable")[:top_k]:
        yield Tag(labels[place], float(best[place]), float(at_s[place, 0]), float(at_s[place, 1]))


def asked_labels(given: str | None, engine_id: str) -> list[str]:
    """The labels a person typed, separated by commas or lines; the everyday ones where none were. Raises BadInput for too many.

    A label that holds a comma stands in double quotes.
    """
    typed = [label for line in csv.reader((given or "").splitlines(), skipinitialspace=True) for label in line]
    labels = list(dict.fromkeys(label.strip() for label in typed if label.strip()))
    if len(labels) > MOST_LABELS:
        raise BadInput(f"{engine_id} takes up to {MOST_LABELS} labels, got {len(labels)}")
    long = next((label for label in labels if len(label) > LONGEST_LABEL), None)
    if long:
        raise BadInput(f"{engine_id} takes labels of up to {LONGEST_LABEL} characters, and {long[:40]!r}... has {len(long)}")
    return labels or list(EVERYDAY)
