"""ZeroGPU Spaces: a GPU that is lent for the length of one call, and only to the process that serves the page.

There a child process would have no GPU, so local engines that want one run in this process, under `spaces.GPU`. Nothing here
does anything elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from engine.contract import Engine, EngineSpec, Piece, Request
from engine.worker import WorkerError, describe, versions_of

SHORTEST_S, LONGEST_S = 15, 120
"""What a visitor's quota is asked for: never less than a model's first kernels take, never more than one call may hold."""


def here() -> bool:
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def memory_gb() -> float:
    """Memory of the lent GPU, as the platform states it."""
    return int(os.environ.get("ZEROGPU_CUDA_TOTAL_MEMORY") or 74_625_056_768) / 1e9


def announce() -> None:
    """Before torch is imported anywhere: the platform patches it, and wants one GPU function known when the page starts."""
    if here():
        import spaces

        spaces.GPU(_nothing)


def _nothing() -> None:
    """Stands for the engines, which are declared one by one when they are first loaded."""


def duration_s(request: Request, timeout_s: float) -> int:
    """Seconds of GPU to ask for: twice the length of the sound that goes in or comes out, within bounds and the deadline."""
    sound = getattr(request, "audio", None)
    length_s = sound.seconds if sound is not None else getattr(request, "duration_s", None) or 15.0
    return int(min(max(SHORTEST_S, 2 * length_s), LONGEST_S, max(1.0, timeout_s)))


class ZeroGpuEngine(Engine):
    """A local engine in this process; each run borrows the GPU. It cannot be killed, so a deadline only stops waiting for it."""

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        self.versions: dict[str, str] = {}
        self.alive = False
        self._borrowed: Callable[..., Iterator[Any]] | None = None

    def load(self) -> None:
        """Load the weights; the platform moves them to the GPU when it is lent. Raises WorkerError with the kind of failure."""
        import spaces

        inner = self.spec.engine(self.spec)
        try:
            inner.load()
        except Exception as error:  # noqa: BLE001  whatever a model library raises becomes one kind
            raise _failure(describe(error, "load")) from None

        # A function of its own for each loaded engine: the platform's process is a copy of this one from its first call on.
        def run(request: Request, timeout_s: float) -> Iterator[Any]:
            try:
                yield from inner.run(request, timeout_s)
            except Exception as error:  # noqa: BLE001  the platform would pass on no more than the name of its class
                yield describe(error, "crashed")

        self._borrowed = spaces.GPU(run, duration=duration_s)
        self.versions, self.alive = versions_of(self.spec), True

    def run(self, request: Request, timeout_s: float) -> Iterator[Piece]:
        for piece in self._borrowed(request, timeout_s):
            if isinstance(piece, dict):
                raise _failure(piece)
            yield piece

    def close(self) -> None:
        self.alive, self._borrowed = False, None


def _failure(told: dict[str, str]) -> WorkerError:
    return WorkerError(told["kind"], told["message"])
