"""From what one cell brought to its row: files, costs, metrics, provenance. Runs after the stopwatch has stopped."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from comparisons import __version__, hearing
from comparisons.asking import consent_given
from comparisons.columns import COLUMNS
from comparisons.cost import Bill, bill
from comparisons.faults import Fault
from comparisons.metrics import Measured, leading_silence_s, measure
from comparisons.results import Cell, Result
from comparisons.sounds import Withheld, loudness_lufs
from comparisons.store import Store
from engine.audio import Audio
from engine.contract import ERROR_KINDS, EngineSpec, Facts, Piece, Text, settings_of
from engine.tasks import TASKS, Output, usage_of

if TYPE_CHECKING:
    from comparisons.plan import Plan


@dataclass
class Taken:
    """What was taken down while one cell ran. Times are seconds from the start of the last attempt."""

    began_at: datetime | None = None
    queue_s: float | None = None
    load_s: float | None = None
    cold: bool = False
    warmups: int = 0
    attempt_log: list[dict[str, Any]] = field(default_factory=list)
    all_attempts_s: float | None = None
    first_arrival_s: float | None = None
    total_s: float | None = None
    marks: dict[str, float] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    usage: dict[str, float] | None = None
    pieces: list[tuple[float, Piece]] = field(default_factory=list)
    output: Output | None = None
    fault: Fault | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def begin_attempt(self) -> None:
        """Forget what an attempt that failed had brought."""
        self.first_arrival_s = self.total_s = self.usage = self.output = None
        self.marks, self.pieces, self.facts = {}, [], Facts()

    def note_attempt(self, status: str, wall_s: float, fault: Fault | None = None) -> None:
        entry: dict[str, Any] = {"attempt": len(self.attempt_log) + 1, "status": status, "wall_s": round(wall_s, 6)}
        if fault is not None:
            entry |= {"http_status": fault.status, "retry_after_s": fault.retry_after_s, "message": fault.message}
        self.attempt_log.append(entry)

    def learn(self, facts: Facts) -> None:
        """Merge: a later fact wins, an unknown one takes nothing away, and every notice is kept."""
        known = {name: value for name, value in vars(facts).items() if value is not None}
        said = self.facts.notice
        if facts.notice and said:
            known["notice"] = said if facts.notice in said else f"{said} {facts.notice}"
        self.facts = dataclasses.replace(self.facts, **known)


def _json(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None


def visible_line(text: str, length: int) -> str:
    """The start of a text on one line, without control and direction characters."""
    kept = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co") or char in "\n\t")
    line = " ".join(kept.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _base(plan: Plan, comparison_id: str, spec: EngineSpec, cell: Cell) -> dict[str, Any]:
    """A row with every column; whatever this run cannot know stays None."""
    counted = usage_of(plan.request, None)
    settings = settings_of(plan.request)
    reference = plan.reference.text or (", ".join(plan.reference.tags) if plan.reference.tags else None)
    if plan.reference.stems:
        reference = "stems: " + ", ".join(plan.reference.stems)
    takes_audio = TASKS[plan.task].takes_audio
    return dict.fromkeys(COLUMNS) | {
        "comparison_id": comparison_id,
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "task": plan.task,
        "engine_id": spec.id,
        "engine_name": spec.name,
        "vendor": spec.vendor,
        "system": spec.system,
        "model": spec.model,
        "where": spec.where,
        "cached": False,
        "repeat": cell.repeat,
        "input_name": visible_line(plan.input_name, 120),
        "input_audio_seconds": counted.get("input_audio_seconds"),
        "input_characters": None if takes_audio else counted.get("input_characters"),
        "reference": reference,
        "input_text": None if takes_audio else getattr(plan.request, TASKS[plan.task].source),
        "batch_id": plan.batch_id,
        "item": plan.item,
        "slices": _json(dict(plan.slices)),
        "settings": _json(settings),
        "consent": consent_given(settings or (), plan.agreed),
        "app_version": __version__,
    }


def settle(
    plan: Plan,
    comparison_id: str,
    spec: EngineSpec,
    cell: Cell,
    taken: Taken,
    store: Store,
    sha256: str,
) -> Result:
    """The row of one cell. An output that cannot be written to disk makes it a failed row, never a half one."""
    row = _base(plan, comparison_id, spec, cell) | {
        "input_sha256": sha256,
        "cold": taken.cold,
        "warmups": taken.warmups,
        "attempts": len(taken.attempt_log),
        "attempt_log": _json(taken.attempt_log),
        "queue_s": taken.queue_s,
        "load_s": taken.load_s,
        "all_attempts_s": taken.all_attempts_s,
        "versions": _json(dict(taken.versions)),
    }
    if taken.began_at:
        row["created_at"] = taken.began_at.isoformat(timespec="milliseconds")
    row |= _facts(spec, plan, taken.facts)
    if taken.fault is not None:
        row |= {"status": taken.fault.kind, "error": taken.fault.message or ERROR_KINDS[taken.fault.kind]}
        row["request_id"] = row["request_id"] or taken.fault.request_id
        return Result(row)
    row |= {"status": "ok"} | _times(plan, taken) | _output(taken.output, store)
    row |= _cost(_bill(plan, spec, taken))
    return Result(row | _quality(plan, taken.output), taken.output)


def cached_result(
    plan: Plan,
    comparison_id: str,
    spec: EngineSpec,
    cell: Cell,
    original: Mapping[str, Any],
    output: Output,
) -> Result:
    """An earlier answer to the same request: its own times and costs, marked as cached, measured against today's reference."""
    kept = {name: original.get(name) for name in COLUMNS}
    base = _base(plan, comparison_id, spec, cell)
    today = ("comparison_id", "created_at", "input_name", "reference", "repeat", "batch_id", "item", "slices", "consent")
    row = kept | {name: base[name] for name in today} | {"cached": True, "rating": None}
    for column in COLUMNS.values():
        if column.group == "quality":
            row[column.name] = None
    return Result(row | _quality(plan, output), output)


def _facts(spec: EngineSpec, plan: Plan, facts: Facts) -> dict[str, Any]:
    sent = facts.sent or {"model": spec.model, **settings_of(plan.request)}
    return {
        "request_sent": _json(dict(sent)),
        "request_id": facts.request_id,
        "notice": facts.notice,
        "server_s": facts.server_s,
        "connect_s": facts.connect_s,
        "poll_s": facts.poll_s,
        "device": facts.device or ("cpu" if spec.where == "local" and spec.devices == ("cpu",) else None),
        "dtype": facts.dtype,
        "threads": facts.threads,
        "peak_memory_gb": facts.peak_memory_gb,
        "model_answered": facts.model,
    }


def _times(plan: Plan, taken: Taken) -> dict[str, Any]:
    output, first = taken.output, taken.first_arrival_s
    silence = None
    sound = output.audio if TASKS[plan.task].output == "audio" else None
    if sound is not None:
        silence = leading_silence_s(sound.samples, sound.rate)
        first = None if first is None else first + silence
    speech_end = taken.marks.get("speech_end")
    final_at = max((at_s for at_s, piece in taken.pieces if isinstance(piece, Text) and piece.final), default=None)
    heard_s = getattr(getattr(plan.request, "audio", None), "seconds", None) or (sound.seconds if sound else None)
    return {
        "upload_s": taken.marks.get("uploaded"),
        "first_arrival_s": taken.first_arrival_s,
        "leading_silence_s": silence,
        "first_s": first,
        "total_s": taken.total_s,
        "final_lag_s": None if speech_end is None or final_at is None else max(0.0, final_at - speech_end),
        "rtf": taken.total_s / heard_s if heard_s else None,
    }


def _loudness(sound: Audio) -> float | None:
    try:
        return round(loudness_lufs(sound), 2)
    except Withheld:
        return None


def _output(output: Output, store: Store) -> dict[str, Any]:
    sounds = output.sounds()
    files = [
        {
            "name": name,
            "sha256": store.put_blob(sound.to_wav(floats=sound.peak > 1.0)),
            "seconds": round(sound.seconds, 4),
            "rate": sound.rate,
            "channels": sound.channels,
            "peak": round(sound.peak, 4),
            "loudness_lufs": _loudness(sound),
        }
        for name, sound in sounds.items()
    ]
    return {
        "output_text": output.text,
        "output_language": output.language,
        "output_confidence": output.confidence,
        "output_audio_seconds": max((sound.seconds for sound in sounds.values()), default=None),
        "output_files": _json(files),
        "output_words": _json([vars(word) for word in output.words]),
        "output_tags": _json([vars(tag) for tag in output.tags]),
    }


def _bill(plan: Plan, spec: EngineSpec, taken: Taken) -> Bill:
    return bill(spec, usage_of(plan.request, taken.output), taken.usage, taken.total_s, plan.machine_usd_per_hour)


def _cost(made: Bill) -> dict[str, Any]:
    return {
        "usage_raw": _json(dict(made.raw)),
        "usage_billed": _json(dict(made.billed)),
        "usage_reported": made.reported,
        "cost_usd": made.cost_usd,
        "cost_evidence": made.evidence,
        "price_rule": made.rule,
        "price_source": made.source,
        "price_date": made.date,
    }


def _quality(plan: Plan, output: Output) -> dict[str, Any]:
    measured = measure(plan.task, plan.request, output, plan.reference)
    return {
        **measured.values,
        "metric_versions": _json(dict(measured.versions)),
        "metrics_withheld": _json(dict(measured.withheld)),
    }


def with_heard(plan: Plan, result: Result, heard: str | float | Fault) -> Result:
    """The result with what the plan's listener made of it."""
    versions, withheld = (json.loads(result.row[name] or "{}") for name in ("metric_versions", "metrics_withheld"))
    if isinstance(heard, Fault):
        again = Measured(withheld={hearing.HEARD[plan.task]: f"{plan.hear_with.id} could not listen: {heard.message}"})
    else:
        again = hearing.measured(plan.task, plan.request, heard, plan.hear_with)
        withheld.pop(hearing.HEARD[plan.task], None)
    added = {"metric_versions": _json(versions | again.versions), "metrics_withheld": _json(withheld | again.withheld)}
    return Result({**result.row, **again.values, **added}, result.output)
