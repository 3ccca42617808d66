"""One engine run, settled: the row that is kept and the output that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.contract import Piece
from engine.tasks import Output


@dataclass(frozen=True)
class Cell:
    """One engine and one repeat of a comparison."""

    engine_id: str
    repeat: int = 1


@dataclass(frozen=True)
class Result:
    """`row` has a value for every column (None is unknown); `output` is None unless status is "ok"."""

    row: Mapping[str, Any]
    output: Output | None = None

    @property
    def ok(self) -> bool:
        return self.row["status"] == "ok"


@dataclass(frozen=True)
class Queued:
    """The cell waits for a lane."""

    cell: Cell


@dataclass(frozen=True)
class Loading:
    """The engine is being imported, or its weights go onto the device."""

    cell: Cell


@dataclass(frozen=True)
class Started:
    """The stopwatch runs."""

    cell: Cell


@dataclass(frozen=True)
class Arrived:
    """A piece of output, `at_s` seconds after the start."""

    cell: Cell
    piece: Piece
    at_s: float


@dataclass(frozen=True)
class Retrying:
    """The attempt failed in a way that a later one may not; the next begins in `wait_s`."""

    cell: Cell
    reason: str
    wait_s: float


@dataclass(frozen=True)
class Answered:
    """The answer is complete and measured, but for what another engine has still to hear in it."""

    cell: Cell
    result: Result


@dataclass(frozen=True)
class Settled:
    """The row is kept; nothing follows."""

    cell: Cell
    result: Result


Event = Queued | Loading | Started | Arrived | Retrying | Answered | Settled
