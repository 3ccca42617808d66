"""From the runner's events to what the board shows."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from comparisons.columns import COLUMNS
from comparisons.metrics import agreement
from comparisons.results import Answered, Arrived, Cell, Event, Loading, Queued, Result, Retrying, Settled, Started
from comparisons.runner import Plan
from comparisons.store import Store
from engine.audio import Audio
from engine.contract import Stem, Tag, Text
from engine.tasks import TASKS
from ui.board import Badge, BoardState, Card, Measure, Sound, TagBar, Tile, servable
from ui.words import spans_for_rows

PEAKS = 160
LISTENING_LUFS = -16.0
"""Loudness to which players are matched, where the peaks leave room for it: usual for speech on the web."""
HEADROOM_DB = 0.1
MOST_TAGS = 12

HINTS = {
    "auth": "Check the key under Keys; nothing was charged for it.",
    "quota": "Add credit at the vendor, or leave this engine out.",
    "rate_limit": "Wait a little, or run fewer repeats.",
    "too_large": "Use a shorter input.",
    "unsupported": "Clear that setting, or leave this engine out.",
    "timeout": "Raise the deadline under Run settings, or use a shorter input.",
    "network": "Check this machine's connection.",
    "server": "The vendor's side failed; try again later.",
    "out_of_memory": "Use a shorter input or a smaller model.",
    "crashed": "The other engines are not affected; run it again.",
    "over_budget": "Raise the spend cap under Run settings.",
    "disk_full": "Free some disk space; what is shown here can still be downloaded.",
}
MEASURES = {
    "asr": ("first_s", "total_s", "wer", "rtf", "cost_usd", "final_lag_s"),
    "tts": (
        "first_s",
        "total_s",
        "round_trip_wer",
        "rtf",
        "cost_usd",
        "predicted_mos",
        "words_per_minute",
        "silence_share",
        "loudness_lufs",
    ),
    "music": ("first_s", "total_s", "prompt_score", "rtf", "cost_usd", "loudness_lufs", "tempo_bpm", "musical_key"),
    "separation": ("total_s", "rtf", "si_sdr_db", "sdr_db", "null_test_db", "cost_usd"),
    "tagging": ("total_s", "rtf", "tag_f1", "cost_usd"),
    "audio_lm": ("first_s", "total_s", "reference_words_found", "rtf", "cost_usd"),
}
FIRST = {"text": "first text", "audio": "first audio"}


def peaks_of(audio: Audio, count: int = PEAKS) -> list[float]:
    """`count` heights from 0 to 1, evenly spaced over the sound."""
    mono = np.abs(audio.samples).max(axis=0)
    if not mono.size:
        return []
    edges = np.linspace(0, mono.size, min(count, mono.size) + 1).astype(int)
    heights = np.maximum.reduceat(mono, edges[:-1])
    return [round(float(height), 3) for height in np.minimum(heights, 1.0)]


class Cards:
    """The board of one comparison: feed it events, read its state."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.store, self.task = plan, store, TASKS[plan.task]
        self._cards: dict[Cell, Card] = {}
        self._since: dict[Cell, float] = {}
        self._finals: dict[Cell, str] = {}
        self._specs = {spec.id: spec for spec in plan.specs}
        self.results: dict[Cell, Result] = {}

    def apply(self, events: Iterable[Event]) -> bool:
        """Take in what has happened. True when the board has changed."""
        changed = False
        for event in events:
            getattr(self, f"_on_{type(event).__name__.lower()}")(event)
            changed = True
        return changed

    def state(self, *, done: bool = False) -> BoardState:
        now = time.monotonic()
        for cell, card in self._cards.items():
            card.elapsed_s = None if card.state in ("ok", "error", "stopped") else now - self._since[cell]
        self._mark_best()
        return BoardState(
            phase="done" if done else "running",
            headline=self._headline(),
            cards=list(self._cards.values()),
        )

    def finish(self) -> list[str]:
        """What needs all answers: marked words and one loudness. Returns sentences on what could not be marked."""
        self._match_loudness()
        if self.task.name != "asr":
            return []
        marks, notes = spans_for_rows(self.rows, getattr(self.plan.request, "language", None))
        for card in self._cards.values():
            card.spans = marks.get(card.key, [])
        return notes

    @property
    def in_order(self) -> list[Result]:
        """The results as they were asked for, whichever came first."""
        return [self.results[cell] for cell in self._cards if cell in self.results]

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        return [result.row for result in self.results.values()]

    # -------------------------------------------------------- events

    def _on_queued(self, event: Queued) -> None:
        spec = self._specs[event.cell.engine_id]
        name = spec.name if self.plan.repeats == 1 else f"{spec.name} · {event.cell.repeat} of {self.plan.repeats}"
        self._since[event.cell] = time.monotonic()
        self._cards[event.cell] = Card(
            key=f"{spec.id}#{event.cell.repeat}",
            name=name,
            where=spec.where,
            state="waiting",
            badges=[Badge(text="baseline", title=spec.summary)] if spec.tier == "baseline" else [],
        )

    def _enter(self, cell: Cell, state: str) -> Card:
        card = self._cards[cell]
        if card.state != state:
            self._since[cell] = time.monotonic()
        card.state = state
        return card

    def _on_loading(self, event: Loading) -> None:
        self._enter(event.cell, "loading")

    def _on_started(self, event: Started) -> None:
        card = self._enter(event.cell, "running")
        card.text, card.tags, card.hint = "", [], ""
        self._finals.pop(event.cell, None)

    def _on_retrying(self, event: Retrying) -> None:
        self._enter(event.cell, "waiting").hint = f"{event.reason}. Trying again in {event.wait_s:.1f} s."

    def _on_arrived(self, event: Arrived) -> None:
        card, piece = self._enter(event.cell, "running"), event.piece
        if isinstance(piece, Text):
            if piece.final:
                self._finals[event.cell] = f"{self._finals.get(event.cell, '')} {piece.text}".strip()
            card.text, card.partial = (self._finals[event.cell] if piece.final else piece.text), not piece.final
        elif isinstance(piece, Tag) and len(card.tags) < MOST_TAGS:
            card.tags = [*card.tags, TagBar(label=piece.label, score=piece.score, start_s=piece.start_s, end_s=piece.end_s)]
        elif isinstance(piece, Audio):
            card.hint = f"Sound is arriving, first after {event.at_s:.2f} s." if not card.hint else card.hint
        elif isinstance(piece, Stem):
            card.hint = f"Stem {piece.name!r} is ready."

    def _on_answered(self, event: Answered) -> None:
        card = self._show(event.cell, event.result)
        card.hint = card.hint or self._awaits

    def _on_settled(self, event: Settled) -> None:
        if event.cell in self.results:  # what was heard is all that is new
            self.results[event.cell] = event.result
            card = self._cards[event.cell]
            card.measures = self._measures(event.result.row)
            card.hint = _unkept(event.result.row) or card.hint.removesuffix(self._awaits)
        else:
            self._show(event.cell, event.result)

    def _show(self, cell: Cell, result: Result) -> Card:
        row = result.row
        card = self._enter(cell, "ok" if result.ok else "stopped" if row["status"] == "cancelled" else "error")
        self.results[cell] = result
        card.partial, card.hint = False, _unkept(row)
        card.badges = [*card.badges, *badges(row)]
        if not result.ok:
            card.text, card.tags = "", []
            card.error, card.hint = row["error"], HINTS.get(row["status"], "")
            card.measures = [
                Measure(label="attempts", value=str(row["attempts"] or 0)),
                *(
                    [Measure(label="after", value=COLUMNS["total_s"].shown(row["all_attempts_s"]))]
                    if row["all_attempts_s"]
                    else []
                ),
            ]
            return card
        output = result.output
        card.text = output.text or ""
        card.tags = [
            TagBar(label=tag.label, score=tag.score, start_s=tag.start_s, end_s=tag.end_s) for tag in output.tags[:MOST_TAGS]
        ]
        card.measures = self._measures(row)
        try:
            card.sounds = self._sounds(result)
        except OSError as error:
            card.hint = f"The sound cannot be played here: {error.strerror}."
        return card

    @property
    def _awaits(self) -> str:
        return f"{self.plan.hear_with.name} is yet to listen to it." if self.plan.hear_with else ""

    # -------------------------------------------------------- parts of a card

    def _sounds(self, result: Result) -> list[Sound]:
        files = {file["name"]: file for file in json.loads(result.row["output_files"] or "[]")}
        engine = result.row["engine_id"].replace("/", "-")
        found = []
        for name, audio in result.output.sounds().items():
            path = self.store.blob_path(files[name]["sha256"])
            title = "sound" if name == "output" else name
            file = servable(path, f"{engine}{'' if name == 'output' else f'-{name}'}.wav")
            found.append(Sound(name=title, file=file, seconds=audio.seconds, peaks=peaks_of(audio)))
        return found

    def _measures(self, row: Mapping[str, Any]) -> list[Measure]:
        names = [name for name in MEASURES[self.plan.task] if row[name] is not None]
        found = []
        for name in names:
            column = COLUMNS[name]
            label = FIRST.get(self.task.output, "first output") if name == "first_s" else column.label
            found.append(Measure(label=label, value=column.shown(row[name]), title=column.meaning))
        return found

    def _mark_best(self) -> None:
        """Mark the best of each measure and draw bars for times; cached figures never compete with fresh ones."""
        settled = [(self._cards[cell], result.row) for cell, result in self.results.items() if result.ok]
        for name in MEASURES[self.plan.task]:
            column, fresh = COLUMNS[name], [row[name] for _, row in settled if row[name] is not None and not row["cached"]]
            if not fresh or not column.direction:
                continue
            best = max(fresh) if column.direction > 0 else min(fresh)
            longest = max(fresh)
            for card, row in settled:
                measure = next((each for each in card.measures if each.title == column.meaning), None)
                if measure is None:
                    continue
                measure.best = min(fresh) < max(fresh) and not row["cached"] and math.isclose(row[name], best)
                if name in ("first_s", "total_s") and longest > 0:
                    measure.bar = min(1.0, row[name] / longest)

    def _match_loudness(self) -> None:
        """One loudness for all players: the target, or as near below it as every sound's peak allows, so that all are equal."""
        if self.task.output != "audio":
            return
        known = []
        for cell, result in self.results.items():
            for sound, file in zip(self._cards[cell].sounds, json.loads(result.row["output_files"] or "[]"), strict=False):
                if file["loudness_lufs"] is not None and file["peak"] > 0:
                    known.append((sound, file["loudness_lufs"], -20 * math.log10(file["peak"]) - HEADROOM_DB))
        if known:
            target = min(LISTENING_LUFS, *(loudness + room for _, loudness, room in known))
            for sound, loudness, _ in known:
                sound.gain_db = round(target - loudness, 1)

    # -------------------------------------------------------- headline

    def _headline(self) -> list[Tile]:
        rows = [row for row in self.rows if row["status"] == "ok"]
        fresh = [row for row in rows if not row["cached"]]
        tiles = []
        if fresh:
            row = min(fresh, key=lambda row: row["total_s"])
            tiles.append(Tile(value=COLUMNS["total_s"].shown(row["total_s"]), label=f"fastest · {row['engine_name']}"))
        for name in self.task.metrics:
            scored = [row for row in rows if row[name] is not None]
            if scored and COLUMNS[name].direction:
                row = (max if COLUMNS[name].direction > 0 else min)(scored, key=lambda row: row[name])
                tiles.append(
                    Tile(value=COLUMNS[name].shown(row[name]), label=f"best {COLUMNS[name].label} · {row['engine_name']}")
                )
                break
        priced = [row for row in rows if row["cost_usd"] is not None]
        if priced:
            row = min(priced, key=lambda row: row["cost_usd"])
            tiles.append(Tile(value=COLUMNS["cost_usd"].shown(row["cost_usd"]), label=f"cheapest · {row['engine_name']}"))
        tagged = [[tag["label"] for tag in json.loads(row["output_tags"])] for row in rows if row["output_tags"]]
        shared = agreement(tagged)
        if shared is not None:
            tiles.append(Tile(value=COLUMNS["tag_agreement"].shown(shared), label="of the tags are shared by two engines"))
        if self.results:
            tiles.append(Tile(value=f"{len(rows)} of {len(self._cards)}", label="answered"))
        return tiles[:4]


def _unkept(row: Mapping[str, Any]) -> str:
    return f"Not kept in the table: {row['not_kept']}" if row.get("not_kept") else ""


def badges(row: Mapping[str, Any]) -> list[Badge]:
    """What a reader has to know to judge the row's numbers."""
    found = []
    if row["cached"]:
        found.append(Badge(text="cached", tone="warn", title="The answer and its times come from an earlier, identical run."))
    elif row["cold"]:
        found.append(Badge(text=f"cold · loaded in {COLUMNS['load_s'].shown(row['load_s'])}", title=COLUMNS["cold"].meaning))
    retries = (row["attempts"] or 1) - 1
    if retries > 0:
        found.append(
            Badge(text=f"{retries} {'retry' if retries == 1 else 'retries'}", tone="warn", title=COLUMNS["attempts"].meaning)
        )
    if row["cost_usd"] is not None and row["where"] == "cloud":
        reported = row["cost_evidence"] == "reported usage"
        found.append(Badge(text="usage reported" if reported else "estimated cost", title=row["price_rule"] or ""))
    if row["device"]:
        found.append(Badge(text=row["device"].upper(), title=COLUMNS["device"].meaning))
    return found
