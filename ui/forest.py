"""What a blind test says, as the browser draws it: one line per engine or pair with its interval and n (ui/forest.js)."""

from __future__ import annotations

from pydantic import BaseModel

from comparisons.capsule_votes import Ballot, headed
from comparisons.outcomes import Outcome


class ResultLine(BaseModel):
    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str
    control: bool


class Results(BaseModel):
    lines: list[ResultLine]
    unit: str
    kind: str
    low: float
    high: float
    middle: float | None
    enough: bool
    verdict: str
    notes: list[str]
    listeners: int
    votes: int
    inputs: list[tuple[str, int]] = []
    """Of a test over several inputs: each with its votes."""
    names: list[tuple[str, str]] = []
    """What this listener heard: ("Vote 2: A, B", "eSpeak NG, Flite slt")."""
    headed: str = ""
    """Kind, counts and date, where they stand nowhere else."""


def results_of(kind: str, found: Outcome, names: list[tuple[str, str]] | None = None) -> Results:
    lines = [ResultLine(name=line.name, note=line.note, control=line.control, **vars(line.estimate)) for line in found.lines]
    plain = {name: getattr(found, name) for name in ("unit", "low", "high", "middle", "enough", "verdict", "listeners", "votes")}
    return Results(lines=lines, kind=kind, notes=list(found.notes), inputs=list(found.inputs), names=names or [], **plain)


def ballot_results(ballot: Ballot) -> Results:
    return results_of(ballot.kind, ballot.outcome).model_copy(update={"headed": headed(ballot)})
