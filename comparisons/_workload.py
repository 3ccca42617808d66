"""The month that a projection is asked about: its volume, items and machine, and what this install has measured so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from comparisons.cost import checked_machine_price
from comparisons.query import Query
from comparisons.store import Store

MOST_ROWS = 20_000
"""Rows that are looked at for measured speed, newest first: about a second's work."""

# ---------------------------------------------------------------- what is asked for


@dataclass(frozen=True)
class Machine:
    """A machine for rent; `usd_per_hour` is None for the person's own figure, until it is given."""

    id: str
    label: str
    usd_per_hour: float | None
    source: str = ""
    checked_on: str = ""


_SPACES = ("huggingface.co/docs/hub/spaces-gpus, read from a stored copy", "2026-11-20")
MACHINES = {
    machine.id: machine
    for machine in (
        Machine("cpu-upgrade", "Spaces CPU Upgrade, 8 vCPU", 0.03, *_SPACES),
        Machine("t4-small", "Spaces T4 small, 4 vCPU, 16 GB GPU", 0.40, *_SPACES),
        Machine("t4-medium", "Spaces T4 medium, 8 vCPU, 16 GB GPU", 0.60, *_SPACES),
        Machine("own", "Your own figure", None, "your own figure"),
    )
}


@dataclass(frozen=True)
class Unit:
    """How a task's volume is counted, and how long one item of it typically is."""

    name: str
    item: str
    """What `item_length` counts."""
    item_length: float
    longest_item: float
    volumes: tuple[float, float, float]
    """Three volumes per month, to be seen side by side."""


_SOUND = Unit("hours", "seconds per recording", 60.0, 14_400.0, (100.0, 1_000.0, 10_000.0))
UNITS: dict[str, Unit] = {
    "asr": _SOUND,
    "tts": Unit("characters", "characters per text", 200.0, 40_000.0, (1e6, 1e7, 1e8)),
    "music": Unit("pieces", "seconds per piece", 30.0, 3_600.0, (100.0, 1_000.0, 10_000.0)),
    "separation": _SOUND,
    "tagging": _SOUND,
    "audio_lm": _SOUND,
}
SCRIPTS = {"latin": (1, 1), "cjk": (3, 2)}
"""UTF-8 bytes, and billed characters at vendors that count wide ones twice, for one character."""


@dataclass(frozen=True)
class Workload:
    """One month. Raises ValueError, naming what is accepted, for a task, size or share that cannot be."""

    task: str
    units: float
    """Hours of sound, characters of text, or pieces of music."""
    item_length: float | None = None
    """Seconds or characters of one item, as UNITS says; None takes the task's typical one."""
    script: str = "latin"
    machine: str = "cpu-upgrade"
    machine_usd_per_hour: float | None = None
    """Used with the machine "own"; None is unknown."""
    utilisation: float = 0.5
    """Share of the paid machine time in which it computes."""
    always_on: bool = False

    def __post_init__(self) -> None:
        for name, known in (("task", UNITS), ("machine", MACHINES), ("script", SCRIPTS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if self.item_length is None:
            object.__setattr__(self, "item_length", UNITS[self.task].item_length)
        bounds = {
            "units": (self.units, 1e15),
            "item_length": (self.item_length, UNITS[self.task].longest_item),
            "utilisation": (self.utilisation, 1.0),
        }
        for name, (value, most) in bounds.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
                raise ValueError(f"{name} must be above 0 and at most {most:g}, got {value!r}")
        checked_machine_price(self.machine_usd_per_hour)

    @property
    def usd_per_hour(self) -> float | None:
        return self.machine_usd_per_hour if self.machine == "own" else MACHINES[self.machine].usd_per_hour

    @property
    def items(self) -> float:
        """How many requests the month has."""
        if self.task == "music":
            return self.units
        return self.units * (1.0 if self.task == "tts" else 3_600.0) / self.item_length

    def counted(self, seconds_per_character: float | None) -> dict[str, float]:
        """What one item bills, by unit, as far as it is known before any run; no speakers and no custom words are asked for."""
        counted = {"requests": 1.0}
        if self.task == "music":
            counted["output_audio_seconds"] = self.item_length
        elif self.task == "tts":
            utf8, wide = SCRIPTS[self.script]
            counted["input_characters"] = self.item_length
            counted["input_utf8_bytes"] = self.item_length * utf8
            counted["input_double_byte_characters"] = self.item_length * wide
            if seconds_per_character is not None:
                counted["output_audio_seconds"] = self.item_length * seconds_per_character
        else:
            counted["input_audio_seconds"] = self.item_length
            counted["keyterm_audio_seconds"] = counted["diarized_audio_seconds"] = 0.0
        return counted


# ---------------------------------------------------------------- what was measured


@dataclass(frozen=True)
class Measured:
    """What this install's fresh, successful rows say of one engine."""

    n: int
    rtf_p50: float
    compute_s_per_unit: float
    """p50 of the total time per hour of sound, per character, or per second of music."""


@dataclass(frozen=True)
class Measurements:
    """`speech_n` runs of any engine say how long speech of one character lasts; None is unknown."""

    engines: Mapping[str, Measured] = field(default_factory=dict)
    usd_per_unit: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    """By engine: p50 of the cost that its answers were billed, per hour, character or second of music, and n."""
    seconds_per_character: float | None = None
    speech_n: int = 0


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def measurements(rows: Iterable[Mapping[str, Any]], task: str) -> Measurements:
    """Cached, failed and unknown figures never count."""
    sizes = {"tts": ("input_characters", 1.0), "music": ("output_audio_seconds", 1.0)}
    size_name, per = sizes.get(task, ("input_audio_seconds", 1 / 3_600))
    rtfs: dict[str, list[float]] = {}
    times: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    speech: list[float] = []
    for row in rows:
        if row["status"] != "ok" or row["cached"] or row["task"] != task or not _known(row[size_name]) or not row[size_name]:
            continue
        size, engine_id = row[size_name] * per, row["engine_id"]
        if _known(row["total_s"]) and _known(row["rtf"]):
            rtfs.setdefault(engine_id, []).append(row["rtf"])
            times.setdefault(engine_id, []).append(row["total_s"] / size)
        if _known(row["cost_usd"]) and row["cost_evidence"] == "reported usage":
            costs.setdefault(engine_id, []).append(row["cost_usd"] / size)
        if task == "tts" and _known(row["output_audio_seconds"]):
            speech.append(row["output_audio_seconds"] / size)
    median = statistics.median
    return Measurements(
        {name: Measured(len(values), median(values), median(times[name])) for name, values in rtfs.items()},
        {name: (median(values), len(values)) for name, values in costs.items()},
        median(speech) if speech else None,
        len(speech),
    )


def measured_in(store: Store, task: str, session: str | None = None) -> Measurements:
    """From the newest rows of that task, of one session or of all."""
    return measurements(islice(store.rows(Query(task=task, status="ok", session=session)), MOST_ROWS), task)
