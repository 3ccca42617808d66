"""The catalogue of systems: every audio system of the landscape, what is known of it, and what runs here and why not.

What an engine's own spec states is taken from the spec. Everything else stands in systems.csv, where a line of kind "family"
holds what all its variants share. Unknown is an empty cell.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from comparisons._stated import sources_of, stated_by
from comparisons.absent import ABSENT
from comparisons.catalogue import Readiness, engines, readiness
from comparisons.table import csv_text
from engine.contract import EngineSpec, options_of
from engine.tasks import TASKS

FILE = Path(__file__).with_name("systems.csv")
COLUMNS = (
    "model_id", "family", "version", "local_or_api", "category", "tasks_supported", "languages", "streaming_support",
    "realtime_latency_target_ms", "base_weights", "runtime", "quantization", "hardware_reqs", "context_or_max_audio",
    "benchmarks", "license", "pricing", "docs_url", "community_signal", "integration_complexity",
    "known_failure_modes", "ideal_use_cases", "avoid_when", "notes",
)  # fmt: skip
MORE = ("vendor", "parameters", "tier", "license_weights", "shutdown_date", "data_use", "tested", "status", "needs")
"""What the catalogue shows beyond COLUMNS."""
STATUSES = {
    "ready": "runs here",
    "needs": "needs something",
    "unavailable": "cannot run here",
    "not offered": "no engine yet",
}
CATEGORIES = {
    "asr": "speech recognition",
    "tts": "speech synthesis",
    "music": "music generation",
    "separation": "source separation",
    "tagging": "tagging",
    "audio_lm": "audio language model",
    "translation": "speech translation",
    "diarization": "diarization",
    "vad": "voice activity",
    "enhancement": "enhancement",
    "voice_conversion": "voice conversion",
    "music_transcription": "music transcription",
    "embedding": "embedding",
    "codec": "codec",
    "forensics": "forensics",
}
CAPABILITIES = {
    "streams": "Streams its output",
    "realtime": "Live input",
    "language": "Language can be set",
    "prompt": "Custom words or a prompt",
    "word_times": "Word times",
    "speakers": "Speakers",
    "voice": "Voices to choose",
    "speed": "Speed",
    "instructions": "Manner of speaking",
    "duration_s": "Length can be set",
    "seed": "Seed",
    "labels": "Your own labels",
}
_BEST_FIRST = ("ready", "needs", "unavailable")


@dataclass(frozen=True)
class System:
    """One line of the catalogue. `cells` holds COLUMNS and MORE, all as text; "" is unknown."""

    id: str
    cells: Mapping[str, str]
    where: str
    status: str
    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    streams: bool | None
    engines: tuple[str, ...]
    """Ids of the engines that offer it here; () for none."""
    capabilities: Mapping[str, bool]
    """By name in CAPABILITIES, only those that its tasks have; empty where no engine says."""


# ---------------------------------------------------------------- our own file


@functools.cache
def known() -> tuple[dict[str, str], ...]:
    """The variants of systems.csv, each with its family's facts where it has none. Raises ValueError for a bad line."""
    with FILE.open(encoding="utf-8", newline="") as text:
        lines = list(csv.DictReader(text))
    families = {(line["where"], line["family"]): line for line in lines if line["kind"] == "family"}
    found: dict[str, dict[str, str]] = {}
    for line in (line for line in lines if line["kind"] == "variant"):
        family = families.get((line["where"], line["family"]))
        if family is None or line["id"] in found:
            raise ValueError(f"{FILE.name}: {line['id']!r} stands twice or its family {line['family']!r} is not described")
        own = {"notes": line["notes"], "family_notes": family["notes"]}
        found[line["id"]] = {name: line[name] or family[name] for name in line} | own
    return tuple(found.values())


def _named(line: Mapping[str, str], spec: EngineSpec) -> bool:
    return any(fnmatchcase(spec.id, pattern) for pattern in line["engines"].split())


def _line_of(spec: EngineSpec, lines: Sequence[Mapping[str, str]]) -> str | None:
    """The variant that an engine offers: named there, or known by its weights and system; None for one of its own."""
    here = [line for line in lines if line["where"] == spec.where]
    by_weights = [line for line in here if line["weights"] and line["weights"] in (spec.model, *sources_of(spec))]
    by_system = [line for line in here if line["system"] == spec.system]
    rules = (
        [line for line in here if _named(line, spec)],
        by_weights,
        [line for line in by_weights if line["system"] == spec.system],
        by_system,
    )
    return next((rule[0]["id"] for rule in rules if len(rule) == 1), None)


# ---------------------------------------------------------------- one system


def _complexity(where: str, line: Mapping[str, str], specs: Sequence[EngineSpec]) -> str:
    """How much work it is to run it, by one rule for all."""
    if where == "cloud":
        return "low: a key" if specs else "medium: an adapter has to be written"
    if specs:
        return (
            "medium: an environment of its own, built by prepare"
            if specs[0].isolated
            else "low: runs with the app's own packages"
        )
    how = {
        "app": "medium: its packages fit the app's; an adapter has to be written",
        "own": "high: needs an environment of its own and an adapter",
        "program": "high: needs a program outside Python",
        "closed": "not possible",
    }
    return how.get(line["environment"], "")


def _why_not(line: Mapping[str, str]) -> str:
    if line["reason"]:
        return line["reason"]
    if line["where"] == "cloud":
        return "No engine for it here yet."
    route = {"app": f"it would run through {line['runtime']}", "own": f"{line['runtime']} needs an environment of its own"}
    parts = [f"No engine for it here yet; {route.get(line['environment'], 'it runs outside Python')}."]
    if "GPU" in line["hardware"] and "CPU" not in line["hardware"]:
        parts.append(f"It needs a {line['hardware']}.")
    if line["gated"]:
        parts.append("Its weights are gated: they need a hub token and accepted terms.")
    return " ".join(parts)


def _license(where: str, code: str, weights: str) -> str:
    if where == "cloud":
        return "vendor's terms"
    if code and weights and code != weights:
        return f"code {code}; weights {weights}"
    return code or weights


def _state(specs: Sequence[EngineSpec], line: Mapping[str, str]) -> tuple[str, str]:
    """Status and what is needed, of the engine that is nearest to running."""
    if specs:
        states: list[Readiness] = sorted(map(readiness, specs), key=lambda state: _BEST_FIRST.index(state.status))
        return states[0].status, " ".join(states[0].needs)
    absent = next((absent for absent in ABSENT if absent.system == line["system"]), None)
    return ("unavailable", absent.reason) if absent else ("not offered", _why_not(line))


def _system(line: Mapping[str, str], specs: Sequence[EngineSpec]) -> System:
    stated = stated_by(specs) if specs else {}

    def fact(name: str, ours: str) -> str:
        return stated.get(name) or line[ours]

    where, tasks = line["where"], tuple(fact("tasks_supported", "tasks").split("; "))
    status, needs = _state(specs, line)
    weights = fact("license_weights", "license_weights")
    hub = line["weights"] if line["weights"].count("/") == 1 and " " not in line["weights"] and where == "local" else ""
    code = fact("license_code", "license_code")
    cells = {
        "model_id": line["id"],
        "family": line["family"],
        "version": line["version"],
        "local_or_api": "api" if where == "cloud" else "local",
        "category": CATEGORIES.get(tasks[0], ""),
        "tasks_supported": "; ".join(tasks),
        "languages": fact("languages", "languages"),
        "streaming_support": fact("streaming_support", "streaming"),
        "realtime_latency_target_ms": line["latency_target_ms"],
        "base_weights": fact("base_weights", "weights"),
        "runtime": fact("runtime", "runtime"),
        "quantization": line["quantization"],
        "hardware_reqs": fact("hardware_reqs", "hardware") or ("none: it runs at the vendor" if where == "cloud" else ""),
        "context_or_max_audio": fact("context_or_max_audio", "limit"),
        "benchmarks": line["benchmarks"],
        "license": _license(where, code, weights),
        "pricing": fact("pricing", "pricing") or ("no fee; machine time" if where == "local" and status != "unavailable" else ""),
        "docs_url": stated.get("docs_url") or (f"https://huggingface.co/{hub}" if hub else line["docs_url"]),
        "community_signal": line["community_signal"],
        "integration_complexity": _complexity(where, line, specs),
        "known_failure_modes": line["failures"],
        "ideal_use_cases": line["ideal"],
        "avoid_when": line["avoid"],
        "notes": " ".join(filter(None, (stated.get("summary") or line["family_notes"], line["notes"]))),
        "vendor": stated.get("vendor") or (line["system"] if where == "cloud" else ""),
        "parameters": fact("parameters", "parameters"),
        "tier": fact("tier", "tier"),
        "license_weights": weights,
        "shutdown_date": fact("shutdown_date", "shutdown_date"),
        "data_use": fact("data_use", "data_use"),
        "tested": stated.get("tested", ""),
        "status": status,
        "needs": needs,
    }
    honoured = {"streams": any(spec.streams for spec in specs)} if specs else {}
    if any(TASKS[spec.task].takes_audio for spec in specs):
        honoured["realtime"] = any(spec.realtime for spec in specs)
    asked = {name for spec in specs for name in options_of(TASKS[spec.task].request)}
    honoured |= {name: any(name in spec.honours for spec in specs) for name in CAPABILITIES if name in asked}
    said = cells["streaming_support"]
    languages = tuple(dict.fromkeys(part.strip() for part in cells["languages"].split(",") if part.strip()))
    streams = None if not said else said != "no"
    return System(line["id"], cells, where, status, tasks, languages, streams, tuple(spec.id for spec in specs), honoured)


def _line_for(spec: EngineSpec) -> dict[str, str]:
    """A line for an engine that our file does not list: all its facts come from the spec."""
    empty = dict.fromkeys(known()[0], "")
    return empty | {"id": spec.id.replace("/", "-"), "family": spec.system, "where": spec.where, "system": spec.system}


def systems() -> list[System]:
    """Every system: those of our file in its order, then engines that it does not list. `status` is that of this machine, now."""
    lines, offered = known(), {}
    others: list[EngineSpec] = []
    for spec in (each for each in engines().values() if each.own is None):
        line_id = _line_of(spec, lines)
        if line_id is None:
            others.append(spec)
        else:
            offered.setdefault(line_id, []).append(spec)
    return [_system(line, offered.get(line["id"], ())) for line in lines] + [_system(_line_for(spec), (spec,)) for spec in others]


def write_csv(found: Iterable[System], file: Path) -> int:
    """COLUMNS, exactly and in order (UTF-8 with BOM); the number of systems."""
    count = 0
    with file.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for system in found:
            writer.writerow([csv_text(system.cells[name]) for name in COLUMNS])
            count += 1
    return count
