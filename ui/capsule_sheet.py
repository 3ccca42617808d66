"""What stands around the board of a saved comparison: input, link, table of figures, versions and prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile
from gradio.data_classes import FileData, GradioModel
from pydantic import BaseModel, Field

from comparisons.capsule import Capsule, absences, ballots, outline
from comparisons.columns import COLUMNS
from comparisons.kept_comparison import document
from comparisons.store import Store
from engine.tasks import TASKS
from ui.board import servable
from ui.forest import Results, ballot_results
from ui.shown import Shown, script
from ui.table_page import headed, shown, visible
from ui.table_state import default_columns

LONGEST_CELL = 200
_PROVENANCE = ("model_answered", "versions", "device", "price_rule", "price_source", "price_date")
_PRICES = {"price_rule", "price_source", "price_date"}


class Header(BaseModel):
    label: str
    title: str = ""
    number: bool = False


class Provenance(BaseModel):
    """What stands behind one engine's figures, as label and text."""

    name: str
    facts: list[tuple[str, str]] = []


class SheetState(GradioModel):
    """What surrounds board and chart; every string is shown as plain text. `link` is an id that a link can name, or ""."""

    title: str = ""
    subtitle: str = ""
    input_text: str = ""
    input_file: FileData | None = None
    input_label: str = ""
    reference: str = ""
    notes: list[str] = Field(default=[])
    link: str = ""
    headers: list[Header] = Field(default=[])
    rows: list[list[str]] = Field(default=[])
    provenance: list[Provenance] = Field(default=[])
    tests: list[Results] = Field(default=[])
    """What finished blind tests say, read only."""


class Sheet(Shown):
    """Shows a SheetState around its children; as an input it yields None: the browser's copy proves nothing."""

    data_model = SheetState

    def __init__(self, value: SheetState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<div class='sc-sheet-top'></div>@children<div class='sc-sheet-bottom'></div>",
            js_on_load=script("capsule"),
            apply_default_css=False,
            elem_classes=["sc-sheet"],
            **options,
        )


def kept_sound(source: Store | Capsule, sha256: str) -> tuple[Path, list[float]] | None:
    """The file of a sound and its outline, None when it is not there. A capsule's sound is not decoded here."""
    if isinstance(source, Capsule):
        path = source.sound_path(sha256)
        return None if path is None else (path, source.peaks(sha256))
    path = source.blob_path(sha256)
    try:
        return path, outline(soundfile.read(path, dtype="float32", always_2d=True)[0])
    except (OSError, soundfile.LibsndfileError):
        return None


def sheet_of(
    source: Store | Capsule,
    comparison_id: str,
    rows: Sequence[Mapping[str, Any]],
    whole: Sequence[Mapping[str, Any]],
    *,
    linked: bool,
) -> SheetState:
    """The sheet of one input: `rows` are its rows, `whole` those of the comparison or run that they are of."""
    first = rows[0]
    file = next((found for row in rows if (found := document(row, "input_file"))), None)
    sound = kept_sound(source, file["sha256"]) if file else None
    names = [name for name in _columns(first["task"]) if any(row[name] not in (None, "") for row in rows)]
    answered = sum(row["status"] == "ok" for row in rows)
    made = min(row["created_at"] for row in rows)[:19].replace("T", " ")
    app, missing = visible(first["app_version"] or "of unknown version"), absences(source, whole)
    if file and sound is None and not missing:
        missing = ["The input sound is missing here."]
    return SheetState(
        title=f"{TASKS[first['task']].title}: {visible(first['input_name'] or 'comparison')}",
        subtitle=f"{answered} of {len(rows)} answered · {made} UTC · Soundcheck {app}",
        input_file=servable(sound[0], f"input{sound[0].suffix}") if sound else None,
        input_label=f"Input · {COLUMNS['input_audio_seconds'].shown(file['seconds'])} · {file['rate'] / 1000:g} kHz"
        if sound
        else "",
        reference=visible(first["reference"] or ""),
        notes=missing,
        link=comparison_id if linked else "",
        headers=[
            Header(label=headed(COLUMNS[name]), title=COLUMNS[name].meaning, number=COLUMNS[name].kind == "number")
            for name in names
        ],
        rows=[[_cell(name, row[name]) for name in names] for row in rows],
        provenance=_provenance(rows),
        tests=[_visible(ballot_results(each)) for each in ballots(source, comparison_id, whole)],
    )


def _visible(results: Results) -> Results:
    lines = [line.model_copy(update={"name": visible(line.name)}) for line in results.lines]
    return results.model_copy(update={"lines": lines, "verdict": visible(results.verdict)})


def _columns(task: str) -> list[str]:
    """Figures alone, the engine first: what came out is on the cards."""
    usual = [name for name in default_columns(task) if COLUMNS[name].kind == "number"]
    return list(dict.fromkeys(("engine_name", "where", "status", "cached", "repeat", "queue_s", "load_s", *usual, "cost_usd")))


def _cell(name: str, value: Any) -> str:
    text = shown(COLUMNS[name], value)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _provenance(rows: Sequence[Mapping[str, Any]]) -> list[Provenance]:
    found = {}
    for row in rows:
        wanted = [name for name in _PROVENANCE if row[name] and (row["where"] == "cloud" or name not in _PRICES)]
        if wanted:
            facts = [(COLUMNS[name].label, _words(row, name)) for name in wanted]
            found.setdefault(row["engine_id"], Provenance(name=visible(row["engine_name"] or row["engine_id"]), facts=facts))
    return list(found.values())


def _words(row: Mapping[str, Any], name: str) -> str:
    held = document(row, name) if COLUMNS[name].kind == "json" else None
    text = ", ".join(f"{key} {value}" for key, value in held.items()) if isinstance(held, dict) else str(row[name])
    return visible(text)[:1_000]
