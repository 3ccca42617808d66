"""The costs tab: what a month of a person's own volume costs on every engine, and where a machine of one's own breaks even."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel
from pydantic import BaseModel, Field

from comparisons.catalogue import engines_for, readiness
from comparisons.columns import COLUMNS
from comparisons.cost import machine_price_from_environment
from comparisons.projection import (
    MACHINES,
    SURVEY_LOCAL_ONCE_USD,
    SURVEY_WHISPER_API_USD,
    UNITS,
    Measurements,
    Projected,
    Workload,
    at_three_volumes,
    break_even,
    measured_in,
    project_task,
    what_if,
    write_csv,
)
from comparisons.query import Query
from comparisons.store import Store
from engine.contract import EngineError, EngineSpec
from engine.tasks import TASKS
from ui.desk import EACH, PRIVATE
from ui.downloads import fresh_folder
from ui.shown import Shown, script

VOLUMES = {"hours": (1.0, 1e5), "characters": (1e4, 1e10), "pieces": (1.0, 1e6)}
"""From where to where the volume's slider goes; the box beside it takes any number."""
STARTS = {"hours": 100.0, "characters": 1e6, "pieces": 100.0}
REFRESH = "() => { for (const costs of document.querySelectorAll('.sc-costs')) costs.dispatchEvent(new Event('sc-refresh')); }"
DOWNLOAD = "() => requestAnimationFrame(() => document.getElementById('sc-costs-download')?.click())"


class Line(BaseModel):
    """One engine's month, every figure as it is shown; "" is unknown."""

    engine_id: str
    name: str
    where: str
    cost: str = ""
    per_unit: str = ""
    spread: str = ""
    """What it costs with the price at half and one and a half."""
    speed: str = ""
    even: str = ""
    """Where a local machine and the API of the pair meet."""
    basis: str = ""
    """What the cost rests on, or why it is not known."""
    ends: str = ""
    value: float | None = None


class Pair(BaseModel):
    """What the chart draws: dollars a month of one local engine and one API over the volume. None is unknown."""

    local_name: str = ""
    api_name: str = ""
    api_usd_per_unit: float | None = None
    fixed_usd: float | None = None
    units_per_machine: float | None = None
    as_used_usd_per_unit: float | None = None
    break_even: float | None = None
    sentence: str = ""


class Cells(BaseModel):
    name: str
    where: str = ""
    cells: list[str] = []
    note: str = ""


class CostState(GradioModel):
    """Everything that ui/costs.js draws; `asked` comes back as it was answered."""

    ready: bool = False
    asked: dict[str, Any] = Field(default={})
    problem: str = ""
    unit: str = ""
    item: str = ""
    note: str = ""
    lines: list[Line] = Field(default=[])
    pair: Pair = Pair()
    changes: list[Cells] = Field(default=[])
    heads: list[str] = Field(default=[])
    """The three volumes of `volumes`."""
    volumes: list[Cells] = Field(default=[])
    survey: str = ""


class Costs(Shown):
    """Shows a CostState, every text as plain text. Events, each with the settings: "ask" wants a CostState, "export" a file.

    As an input it yields None, because the browser's copy proves nothing.
    """

    data_model = CostState

    def __init__(self, value: CostState | None = None, **options: Any) -> None:
        own = machine_price_from_environment()
        super().__init__(
            value,
            html_template="<div class='sc-costs-inside'></div>",
            js_on_load=script("costs"),
            apply_default_css=False,
            elem_classes=["sc-costs"],
            tasks=[(name, TASKS[name].title) for name in UNITS],
            units={
                name: {
                    "unit": unit.name,
                    "item": unit.item,
                    "item_length": unit.item_length,
                    "longest": unit.longest_item,
                    "start": STARTS[unit.name],
                    "range": VOLUMES[unit.name],
                }
                for name, unit in UNITS.items()
            },
            machines=[
                (each.id, each.label, each.usd_per_hour, f"{each.source}, {each.checked_on}") for each in MACHINES.values()
            ],
            own_price=own,
            **options,
        )


# ---------------------------------------------------------------- from the browser


def workload_of(data: Any) -> Workload:
    """The settings that a browser sent. Raises ValueError with a sentence for anything that cannot be."""
    if not isinstance(data, dict):
        raise ValueError(f"the settings must be an object, got {type(data).__name__}")

    def number(name: str) -> float | None:
        value = data.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name} must be a number, got {str(value)[:40]!r}")
        return float(value)

    task, units = str(data.get("task", "asr"))[:40], number("units")
    if units is None:
        raise ValueError("units must be above 0, got nothing")
    share = number("utilisation")
    return Workload(
        task=task,
        units=units,
        item_length=number("item_length"),
        script=str(data.get("script") or "latin")[:40],
        machine=str(data.get("machine") or "cpu-upgrade")[:40],
        machine_usd_per_hour=number("machine_usd_per_hour"),
        utilisation=0.5 if share is None else share,
        always_on=data.get("always_on") is True,
    )


# ---------------------------------------------------------------- how it is written


def dollars(value: float | None) -> str:
    if value is None:
        return ""
    return f"${value:,.2f}" if value >= 1 or value == 0 else COLUMNS["cost_usd"].shown(value)


def _per_unit(row: Projected) -> str:
    if row.usd_per_unit is None:
        return ""
    if row.unit == "characters":
        return f"{dollars(row.usd_per_unit * 1e6)} / 1 M"
    return f"{dollars(row.usd_per_unit)} / {row.unit.removesuffix('s')}"


def line_of(row: Projected, local: Projected | None, api: Projected | None) -> Line:
    pair = (row, api) if row.where == "local" else (local, row)
    met = break_even(*pair) if all(pair) else None
    speed = "" if row.rtf_p50 is None else f"RTF {COLUMNS['rtf'].shown(row.rtf_p50)} · n {row.rtf_n:,}"
    spread = "" if row.cost_price_minus_50 is None else f"{dollars(row.cost_price_minus_50)} to {dollars(row.cost_price_plus_50)}"
    basis = row.reason or " · ".join(filter(None, (row.basis, row.price_rule, row.price_source, row.price_date)))
    return Line(
        engine_id=row.engine_id,
        name=row.engine_name,
        where=row.where,
        cost=dollars(row.cost_usd_per_month),
        per_unit=_per_unit(row),
        spread=spread,
        speed=speed,
        even=""
        if met is None or row.cost_usd_per_month is None
        else met.sentence
        if met.units
        else met.sentence.partition(":")[0],
        basis=basis,
        ends=row.shutdown_date or "",
        value=row.cost_usd_per_month,
    )


def _chosen(rows: Sequence[Projected], specs: Mapping[str, EngineSpec], where: str, wanted: Any) -> Projected | None:
    """The engine that was chosen for the pair, else the cheapest one whose cost is known, else one that can be run here now."""
    here = [row for row in rows if row.where == where]
    named = next((row for row in here if row.engine_id == wanted), None)
    usable = (row for row in here if row.cost_usd_per_month is not None or readiness(specs[row.engine_id]).status == "ready")
    return named or next(usable, None) or next(iter(here), None)


def pair_of(local: Projected | None, api: Projected | None) -> Pair:
    if local is None or api is None:
        missing = "local engine" if local is None else "cloud engine"
        return Pair(sentence=f"There is no {missing} for this task, so nothing to compare.")
    met = break_even(local, api)
    as_used = local.as_used_usd_per_month
    return Pair(
        local_name=local.engine_name,
        api_name=api.engine_name,
        api_usd_per_unit=met.api_usd_per_unit,
        fixed_usd=met.fixed_usd,
        units_per_machine=met.units_per_machine,
        as_used_usd_per_unit=None if as_used is None else as_used / local.units,
        break_even=met.units,
        sentence=met.sentence,
    )


def answer(load: Workload, known: Measurements, data: dict[str, Any]) -> CostState:
    """What to show for these settings; `data` names the pair under "local" and "api"."""
    specs = {spec.id: spec for spec in engines_for(load.task)}
    rows = project_task(load, known, list(specs.values()))
    local, api = _chosen(rows, specs, "local", data.get("local")), _chosen(rows, specs, "cloud", data.get("api"))
    unit = UNITS[load.task]
    changes = what_if(specs[local.engine_id], specs[api.engine_id], load, known) if local and api else []
    survey = ""
    if load.task == "asr":
        there, here = (", ".join(map(dollars, usd)) for usd in (SURVEY_WHISPER_API_USD, SURVEY_LOCAL_ONCE_USD))
        survey = (
            f"For these volumes the survey of February 2026 gave {there} a month at the Whisper API, and about {here} once for "
            "local models, without the hours of a machine. The table counts those hours."
        )
    runs = sum(measured.n for measured in known.engines.values())
    return CostState(
        ready=True,
        asked={
            "task": load.task,
            "units": load.units,
            "item_length": load.item_length,
            "local": local.engine_id if local else "",
            "api": api.engine_id if api else "",
            "number": data.get("number") if isinstance(data.get("number"), int) else 0,
        },
        unit=unit.name,
        item=unit.item,
        note=f"Speed from {runs:,} fresh runs kept here; on another machine it differs. Free tiers and discounts are left out.",
        lines=[line_of(row, local, api) for row in rows],
        pair=pair_of(local, api),
        changes=[
            Cells(
                name=change.what,
                cells=[
                    dollars(change.local_usd),
                    dollars(change.api_usd),
                    "" if change.break_even_units is None else f"{change.break_even_units:,.0f}",
                ],
            )
            for change in changes
        ],
        heads=[f"{volume:,.0f} {unit.name}" for volume in unit.volumes],
        volumes=[
            Cells(name=each.engine_name, where=each.where, cells=[dollars(usd) for usd in each.usd], note=each.reason or "")
            for each in at_three_volumes(load, known, list(specs.values()))
        ],
        survey=survey,
    )


def export(load: Workload, known: Measurements) -> Path:
    """A CSV of every engine's month, in a fresh folder of Gradio's cache, under a name nobody can guess."""
    path = fresh_folder() / f"soundcheck-costs-{load.task}-{datetime.now():%Y%m%d-%H%M}.csv"
    write_csv(project_task(load, known), path)
    return path


def build_costs_tab(
    tab: gr.Tab, store_for: Callable[[], Store], session_of: Callable[[gr.Request], str | None] = lambda request: None
) -> None:
    """Fill `tab`, inside whose context this is called. `session_of` names the session whose runs are looked at; None is all."""
    costs = Costs()
    download = gr.DownloadButton("Download", visible="hidden", elem_id="sc-costs-download")

    @functools.lru_cache(maxsize=64)
    def measured(task: str, session: str | None, rows: int) -> Measurements:
        # rows are only ever added, so their number says whether what was measured is still all there is
        return measured_in(store_for(), task, session)

    def known(load: Workload, request: gr.Request) -> Measurements:
        session = session_of(request)
        return measured(load.task, session, store_for().count(Query(task=load.task, session=session)))

    def asked(event: gr.EventData, request: gr.Request) -> CostState:
        try:
            load = workload_of(event._data)
            return answer(load, known(load, request), event._data)
        except (ValueError, EngineError) as error:
            number = event._data.get("number") if isinstance(event._data, dict) else 0
            return CostState(ready=True, problem=str(error), asked={"number": number if isinstance(number, int) else 0})

    def exported(event: gr.EventData, request: gr.Request) -> str:
        try:
            load = workload_of(event._data)
            return str(export(load, known(load, request)))
        except (ValueError, EngineError) as error:
            raise gr.Error(str(error), print_exception=False) from None
        except OSError as error:
            raise gr.Error(f"the download could not be written: {error.strerror}", print_exception=False) from None

    private: dict[str, Any] = {**PRIVATE, "queue": False}
    costs.ask(asked, None, costs, **EACH, **private)
    costs.export(exported, None, download, **private)
    download.change(None, None, None, js=DOWNLOAD)
    tab.select(None, None, None, js=REFRESH)
