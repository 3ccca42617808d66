"""What the specs of one system's engines state of it, as cells of the catalogue: these facts are never written twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from comparisons.catalogue import proof
from comparisons.cost import rule_text
from engine.contract import EngineSpec


def sources_of(spec: EngineSpec) -> list[str]:
    """The engine's own weights: what it shares with others, such as a codec, comes after them."""
    return [download.source for download in spec.needs.downloads[:1]]


def _each(specs: Iterable[EngineSpec], fact: Callable[[EngineSpec], str | None]) -> str:
    return "; ".join(dict.fromkeys(text for spec in specs if (text := fact(spec))))


def _languages(specs: Sequence[EngineSpec]) -> str:
    return ", ".join(dict.fromkeys("many" if code == "*" else code for spec in specs for code in spec.languages or ()))


def _streaming(specs: Sequence[EngineSpec]) -> str:
    parts = ["output as it is made"] * any(spec.streams for spec in specs)
    parts += ["live input"] * any(spec.realtime for spec in specs)
    return ", ".join(parts) or "no"


def _hardware(spec: EngineSpec) -> str:
    if spec.where == "cloud":
        return "none: it runs at the vendor"
    parts = ["GPU" if "cpu" not in spec.devices else "CPU" if spec.devices == ("cpu",) else "CPU or GPU"]
    parts += [f"{spec.needs.memory_gb:g} GB memory"] if spec.needs.memory_gb else []
    parts += [f"{spec.needs.gpu_memory_gb:g} GB GPU memory"] if spec.needs.gpu_memory_gb else []
    parts += [f"{spec.needs.download_gb:g} GB download"] if spec.needs.download_gb else []
    return ", ".join(parts)


def _limits(spec: EngineSpec) -> str:
    limits = spec.limits
    parts = [f"{limits.audio_seconds:,.0f} s of sound"] if limits.audio_seconds else []
    parts += [f"{limits.characters:,} characters"] if limits.characters else []
    parts += [f"{limits.utf8_bytes:,} bytes of text"] if limits.utf8_bytes else []
    parts += [f"{limits.file_bytes / 1e6:,.0f} MB"] if limits.file_bytes else []
    return ", ".join(parts)


def _prices(spec: EngineSpec) -> str:
    return " + ".join(f"{rule_text(price)} ({price.source}, {price.checked_on})" for price in spec.prices)


def _parameters(spec: EngineSpec) -> str:
    if spec.parameters is None:
        return ""
    for size, letter in ((1e9, "B"), (1e6, "M")):
        if spec.parameters >= size:
            return f"{spec.parameters / size:.3g} {letter}"
    return f"{spec.parameters:,.0f}"


def stated_by(specs: Sequence[EngineSpec]) -> dict[str, str]:
    """Every cell that the specs of one system fill; they win over our own file."""
    return {
        "tasks_supported": _each(specs, lambda spec: spec.task),
        "languages": _languages(specs),
        "streaming_support": _streaming(specs),
        "base_weights": _each(specs, lambda spec: ", ".join(sources_of(spec)) or spec.model),
        "runtime": _each(specs, lambda spec: ", ".join(spec.packages)),
        "hardware_reqs": _each(specs, _hardware),
        "context_or_max_audio": _each(specs, _limits),
        "pricing": _each(specs, _prices),
        "docs_url": _each(specs, lambda spec: spec.docs_url).partition("; ")[0],
        "license_code": _each(specs, lambda spec: spec.license_code),
        "license_weights": _each(specs, lambda spec: spec.license_weights),
        "vendor": _each(specs, lambda spec: spec.vendor),
        "parameters": _each(specs, _parameters),
        "tier": _each(specs, lambda spec: spec.tier),
        "shutdown_date": min((spec.shutdown_date for spec in specs if spec.shutdown_date), default=""),
        "data_use": _each(specs, lambda spec: spec.data_use),
        "tested": _each(specs, lambda spec: proof(spec) if spec.where == "local" else ""),
        "summary": " ".join(dict.fromkeys(spec.summary for spec in specs)),
    }
