"""One engine at two dates: which words changed and how far its measures moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from comparisons.columns import COLUMNS
from comparisons.differences import Part, compare
from comparisons.metrics import METRICS
from comparisons.words import Withheld


@dataclass(frozen=True)
class Delta:
    """A measure before and after. `incomparable` says why the two do not belong together; "" when they do."""

    name: str
    before: float
    after: float
    incomparable: str = ""

    @property
    def change(self) -> float:
        return self.after - self.before


@dataclass(frozen=True)
class Change:
    """What one engine answered to one input with the same settings, at two dates."""

    engine_id: str
    input_name: str
    before_at: str
    after_at: str
    parts: tuple[Part, ...] = ()
    """The earlier text as `reference`, the later as `hypothesis`; empty for a task without text."""
    deltas: tuple[Delta, ...] = ()
    withheld: str = ""
    """Why the texts could not be compared."""

    @property
    def words_changed(self) -> int:
        return sum(part.kind != "same" for part in self.parts)


_ALWAYS = ("first_s", "total_s", "rtf", "cost_usd")


def changed(rows_a: Iterable[Mapping[str, Any]], rows_b: Iterable[Mapping[str, Any]]) -> list[Change]:
    """What differs from the earlier rows to the later ones, for each engine, input and settings that both hold.

    Of several rows of one kind the newest fresh one counts; failed and cached rows never do.
    """
    before, after = _newest(rows_a), _newest(rows_b)
    return [_change(row, after[key]) for key, row in before.items() if key in after]


def _newest(rows: Iterable[Mapping[str, Any]]) -> dict[tuple, Mapping[str, Any]]:
    found: dict[tuple, Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["created_at"]):
        if row["status"] == "ok" and not row["cached"]:
            found[row["engine_id"], row["task"], row["input_sha256"], row["settings"]] = row
    return found


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    parts, withheld = (), ""
    if before["output_text"] is not None and after["output_text"] is not None:
        try:
            parts, _ = compare(before["output_text"], after["output_text"], before["output_language"])
        except Withheld as why:
            withheld = str(why)
    deltas = []
    for name in (*_ALWAYS, *METRICS):
        if COLUMNS[name].kind != "number" or before[name] is None or after[name] is None:
            continue
        reason = ""
        if name in METRICS and before["reference"] != after["reference"] and METRICS[name].reference:
            reason = "measured against another reference"
        elif name in METRICS and before["metric_versions"] != after["metric_versions"]:
            reason = "measured by another version"
        deltas.append(Delta(name, before[name], after[name], reason))
    return Change(
        before["engine_id"],
        before["input_name"] or "",
        before["created_at"],
        after["created_at"],
        parts,
        tuple(deltas),
        withheld,
    )
