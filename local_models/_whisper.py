"""What every runtime of Whisper shares here: the sizes, the sound they hear, the language and terms that may be asked for."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from engine.contract import BadInput, Transcribe, Unsupported

RATE = 16_000
SHORTEST_S = 0.1
WINDOW_S = 30.0
_PART_FRAMES, _AROUND_FRAMES = 6_000, 2
"""A minute, and what the spectrum of a frame reaches into its neighbours."""
PARAMETERS: Mapping[str, float] = {
    "tiny": 39e6, "tiny.en": 39e6, "base": 74e6, "base.en": 74e6, "small": 244e6, "small.en": 244e6, "medium": 769e6,
    "medium.en": 769e6, "large-v1": 1.55e9, "large-v2": 1.55e9, "large-v3": 1.55e9, "large-v3-turbo": 809e6,
    "distil-small.en": 166e6, "distil-medium.en": 394e6, "distil-large-v2": 756e6, "distil-large-v3": 756e6,
    "distil-large-v3.5": 756e6,
}  # fmt: skip
"""Weights of each published size, OpenAI's first, then the distilled ones."""


def is_distilled(size: str) -> bool:
    return size.startswith("distil-")


def languages_of(size: str) -> tuple[str, ...]:
    """The distilled sizes were trained on English alone, though the larger ones still know all language tokens."""
    return ("en",) if size.endswith(".en") or is_distilled(size) else ("*",)


def spoken(size: str) -> str:
    """The languages of a size in words."""
    return "English only" if languages_of(size) == ("en",) else "99 languages"


def weights_license(size: str) -> str:
    return "MIT" if is_distilled(size) else "Apache-2.0 on the hub, MIT in OpenAI's repository"


def samples_of(request: Transcribe, engine_id: str) -> np.ndarray:
    """The sound as float32 [frames] at 16 kHz. Raises BadInput when it is too short to hear."""
    if request.audio.seconds < SHORTEST_S:
        raise BadInput(f"{engine_id} needs at least {SHORTEST_S} s of sound, not {request.audio.seconds:.3f} s")
    return request.audio.mono().resample(RATE).samples[0]


def long_features(extractor: Any, samples: np.ndarray) -> Any:
    """[1, bands, frames] of mono `samples` from transformers' Whisper `extractor`, as it makes them of the whole sound.

    It is made minute by minute: the spectrum of an hour at once would take gigabytes.
    """
    import torch

    hop, parts = extractor.hop_length, []
    frames, how = len(samples) // hop, {"truncation": False, "padding": "longest", "return_tensors": "pt"}
    for first in range(0, frames, _PART_FRAMES):
        end, before = min(first + _PART_FRAMES, frames), min(first, _AROUND_FRAMES)
        last = len(samples) if end == frames else (end + _AROUND_FRAMES) * hop
        part = extractor(samples[(first - before) * hop : last], sampling_rate=RATE, **how).input_features
        parts.append(part[..., before : before + end - first])
    whole = torch.cat(parts, dim=-1)
    # Each part ends 80 dB below its own loudest place; of the whole, 80 dB are 2 on the extractor's scale.
    return torch.maximum(whole, whole.max() - 2)


def language_code(asked: str | None, known: Collection[str], engine_id: str) -> str | None:
    """The code without its region, None where none was asked for. Raises Unsupported when it is not among `known`."""
    if not asked or not asked.strip():
        return None
    code = asked.strip().lower().replace("_", "-").partition("-")[0]
    if code not in known:
        raise Unsupported(f"{engine_id} does not know the language {asked!r}")
    return code


def check_terms(prompt: str, tokens: int, most: int, engine_id: str) -> None:
    """Raises BadInput for names and terms that would be cut off, or that imitate the marks of the decoder."""
    if "<|" in prompt:
        raise BadInput(f"{engine_id} cannot use these names and terms: they hold the mark '<|'")
    if tokens > most > 0:
        raise BadInput(f"{engine_id} takes names and terms of up to {most} tokens, and these are {tokens}")


def cpu_threads() -> int:
    """OMP_NUM_THREADS where it is set, else one for each core that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
