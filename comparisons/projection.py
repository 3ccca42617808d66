"""What a month costs: a volume and a typical item in, the cost of every engine of a task out. Unknown has a reason.

A cloud engine costs its price rules applied to each item, so minimums and steps count per item. A local engine costs its compute
time, measured by the rows of this install, at the price of a machine: as used (hours / utilisation x price), or always on (every
hour of the month, for as many machines as the volume needs).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from comparisons._workload import MACHINES, SCRIPTS, UNITS, Measurements, Workload, measured_in, measurements
from comparisons.catalogue import engines_for
from comparisons.cost import bill
from comparisons.table import csv_text
from engine.contract import EngineSpec

__all__ = ["MACHINES", "SCRIPTS", "UNITS", "Measurements", "Workload", "measured_in", "measurements"]

HOURS_PER_MONTH = 8_760 / 12

# ---------------------------------------------------------------- one engine, one month


@dataclass(frozen=True)
class Projected:
    """One engine's month, and what a line of the CSV holds. Whatever is not known is None and `reason` says why."""

    task: str
    engine_id: str
    engine_name: str
    vendor: str
    where: str
    status: str
    """"ok" or "unknown"."""
    reason: str | None
    units: float
    unit: str
    item_length: float
    item: str
    cost_usd_per_month: float | None
    usd_per_unit: float | None
    """The part that grows with the volume; for a machine that is always on, the month's cost over its units."""
    basis: str | None
    price_rule: str | None
    price_source: str | None
    price_date: str | None
    rtf_p50: float | None
    rtf_n: int | None
    compute_hours: float | None
    machine: str | None
    machine_usd_per_hour: float | None
    utilisation: float | None
    machines: int | None
    """Machines that the volume needs at this utilisation."""
    as_used_usd_per_month: float | None
    always_on_usd_per_month: float | None
    units_per_machine: float | None
    """What one machine gets through in a month at this utilisation."""
    shutdown_date: str | None
    cost_volume_minus_50: float | None = None
    cost_volume_plus_50: float | None = None
    cost_price_minus_50: float | None = None
    cost_price_plus_50: float | None = None
    cost_rtf_minus_50: float | None = None
    cost_rtf_plus_50: float | None = None


FIELDS = tuple(each.name for each in fields(Projected))


def _base(spec: EngineSpec, load: Workload) -> dict[str, Any]:
    unit = UNITS[load.task]
    return dict.fromkeys(FIELDS) | {
        "task": load.task,
        "engine_id": spec.id,
        "engine_name": spec.name,
        "vendor": spec.vendor,
        "where": spec.where,
        "units": load.units,
        "unit": unit.name,
        "item_length": load.item_length,
        "item": unit.item,
        "shutdown_date": spec.shutdown_date,
        "status": "unknown",
    }


def _cloud(spec: EngineSpec, load: Workload, known: Measurements, price_factor: float) -> dict[str, Any]:
    counted = load.counted(known.seconds_per_character)
    billed = bill(spec, counted, None, None, None)
    evidence = {"price_rule": billed.rule, "price_source": billed.source, "price_date": billed.date}
    per_size = load.item_length if load.task == "music" else 1.0
    if billed.cost_usd is not None:
        cost, basis = billed.cost_usd * load.items, "price rules"
        if load.task == "tts" and any(price.unit == "output_audio_seconds" for price in spec.prices):
            basis = f"price rules; length of speech from {known.speech_n} measured runs"
    elif spec.id in known.usd_per_unit:
        usd, n = known.usd_per_unit[spec.id]
        cost, basis = usd * load.units * per_size, f"billed by the vendor in {n} measured runs"
    elif not spec.prices:
        return evidence | {"reason": f"no price of {spec.name} is known"}
    else:
        missing = ", ".join(
            sorted({price.unit.replace("_", " ") for price in spec.prices} - {u.replace("_", " ") for u in counted})
        )
        return evidence | {"reason": f"it bills {missing}, which only a run tells: run it once and come back"}
    cost *= price_factor
    return evidence | {"status": "ok", "cost_usd_per_month": cost, "usd_per_unit": cost / load.units, "basis": basis}


def _local(spec: EngineSpec, load: Workload, known: Measurements, price_factor: float, rtf_factor: float) -> dict[str, Any]:
    price, measured = load.usd_per_hour, known.engines.get(spec.id)
    machine = MACHINES[load.machine]
    found: dict[str, Any] = {
        "machine": machine.label,
        "machine_usd_per_hour": price,
        "utilisation": load.utilisation,
        "price_source": machine.source,
        "price_date": machine.checked_on or None,
    }
    if measured is None:
        return found | {"reason": "its speed has not been measured here: run it once and come back"}
    found |= {"rtf_p50": measured.rtf_p50, "rtf_n": measured.n}
    units_to_compute = load.units * (load.item_length if load.task == "music" else 1.0)
    hours = units_to_compute * measured.compute_s_per_unit * rtf_factor / 3_600
    room = HOURS_PER_MONTH * load.utilisation
    # 365 hours in 365 are one machine, not two because of the last bit
    machines = max(1, math.ceil(round(hours / room, 9)))
    found |= {"compute_hours": hours, "machines": machines, "units_per_machine": load.units * room / hours if hours else None}
    if price is None:
        return found | {"reason": "the price of the machine is not given"}
    price *= price_factor
    as_used, always_on = hours / load.utilisation * price, machines * HOURS_PER_MONTH * price
    cost = always_on if load.always_on else as_used
    return found | {
        "status": "ok",
        "cost_usd_per_month": cost,
        "usd_per_unit": cost / load.units,
        "basis": f"RTF measured here x machine price, {'always on' if load.always_on else 'as used'}",
        "price_rule": f"${price:g} per hour of the machine",
        "as_used_usd_per_month": as_used,
        "always_on_usd_per_month": always_on,
    }


def project_engine(
    spec: EngineSpec, load: Workload, known: Measurements, *, price_factor: float = 1.0, rtf_factor: float = 1.0
) -> Projected:
    """One month on one engine; the factors say "what if" for its price (of the API or of the machine) and its speed."""
    if spec.where == "cloud":
        return Projected(**_base(spec, load) | _cloud(spec, load, known, price_factor))
    return Projected(**_base(spec, load) | _local(spec, load, known, price_factor, rtf_factor))


def with_sensitivity(spec: EngineSpec, load: Workload, known: Measurements) -> Projected:
    """The month, and what it would cost at half and one and a half times the volume, the price and (local) the RTF."""

    def cost(volume: float = 1.0, **factors: float) -> float | None:
        return project_engine(spec, replace(load, units=load.units * volume), known, **factors).cost_usd_per_month

    local = spec.where == "local"
    return replace(
        project_engine(spec, load, known),
        cost_volume_minus_50=cost(0.5),
        cost_volume_plus_50=cost(1.5),
        cost_price_minus_50=cost(price_factor=0.5),
        cost_price_plus_50=cost(price_factor=1.5),
        cost_rtf_minus_50=cost(rtf_factor=0.5) if local else None,
        cost_rtf_plus_50=cost(rtf_factor=1.5) if local else None,
    )


def project_task(load: Workload, known: Measurements, specs: Sequence[EngineSpec] | None = None) -> list[Projected]:
    """Every engine of the task, the cheapest first, those of unknown cost last."""
    rows = [with_sensitivity(spec, load, known) for spec in (engines_for(load.task) if specs is None else specs)]
    return sorted(rows, key=lambda row: (row.cost_usd_per_month is None, row.cost_usd_per_month or 0.0, row.engine_id))


# ---------------------------------------------------------------- local against API


@dataclass(frozen=True)
class BreakEven:
    """Where a machine that is always on costs what the API costs. `units` is None when it never does; `sentence` says it."""

    units: float | None
    fixed_usd: float | None
    """One machine for one month."""
    api_usd_per_unit: float | None
    units_per_machine: float | None
    sentence: str


def break_even(local: Projected, api: Projected) -> BreakEven:
    """The first volume at which `local`, always on, is no dearer than `api`. Each further machine must fill up again."""
    fixed = None if local.machine_usd_per_hour is None else local.machine_usd_per_hour * HOURS_PER_MONTH
    return _meeting(local, api, fixed, api.usd_per_unit, local.units_per_machine)


def _meeting(local: Projected, api: Projected, fixed: float | None, per_unit: float | None, room: float | None) -> BreakEven:
    if fixed is None or room is None or per_unit is None:
        row = api if per_unit is None else local
        return BreakEven(None, fixed, per_unit, room, f"unknown for {row.engine_name}: {row.reason or 'its speed is not known'}")
    if per_unit == 0:
        return BreakEven(None, fixed, per_unit, room, f"never: {api.engine_name} costs nothing at this price")
    units = fixed / per_unit
    if units > room:
        most = f"one machine gets through {room:,.0f} {local.unit} a month and would need {units:,.0f}"
        return BreakEven(None, fixed, per_unit, room, f"never on this machine: {most}")
    return BreakEven(units, fixed, per_unit, room, f"from {units:,.0f} {local.unit} a month")


@dataclass(frozen=True)
class Change:
    """One "what if": both months and the break-even under it."""

    what: str
    local_usd: float | None
    api_usd: float | None
    break_even_units: float | None


def what_if(local: EngineSpec, api: EngineSpec, load: Workload, known: Measurements) -> list[Change]:
    """The pair as it is, then with volume, either price and the RTF at half and one and a half."""
    cases = [("as set", {}, {}, 1.0)]
    for sign, factor in (("−50 %", 0.5), ("+50 %", 1.5)):
        cases += [
            (f"volume {sign}", {}, {}, factor),
            (f"API price {sign}", {}, {"price_factor": factor}, 1.0),
            (f"machine price {sign}", {"price_factor": factor}, {}, 1.0),
            (f"RTF {sign}", {"rtf_factor": factor}, {}, 1.0),
        ]
    changes = []
    for what, on_local, on_api, volume in cases:
        month = replace(load, units=load.units * volume)
        here, there = project_engine(local, month, known, **on_local), project_engine(api, month, known, **on_api)
        price = None if here.machine_usd_per_hour is None else here.machine_usd_per_hour * on_local.get("price_factor", 1.0)
        fixed = None if price is None else price * HOURS_PER_MONTH
        met = _meeting(here, there, fixed, there.usd_per_unit, here.units_per_machine)
        changes.append(Change(what, here.cost_usd_per_month, there.cost_usd_per_month, met.units))
    return changes


# ---------------------------------------------------------------- three volumes side by side

SURVEY_WHISPER_API_USD = (36.0, 360.0, 3_600.0)
"""What the survey of February 2026 gave for 100, 1,000 and 10,000 hours a month at the Whisper API."""
SURVEY_LOCAL_ONCE_USD = (0.0, 50.0, 500.0)
"""What it gave, once, for doing the same here: a bundled model, faster-whisper large-v3, a machine with a GPU."""


@dataclass(frozen=True)
class Volumes:
    engine_id: str
    engine_name: str
    where: str
    usd: tuple[float | None, float | None, float | None]
    reason: str | None


def at_three_volumes(load: Workload, known: Measurements, specs: Sequence[EngineSpec] | None = None) -> list[Volumes]:
    """Every engine of the task at UNITS[task].volumes, in today's prices, the cheapest at the middle volume first."""
    found = []
    for spec in engines_for(load.task) if specs is None else specs:
        months = [project_engine(spec, replace(load, units=units), known) for units in UNITS[load.task].volumes]
        usd = tuple(month.cost_usd_per_month for month in months)
        found.append(Volumes(spec.id, spec.name, spec.where, usd, months[0].reason))
    return sorted(found, key=lambda each: (each.usd[1] is None, each.usd[1] or 0.0, each.engine_id))


# ---------------------------------------------------------------- CSV


def write_csv(rows: Iterable[Projected], file: Path) -> int:
    """One line per engine under FIELDS (UTF-8 with BOM). Unknown is an empty cell; `status` and `reason` say so."""
    count = 0
    with file.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(FIELDS)
        for row in rows:
            writer.writerow(["" if value is None else _cell(value) for value in asdict(row).values()])
            count += 1
    return count


def _cell(value: Any) -> Any:
    return csv_text(value) if isinstance(value, str) else value
