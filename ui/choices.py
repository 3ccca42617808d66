"""What the picker says of each engine, and which are ticked at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from comparisons import catalogue
from comparisons.catalogue import Access, engines_for, on_space, readiness, shutdown_warning
from engine.contract import EngineSpec, Request
from ui.picker import EngineChoice, PickerState

PRESELECTED = 6
_OPEN_LICENSES = ("Apache", "MIT", "BSD", "ISC", "CC-BY-4.0", "CC0", "MPL", "GPL", "LGPL", "Unlicense")


def _pill(spec: EngineSpec, ready: catalogue.Readiness) -> str:
    if ready.status == "unavailable":
        return "not here"
    if spec.needs.key and any(spec.needs.key in need for need in ready.needs):
        return f"set {spec.needs.key}"
    if ready.preparable:
        return f"{spec.needs.download_gb:g} GB · prepare" if spec.needs.download_gb else "prepare"
    if ready.needs:
        return "not installed"
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


def choice(spec: EngineSpec, access: Access | None, request: Request | None) -> EngineChoice:
    """The picker's line for one engine."""
    ready = readiness(spec, access)
    license = spec.license_weights or spec.license_code or ""
    languages = list(spec.languages or ())
    spoken = (
        "many languages" if languages == ["*"] else f"{len(languages)} languages" if len(languages) > 3 else ", ".join(languages)
    )
    size = (
        ""
        if not spec.parameters
        else f"{spec.parameters / 1e6:,.0f} M"
        if spec.parameters >= 1e6
        else f"{spec.parameters / 1e3:,.0f} k"
    )
    preparable = ready.preparable and not on_space()
    needs = ["Press prepare: it shows size and licence, then fetches what is missing."] if preparable else list(ready.needs)
    return EngineChoice(
        id=spec.id,
        name=spec.name,
        where=spec.where,
        status=ready.status,
        needs=needs,
        pill=_pill(spec, ready),
        summary=" · ".join(filter(None, (spec.summary.rstrip("."), size, license, spoken, "streams" if spec.streams else ""))),
        vendor=spec.vendor,
        license=license,
        open_license=spec.where == "local" and license.startswith(_OPEN_LICENSES),
        languages=languages,
        streams=spec.streams,
        size=size,
        note=(spec.data_use or "") if spec.where == "cloud" else "",
        warning=shutdown_warning(spec) or "",
        blocked=(catalogue.blocked(spec, request) or "") if request is not None else "",
        preparable=preparable,
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
        for absent in catalogue.ABSENT
        if absent.task == task
    ]


def picker_state(task: str, selected: Sequence[str], access: Mapping[str, Access], request: Request | None) -> PickerState:
    choices = [choice(spec, access.get(spec.vendor_slug), request) for spec in engines_for(task)]
    return PickerState(engines=choices + absent_choices(task), selected=list(selected))


def preselected(task: str) -> list[str]:
    """The first local engines that are ready: Run works at once and costs nothing."""
    return [spec.id for spec in engines_for(task) if spec.where == "local" and readiness(spec).status == "ready"][:PRESELECTED]
