"""The listening deck: every sound of a comparison on one clock, switched or mixed at the same sample."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gradio.data_classes import FileData, GradioModel
from pydantic import BaseModel, Field

from comparisons.columns import COLUMNS
from comparisons.intake import take_in
from comparisons.results import Result
from comparisons.sounds import ACCOMPANIMENT, Withheld, loudness_lufs
from comparisons.store import Store
from engine.audio import Audio
from engine.contract import EngineError
from engine.tasks import Task
from ui.board import servable
from ui.cards import FIRST, HEADROOM_DB, LISTENING_LUFS, MEASURES, peaks_of
from ui.shown import Shown, script

PEAKS = 480
MOST_TRACKS = 60
LONGEST_INPUT_S = 1_800.0
"""A longer input is left out: decoded, half an hour of stereo already takes 0.7 GB of the browser's memory."""
FIGURES = 3
FLOOR_DB = -120.0


class Figure(BaseModel):
    label: str
    value: str
    """Formatted, with its unit."""
    title: str = ""


class Track(BaseModel):
    """One sound. Every string is shown as plain text."""

    key: str
    name: str
    where: Literal["local", "cloud", ""] = ""
    """"" for what no engine made."""
    file: FileData
    """From `servable(path)`; fetched when the person presses play, not before."""
    seconds: float = Field(ge=0, allow_inf_nan=False)
    gain_db: float | None = Field(default=None, allow_inf_nan=False)
    """Applied while "same loudness" is on; None leaves the sound as it is. The download is always the original."""
    measures: list[Figure] = []
    peaks: list[float] = []
    """Heights from 0 to 1, evenly spaced over the sound."""
    role: Literal["input", "output", "stem", "residual"] = "output"
    group: str = ""
    """Tracks of one engine in mode "mix"; "" belongs to every group."""
    group_name: str = ""
    muted: bool = False
    """Silent at first; in mode "mix" only."""


class DeckState(GradioModel):
    mode: Literal["switch", "mix"] = "switch"
    """"switch": one track is heard at a time. "mix": the tracks of one group sound together, with mute and solo."""
    tracks: list[Track] = Field(default=[], max_length=MOST_TRACKS + 1)
    """In the order to show; keys are unique. Key 0 is the input, keys 1 to 9 the others as they stand."""
    target_lufs: float | None = None
    """The loudness to which `gain_db` brings every track."""
    note: str = ""
    comparison: str = ""
    """Id of what a blind test can be made of; "" where there is nothing to choose between, or no store that holds it."""


class Deck(Shown):
    """Shows a `DeckState` or a dictionary of its fields; as an input it yields None: the browser's copy proves nothing.

    Event `test`: the person wants a blind test of `comparison`; the listening room makes it once it is shown (ui/listen.js).

    `document.querySelector('.sc-deck').deck` has `probe()`, `heard()` and `rehearse(script)`, which read and never change.
    """

    data_model = DeckState

    def __init__(self, value: DeckState | dict[str, Any] | None = None, *, label: str = "Listening deck", **options: Any) -> None:
        super().__init__(
            value,
            label=label,
            html_template="<div class='sc-deck-frame'><section class='sc-deck' aria-label='Listening deck'></section></div>",
            js_on_load=script("deck"),
            apply_default_css=False,
            **options,
        )


# ---------------------------------------------------------------- from results to tracks


def deck_from_results(results: Sequence[Result], store: Store, input_audio: Audio | str | Path | None, task: Task) -> DeckState:
    """Every sound that the results hold, in their order, after the input. No tracks when no engine made a sound.

    `input_audio` is best what the engines were given (`plan.request.audio`): the same samples, so that the same time is the same
    place. A path is read as an upload is. Raises DiskFull when the input or a residual cannot be kept.
    """
    heard = [result for result in results if result.ok and result.output and result.output.sounds()]
    if not heard:
        return DeckState(mode=_mode(task))
    given, note = _read_input(input_audio)
    tracks, levels = [], []
    if given is not None:
        tracks.append(_made_here("input", "Input", given, store, role="input", muted=task.output == "stems"))
        levels.append((_loudness(given), given.peak))
    for result in heard:
        files = {file["name"]: file for file in json.loads(result.row["output_files"] or "[]")}
        tracks += _tracks_of(result, files, store, task, repeated=_repeats(heard, result))
        levels += [(files[name]["loudness_lufs"], files[name]["peak"]) for name in result.output.sounds()]
        if task.output == "stems" and given is not None:
            tracks.append(_residual_track(result, given, store, repeated=_repeats(heard, result)))
    if len(tracks) > MOST_TRACKS:
        note = " ".join([note, f"Only the first {MOST_TRACKS} of {len(tracks)} sounds are here."]).strip()
    rivals = {result.row["engine_id"] for result in heard}
    comparison = heard[0].row["comparison_id"] if len(rivals) > 1 else ""
    state = DeckState(mode=_mode(task), tracks=tracks[:MOST_TRACKS], note=note, comparison=comparison)
    if state.mode == "switch":
        state.target_lufs, gains = matched(levels)
        for track, gain_db in zip(state.tracks, gains, strict=False):
            track.gain_db = gain_db
    return state


def matched(levels: Iterable[tuple[float | None, float]]) -> tuple[float | None, list[float | None]]:
    """One loudness for all: the listening target, or as near below it as every peak allows, and each sound's gain, dB.

    `levels`: loudness (LUFS, None when it has none) and peak (of full scale) of each sound. A sound without a loudness gets None.
    """
    levels = list(levels)
    known = [(loudness, -20 * math.log10(peak) - HEADROOM_DB) for loudness, peak in levels if loudness is not None and peak > 0]
    if not known:
        return None, [None] * len(levels)
    target = min(LISTENING_LUFS, *(loudness + room for loudness, room in known))
    gains = [round(target - loudness, 1) if loudness is not None and peak > 0 else None for loudness, peak in levels]
    return round(target, 1), gains


def residual(stems: Mapping[str, Audio], mix: Audio) -> tuple[Audio, float]:
    """The mix minus the sum of the stems, and its level against the mix, dB (never below -120; 0 for a silent mix).

    Stems that repeat others are left out of the sum, as in the null test. A short stem counts as silent from its end on.
    """
    kept = dict(stems)
    if len(stems) > 2:
        kept = {name: stem for name, stem in stems.items() if not _repeats_others(name)} or kept
    rest = mix.samples.copy()
    for stem in kept.values():
        sound = stem.resample(mix.rate)
        samples = sound.samples if sound.channels == mix.channels else sound.mono().samples
        frames = min(mix.frames, sound.frames)
        rest[:, :frames] -= samples[:, :frames]
    left, whole = (float(np.vdot(each, each)) for each in (rest.astype(np.float64), mix.samples.astype(np.float64)))
    if not whole:
        return Audio(rest, mix.rate), 0.0
    return Audio(rest, mix.rate), max(FLOOR_DB, 10 * math.log10(left / whole)) if left else FLOOR_DB


def _mode(task: Task) -> Literal["switch", "mix"]:
    return "mix" if task.output == "stems" else "switch"


def _repeats_others(name: str) -> bool:
    return name.casefold().strip() in ACCOMPANIMENT


def _repeats(results: Sequence[Result], result: Result) -> bool:
    return sum(other.row["engine_id"] == result.row["engine_id"] for other in results) > 1


def _named(row: Mapping[str, Any], repeated: bool) -> tuple[str, str]:
    """Key and name of the engine that made a row."""
    return f"{row['engine_id']}#{row['repeat']}", row["engine_name"] + (f" · {row['repeat']}" if repeated else "")


def _read_input(given: Audio | str | Path | None) -> tuple[Audio | None, str]:
    """The input's samples, or None and the sentence that says why it is not in the deck."""
    if given is None:
        return None, ""
    try:
        audio = given if isinstance(given, Audio) else take_in(given).audio
    except EngineError as error:
        return None, f"The input is not in the deck: {error}"
    if audio.seconds > LONGEST_INPUT_S:
        return None, f"The input lasts {audio.seconds / 60:.0f} minutes, too long to hold beside the others, and is left out."
    return audio, ""


def _loudness(audio: Audio) -> float | None:
    try:
        return loudness_lufs(audio)
    except Withheld:
        return None


def _made_here(key: str, name: str, audio: Audio, store: Store, **fields: Any) -> Track:
    """A track of samples that no engine's row names: kept as float32, because a residual may be far below 16 bits."""
    sha256 = store.put_blob(audio.to_wav(floats=True))
    return Track(
        key=key,
        name=name,
        file=servable(store.blob_path(sha256), f"{name.lower()}.wav"),
        seconds=audio.seconds,
        peaks=peaks_of(audio, PEAKS),
        **fields,
    )


def _tracks_of(
    result: Result, files: Mapping[str, Mapping[str, Any]], store: Store, task: Task, *, repeated: bool
) -> list[Track]:
    row, sounds, tracks = result.row, result.output.sounds(), []
    engine, engine_name = _named(row, repeated)
    for name, audio in sounds.items():
        stem = task.output == "stems"
        called = row["engine_id"].replace("/", "-") + (f"-{name}" if name != "output" else "")
        tracks.append(
            Track(
                key=f"{engine}/{name}" if stem else engine,
                name=name if stem else engine_name,
                where=row["where"],
                file=servable(store.blob_path(files[name]["sha256"]), f"{called}.wav"),
                seconds=audio.seconds,
                peaks=peaks_of(audio, PEAKS),
                measures=_stem_figures(row, name, files[name]) if stem else _figures(row, task),
                role="stem" if stem else "output",
                group=engine if stem else "",
                group_name=engine_name if stem else "",
                muted=stem and len(sounds) > 2 and _repeats_others(name),
            )
        )
    return tracks


def _residual_track(result: Result, mix: Audio, store: Store, *, repeated: bool) -> Track:
    row = result.row
    rest, level_db = residual({stem.name: stem.audio for stem in result.output.stems}, mix)
    title = "Mix minus the sum of the stems: what was lost or added. Its energy against the mix."
    shown = COLUMNS["null_test_db"].shown(level_db)
    engine, engine_name = _named(row, repeated)
    return _made_here(
        f"{engine}/residual of the mix",
        "residual",
        rest,
        store,
        where=row["where"],
        role="residual",
        measures=[Figure(label="of the mix", value=f"≤ {shown}" if level_db <= FLOOR_DB else shown, title=title)],
        group=engine,
        group_name=engine_name,
        muted=True,
    )


def _figures(row: Mapping[str, Any], task: Task) -> list[Figure]:
    names = [name for name in MEASURES[task.name] if row[name] is not None][:FIGURES]
    return [
        Figure(
            label=FIRST.get(task.output, "first output") if name == "first_s" else COLUMNS[name].label,
            value=COLUMNS[name].shown(row[name]),
            title=COLUMNS[name].meaning,
        )
        for name in names
    ]


def _stem_figures(row: Mapping[str, Any], name: str, file: Mapping[str, Any]) -> list[Figure]:
    scores = json.loads(row["stem_scores"] or "{}").get(name, {})
    figures = [
        Figure(
            label=COLUMNS[column].label,
            value=COLUMNS[column].shown(scores[column]),
            title=f"{COLUMNS[column].meaning} Of this stem.",
        )
        for column in ("si_sdr_db", "sdr_db")
        if column in scores
    ]
    if not figures and file["loudness_lufs"] is not None:
        figures.append(Figure(label="loudness", value=COLUMNS["loudness_lufs"].shown(file["loudness_lufs"])))
    return figures
