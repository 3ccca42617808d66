"""What the music models share: a seed that is always known, and lengths and descriptions within the model's limits."""

from __future__ import annotations

import secrets

from engine.contract import BadInput, Compose, EngineSpec

SHORTEST_S = 1.0


def seed_of(request: Compose) -> int:
    """The seed asked for, else a fresh one; the run's facts state it, so that any piece can be had again."""
    return secrets.randbelow(2**31) if request.seed is None else request.seed


def length_of(spec: EngineSpec, request: Compose, longest_s: float) -> float:
    """Seconds to compose. Raises BadInput outside `SHORTEST_S` to `longest_s`."""
    wanted_s = min(10.0, longest_s) if request.duration_s is None else request.duration_s
    if not SHORTEST_S <= wanted_s <= longest_s:
        raise BadInput(f"{spec.id} composes {SHORTEST_S:g} to {longest_s:g} s, not {wanted_s:g}")
    return wanted_s


def described(spec: EngineSpec, request: Compose) -> str:
    """The description without the space around it. Raises BadInput when nothing is left."""
    if not request.prompt.strip():
        raise BadInput(f"{spec.id} needs a description of the music, got {request.prompt!r}")
    return request.prompt.strip()


def check_tokens(spec: EngineSpec, count: int, most: int) -> None:
    """Raises BadInput for a description that the text encoder would cut."""
    if count > most:
        raise BadInput(f"{spec.id} reads descriptions of up to {most} tokens, and this has {count}")
