"""Engines that listen to what others made: speech is written down for the round-trip WER, music is placed near its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comparisons.catalogue import engines_for
from comparisons.metrics import METRICS, Measured, measure_round_trip
from engine.audio import Audio
from engine.contract import Classify, EngineSpec, NotReady, Piece, Request, Transcribe
from engine.tasks import TASKS

HEARD = {"tts": "round_trip_wer", "music": "prompt_score"}
"""What listening measures, by task."""
ASKED = {
    "tts": ("Write the speech down with", "Gives the round-trip WER."),
    "music": ("Score the prompt with", "Gives how near the music lies to its words."),
}
"""Label and help of the choice, by task."""


def hearers(task: str) -> tuple[EngineSpec, ...]:
    """Engines that can listen for a task: every ASR engine for speech, for music those that put sound and words in one space."""
    if task == "tts":
        return engines_for("asr")
    return tuple(spec for spec in engines_for("tagging") if spec.extra.get("prompt_score")) if task == "music" else ()


def find_hearer(engine_id: str, task: str) -> EngineSpec:
    """Raises NotReady with the ids that exist."""
    found = {spec.id: spec for spec in hearers(task)}
    if engine_id not in found:
        raise NotReady(f"{engine_id!r} cannot listen to {task}; {', '.join(found) or 'no engine'} can")
    return found[engine_id]


def question(task: str, request: Any, audio: Audio) -> Request:
    """What the listener is asked about the sound that `request` gave."""
    if task == "tts":
        return Transcribe(audio)
    # In quotes a comma does not end a label, and a single label is answered with its similarity.
    return Classify(audio, labels='"{}"'.format(request.prompt.replace('"', "'").replace("\n", " ")), top_k=1)


def told(task: str, pieces: Sequence[Piece]) -> str | float:
    """The words of the speech, or the similarity of music and prompt."""
    return TASKS["asr"].join(pieces).text if task == "tts" else TASKS["tagging"].join(pieces).tags[0].score


def measured(task: str, request: Any, heard: str | float, hearer: EngineSpec) -> Measured:
    """The metric of HEARD; its version names the engine that listened."""
    if task == "tts":
        return measure_round_trip(request.text, heard, hearer.id, request.language)
    metric = METRICS[HEARD[task]]
    return Measured({metric.name: float(heard)}, {metric.name: f"{metric.version}, heard by {hearer.id}"})
