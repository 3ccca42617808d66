"""What models with one space for sound and words share: labels scored by how near they lie to each window of the sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from engine.contract import Classify, Tag
from local_models._tags import best_tags, windows

TEMPLATE = "This is a sound of {}."


def nearest(
    request: Classify, labels: Sequence[str], engine_id: str, *, rate: int, window_s: float, scale: float,
    heard: Callable[[np.ndarray], np.ndarray], read: Callable[[list[str]], np.ndarray],
) -> Iterator[Tag]:  # fmt: skip
    """A tag per label, best first: its share among the labels in its best window.

    `heard` makes a vector of a window's samples, `read` [texts, size] of texts, of any length; `scale` sharpens the shares. A
    single label has no others to share with: its score is the cosine similarity over the whole sound, 0 where negative.
    """
    alone = len(labels) == 1
    words = _unit(read([label if alone else TEMPLATE.format(label) for label in labels]))
    spans = windows(request.audio, rate, window_s, engine_id)
    vectors = [(start_s, end_s, _unit(heard(samples))) for start_s, end_s, samples in spans]
    if alone:
        whole = _unit(np.mean([vector for *_, vector in vectors], axis=0))
        scored = [(0.0, request.audio.seconds, np.array([max(0.0, float(words[0] @ whole))]))]
    else:
        scored = [(start_s, end_s, _shares(scale * (words @ vector))) for start_s, end_s, vector in vectors]
    return best_tags(scored, labels, request.top_k)


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _shares(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max())
    return raised / raised.sum()
