"""Usage times price rules gives a cost and its evidence; a cost with an unknown part is unknown, never 0."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.contract import EngineSpec, NotReady, Price

MACHINE_PRICE_VARIABLE = "SOUNDCHECK_MACHINE_USD_PER_HOUR"
_SAID = {
    "utf8": "UTF-8",
    "double byte": "double-byte",
    "gpu": "GPU time",
    "session": "connection time",
    "keyterm audio": "audio with key terms",
}


@dataclass(frozen=True)
class Bill:
    """What one run cost. `cost_usd` is None when a rule, an amount or the machine's price is unknown."""

    raw: Mapping[str, float]
    """Known amounts that the rules look at, by unit; without rules, what the vendor reported."""
    billed: Mapping[str, float]
    """The same after minimums and rounding."""
    reported: bool
    """The vendor reported every amount that a rule looks at (a request is a request, whoever counts it)."""
    cost_usd: float | None = None
    evidence: str | None = None
    """"reported usage", "counted usage" or "machine price"; None without a cost."""
    rule: str | None = None
    source: str | None = None
    date: str | None = None
    """ISO date of the rule that was read longest ago."""


@dataclass(frozen=True)
class Estimate:
    """What pressing Run would start and cost, before it is known what the engines answer."""

    cloud_calls: int
    local_runs: int
    cost_usd: float | None
    """Sum of the cloud costs that can be known beforehand; None when there are cloud calls and none of them can."""
    unknown_calls: int
    """Cloud calls whose cost cannot be known beforehand."""


def checked_machine_price(value: float | str | None) -> float | None:
    """A price per hour of this machine, $; None and "" are unknown. Raises ValueError for all else but a number from 0 up."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        price = float(value)
    except (TypeError, ValueError):
        price = math.nan
    if not (math.isfinite(price) and price >= 0):
        raise ValueError(f"the machine's price must be dollars per hour, 0 or more, got {value!r}")
    return price


def machine_price_from_environment() -> float | None:
    """The person's own price per hour of this machine, $; None when SOUNDCHECK_MACHINE_USD_PER_HOUR is not set.

    Raises NotReady for what is no price.
    """
    try:
        return checked_machine_price(os.environ.get(MACHINE_PRICE_VARIABLE))
    except ValueError as error:
        raise NotReady(f"{MACHINE_PRICE_VARIABLE}: {error}") from None


def _plain(number: float) -> str:
    """Digits without an exponent: 0.0000025, 1,000,000, 60."""
    text = format(Decimal(repr(float(number))), ",f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _measure(price: Price) -> str:
    """What the dollars are for: "hour of input audio", "1,000 input characters", "request"."""
    named = price.unit.replace("_", " ")
    for short, said in _SAID.items():
        named = named.replace(short, said)
    if named.endswith(" seconds"):
        time = {1: "second", 60: "minute", 3_600: "hour"}.get(price.per, f"{_plain(price.per)} s")
        return f"{time} of {named.removesuffix(' seconds')}"
    return named.removesuffix("s") if price.per == 1 else f"{_plain(price.per)} {named}"


def rule_text(price: Price) -> str:
    """The rule in words: "$0.0077 per minute of input audio, at least 10 s, in steps of 1 s"."""
    parts = [f"${_plain(price.usd)} per {_measure(price)}"]
    unit = " s" if price.unit.endswith("_seconds") else ""
    if price.minimum:
        parts.append(f"at least {_plain(price.minimum)}{unit}")
    if price.increment:
        parts.append(f"in steps of {_plain(price.increment)}{unit}")
    return ", ".join(parts)


def _amount(unit: str, counted: Mapping[str, float], reported: Mapping[str, float]) -> float | None:
    """The vendor's amount where it gives one, else ours. A vendor's amount that cannot be one leaves it unknown."""
    amount = reported[unit] if unit in reported else counted.get(unit)
    usable = isinstance(amount, (int, float)) and not isinstance(amount, bool) and math.isfinite(amount) and amount >= 0
    return float(amount) if usable else None


def _joined(values: Iterable[str]) -> str | None:
    return "; ".join(dict.fromkeys(value for value in values if value)) or None


def _local_bill(total_s: float | None, machine_usd_per_hour: float | None) -> Bill:
    raw = {} if total_s is None else {"compute_seconds": total_s}
    if machine_usd_per_hour is None:
        return Bill(raw, raw, reported=False)
    cost = None if total_s is None else total_s / 3600 * machine_usd_per_hour
    rule = f"${_plain(machine_usd_per_hour)} per hour of this machine"
    return Bill(raw, raw, False, cost, None if cost is None else "machine price", rule, "your own figure")


def bill(
    spec: EngineSpec,
    counted: Mapping[str, float],
    reported: Mapping[str, float] | None,
    total_s: float | None,
    machine_usd_per_hour: float | None,
) -> Bill:
    """The cost of one run. Local: `total_s` times the machine's price. Cloud: every price rule times its amount.

    `counted` and `reported` are amounts by unit, ours and the vendor's; the vendor's wins, unit by unit.
    """
    if spec.where == "local":
        return _local_bill(total_s, machine_usd_per_hour)
    reported = reported or {}
    if not spec.prices:
        known = {unit: amount for unit in reported if (amount := _amount(unit, {}, reported)) is not None}
        return Bill(known, {}, reported=bool(known))
    amounts = {price.unit: _amount(price.unit, counted, reported) for price in spec.prices}
    raw = {unit: amount for unit, amount in amounts.items() if amount is not None}
    billed = {price.unit: price.billed(raw[price.unit]) for price in spec.prices if price.unit in raw}
    every_unit_reported = bool(amounts.keys() & reported.keys()) and amounts.keys() <= reported.keys() | {"requests"}
    cost = sum(price.cost(raw[price.unit]) for price in spec.prices) if len(raw) == len(amounts) else None
    evidence = "reported usage" if every_unit_reported else "counted usage"
    return Bill(
        raw,
        billed,
        every_unit_reported,
        cost,
        None if cost is None else evidence,
        " + ".join(map(rule_text, spec.prices)),
        _joined(price.source for price in spec.prices),
        min((price.checked_on for price in spec.prices if price.checked_on), default=None),
    )


def estimate(specs: Iterable[EngineSpec], counted: Mapping[str, float], repeats: int = 1) -> Estimate:
    """What one comparison would cost before it runs. `counted`: engine.tasks.usage_of(request, None)."""
    specs = list(specs)
    cloud = [spec for spec in specs if spec.where == "cloud"]
    costs = [bill(spec, counted, None, None, None).cost_usd for spec in cloud]
    known = [cost for cost in costs if cost is not None]
    total = sum(known) * repeats if known or not cloud else None
    return Estimate(len(cloud) * repeats, (len(specs) - len(cloud)) * repeats, total, (len(costs) - len(known)) * repeats)


def project(
    spec: EngineSpec,
    counted_per_run: Mapping[str, float],
    runs_per_month: float,
    total_s: float | None = None,
    machine_usd_per_hour: float | None = None,
) -> float | None:
    """Dollars per month for that many runs of one size; minimums and rounding apply to each run. None when a part is unknown."""
    cost = bill(spec, counted_per_run, None, total_s, machine_usd_per_hour).cost_usd
    return None if cost is None else cost * runs_per_month
