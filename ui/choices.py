"""What the picker says of each engine, and which are ticked at first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from comparisons import catalogue
from comparisons.absent import ABSENT
from comparisons.catalogue import Access, engines_for, on_space, readiness, shutdown_warning
from engine.contract import EngineSpec, Request
from ui.picker import EngineChoice, PickerState

PRESELECTED = 6
ASKS_FIRST = "Prepare it in the Models tab, which asks for your agreement first."
_OPEN_LICENSES = ("Apache", "MIT", "BSD", "ISC", "CC-BY-4.0", "CC0", "MPL", "GPL", "LGPL", "Unlicense")


def _lacks(spec: EngineSpec, ready: catalogue.Readiness) -> str:
    if ready.status == "unavailable":
        return "not here"
    if spec.needs.key and any(spec.needs.key in need for need in ready.needs):
        return f"set {spec.needs.key}"
    return "prepare" if ready.preparable else "not installed" if ready.needs else ""


def _pill(spec: EngineSpec, lacks: str) -> str:
    if lacks == "prepare" and spec.needs.download_gb:
        return f"{spec.needs.download_gb:g} GB · prepare"
    if lacks:
        return lacks
    if spec.where == "cloud":
        return _price(spec) or "price unknown"
    return "ready"


def _price(spec: EngineSpec) -> str:
    """The price in the unit that people compare by: a minute of sound or a thousand characters."""
    if len(spec.prices) != 1:
        return "by tokens" if spec.prices else ""
    price = spec.prices[0]
    if price.unit.endswith("audio_seconds"):
        return f"${60 / price.per * price.usd:.4g} / min"
    if price.unit in ("input_characters", "input_utf8_bytes"):
        return f"${1000 / price.per * price.usd:.4g} / 1k {'characters' if price.unit == 'input_characters' else 'bytes'}"
    return f"${price.usd:.4g} / {price.unit.removeprefix('output_').removesuffix('s').replace('_', ' ')}"


def _size(parameters: float | None) -> str:
    if not parameters:
        return ""
    return f"{parameters / 1e6:,.0f} M" if parameters >= 1e6 else f"{parameters / 1e3:,.0f} k"


def families_of(specs: Sequence[EngineSpec]) -> dict[str, str]:
    """Engine id to the name it is folded under: of cloud engines the vendor, whose key they share; of local ones the system
    without its runtime ("Whisper via whisper.cpp"), and a system whose name goes on from another's ("Whisper JAX") under that."""
    systems = {spec.id: re.split(r" via | \(|, ", spec.system)[0] for spec in specs if spec.where == "local"}
    shortest = sorted(set(systems.values()), key=len)
    kin = {name: next(first for first in shortest if f"{name} ".startswith(f"{first} ")) for name in shortest}
    return {spec.id: kin[systems[spec.id]] if spec.id in systems else spec.vendor for spec in specs}


def choice(spec: EngineSpec, access: Access | None, request: Request | None, family: str = "") -> EngineChoice:
    """The picker's line for one engine."""
    ready = readiness(spec, access)
    lacks = _lacks(spec, ready)
    license = spec.license_weights or spec.license_code or ""
    languages = list(spec.languages or ())
    spoken = (
        "many languages" if languages == ["*"] else f"{len(languages)} languages" if len(languages) > 3 else ", ".join(languages)
    )
    size = _size(spec.parameters)
    preparable = ready.preparable and not on_space()
    asked = catalogue.agreement(spec)
    needs = ([ASKS_FIRST] if asked else []) if preparable else list(ready.needs)  # the button says the rest
    return EngineChoice(
        id=spec.id,
        name=spec.name,
        where=spec.where,
        status=ready.status,
        needs=needs,
        pill=_pill(spec, lacks),
        family=family,
        lacks=lacks,
        download_gb=spec.needs.download_gb if lacks == "prepare" else None,
        summary=" · ".join(filter(None, (spec.summary.rstrip("."), size, license, spoken, "streams" if spec.streams else ""))),
        vendor=spec.vendor,
        license=license,
        open_license=spec.where == "local" and license.startswith(_OPEN_LICENSES),
        languages=languages,
        streams=spec.streams,
        size=size,
        note=(spec.data_use or "") if spec.where == "cloud" else asked,
        warning=shutdown_warning(spec) or "",
        blocked=(catalogue.blocked(spec, request) or "") if request is not None else "",
        preparable=preparable and not asked,
    )


def absent_choices(task: str) -> list[EngineChoice]:
    return [
        EngineChoice(
            id=absent.id,
            name=absent.name,
            where="local",
            status="unavailable",
            needs=[absent.reason],
            pill="not here",
            vendor=absent.vendor,
        )
        for absent in ABSENT
        if absent.task == task
    ]


def picker_state(task: str, selected: Sequence[str], access: Mapping[str, Access], request: Request | None) -> PickerState:
    specs = engines_for(task)
    families = families_of(specs)
    choices = [choice(spec, access.get(spec.vendor_slug), request, families[spec.id]) for spec in specs]
    return PickerState(engines=choices + absent_choices(task), selected=list(selected))


def preselected(task: str) -> list[str]:
    """The first local engines that are ready and need nothing but the input: Run works at once and costs nothing."""
    fit = (spec for spec in engines_for(task) if spec.where == "local" and spec.extra.get("preselected", True))
    simple = (spec for spec in fit if not spec.requires)
    return [spec.id for spec in simple if readiness(spec).status == "ready"][:PRESELECTED]
