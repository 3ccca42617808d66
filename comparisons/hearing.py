"""Engines that listen to what others made: speech is written down for the round-trip WER, music is placed near its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from comparisons import lanes
from comparisons.catalogue import engines_for
from comparisons.metrics import METRICS, Measured, measure_round_trip
from engine.audio import Audio
from engine.contract import Classify, Engine, EngineSpec, NotReady, Piece, Request, Transcribe
from engine.tasks import TASKS
from engine.worker import decode

if TYPE_CHECKING:
    from comparisons.plan import Plan
    from comparisons.runner import Runner

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


def hear(runner: Runner, plan: Plan, audio: Audio) -> str | float:
    """What the plan's listener hears: the words of speech, or how near music lies to its prompt. Raises whatever it raises.

    The caller stands in the lane of a local listener.
    """
    request = question(plan.task, plan.request, audio)
    known = runner.answers.get(plan.key_for(plan.hear_with, 1, request, audio.sha256()))
    pieces = _listened(runner, plan, request) if known is None else [piece for _, piece in decode(known.pieces)]
    return told(plan.task, pieces)


def _listened(runner: Runner, plan: Plan, request: Request) -> list[Piece]:
    spec, access = plan.hear_with, plan.access_for(plan.hear_with)
    if spec.where == "local":
        worker = runner.residents.take(spec)
        pieces = _answered(worker, request, plan.timeout_s, loaded=worker.alive)
        runner.residents.give_back(worker, None)
        return pieces
    with runner.clients_for(plan, spec) as clients:
        engine, loaded = clients.take(spec, access)
        try:
            pieces = _answered(engine, request, plan.timeout_s, loaded=loaded)
        except BaseException:
            engine.close()
            raise
        clients.give_back(engine, access)
    return pieces


def _answered(engine: Engine, request: Request, timeout_s: float, *, loaded: bool) -> list[Piece]:
    alarm = lanes.ALARMS.set(timeout_s, engine.close)
    try:
        if not loaded:
            engine.load()
        pieces = list(engine.run(request, timeout_s))
    finally:
        in_time = lanes.ALARMS.clear(alarm)
    if not in_time:
        raise TimeoutError(f"{engine.spec.id} gave no complete answer within {timeout_s:g} s")
    return pieces
