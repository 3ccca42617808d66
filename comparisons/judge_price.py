"""What a judge costs: beforehand, from the size of its questions, and what was spent already."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comparisons.columns import COLUMNS
from comparisons.cost import bill
from comparisons.judge_cases import Case, case_of
from comparisons.words import Withheld
from engine.contract import EngineSpec
from providers._judge import MOST_TOKENS

SILENT = {"requests": 1.0, "input_audio_tokens": 0.0, "output_audio_tokens": 0.0}
"""What is known of every call: no sound goes in or out."""


@dataclass(frozen=True)
class Quote:
    """What judging would cost before it begins; answers that are known already cost nothing."""

    calls: int
    about_usd: float | None
    """Without the thoughts of models that think; None when the judge's price is not known."""
    most_usd: float | None
    """When every answer is as long as it may be."""


def _cost(spec: EngineSpec, input_tokens: float, output_tokens: float) -> float | None:
    told = {"input_text_tokens": input_tokens, "input_tokens": input_tokens, "output_text_tokens": output_tokens}
    return bill(spec, SILENT, told, None, None).cost_usd


def about_usd(spec: EngineSpec, case: Case) -> float | None:
    """The usual cost of one call: three bytes of text make about one token."""
    size = len((case.question.instructions + case.question.data).encode())
    return _cost(spec, size / 3, 16 + 4 * len(case.about.get("differences", ())))


def most_usd(spec: EngineSpec, case: Case) -> float | None:
    """What one call cannot exceed: no byte is more than one token, and the answer's length is bounded."""
    size = len((case.question.instructions + case.question.data).encode())
    return _cost(spec, size + 500, MOST_TOKENS)


def quote(spec: EngineSpec, rows: Sequence[Mapping[str, Any]], times: int, rubric: str | None = None) -> Quote:
    cases = []
    for row in rows:
        with contextlib.suppress(Withheld):
            cases.append(case_of(row, rubric))
    asked = [case for case in cases if case.settled is None]
    sums = []
    for each in (about_usd, most_usd):
        costs = [each(spec, case) for case in asked]
        sums.append(None if None in costs else math.fsum(costs) * times)
    return Quote(len(asked) * times, *sums)


def spent_usd(rows: Sequence[Mapping[str, Any]]) -> float:
    """What fresh cloud answers have cost, as far as it is known."""
    return math.fsum(row["cost_usd"] or 0.0 for row in rows if row["where"] == "cloud" and not row["cached"])


def in_words(price: Quote) -> str:
    """ "9 calls, about $0.0012, at most $0.0400" """
    calls = f"{price.calls} {'call' if price.calls == 1 else 'calls'}"
    if not price.calls or price.about_usd is None:
        return f"{calls}, of unknown cost" if price.calls else "no calls needed"
    return f"{calls}, about {COLUMNS['judge_cost_usd'].shown(price.about_usd)}, at most ${price.most_usd:.4f}"
