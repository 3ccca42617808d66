"""A local engine in its own process against the bare library in this one, for short texts and for large arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.measured import Goal, Measured, Sizes, in_turns
from comparisons.catalogue import find
from engine.audio import Audio
from engine.contract import Engine, Request, Separate, Synthesize, Transcribe
from engine.tasks import TASKS
from engine.worker import Worker

SAID = "Please send the revised budget to the office before noon, and call me when the train has left the station. "


def speech(seconds: float) -> Audio:
    """Synthetic speech, 16 kHz mono."""
    spec = find("espeak/en")
    engine = spec.engine(spec)
    engine.load()
    try:
        request = Synthesize(SAID * (1 + int(seconds / 5)))
        spoken = TASKS["tts"].join(list(engine.run(request, 60.0))).audio
    finally:
        engine.close()
    return spoken.mono().resample(16_000).part(0, seconds)


def mix(seconds: float) -> Audio:
    """Steady tones and strokes, 44.1 kHz mono."""
    rate = 44_100
    at = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * hz * at) for hz in (220.0, 277.2, 329.6)) / 6
    strokes = np.random.default_rng(0).normal(0, 0.3, at.size) * np.exp(-30 * (at % 0.5))
    return Audio((tones + strokes).astype(np.float32) * 0.5, rate)


def pocketsphinx_alone(sound: Audio) -> Callable[[], Any]:
    from pocketsphinx import Decoder

    decoder, pcm = Decoder(samprate=16_000, loglevel="FATAL"), sound.to_pcm16()

    def decode() -> str:
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        return decoder.hyp().hypstr if decoder.hyp() else ""

    return decode


def hpss_alone(sound: Audio) -> Callable[[], Any]:
    import librosa

    return lambda: librosa.effects.hpss(sound.samples[0])


def _exhaust(engine: Engine, request: Request) -> Callable[[], None]:
    def run() -> None:
        for _piece in engine.run(request, 300.0):
            pass

    return run


def measure(sizes: Sizes, folder: Path) -> Iterator[Measured]:
    said, mixed = speech(sizes.clip_s), mix(sizes.mix_s)
    cases = (
        ("worker-text", "pocketsphinx/en-us", Transcribe(said), pocketsphinx_alone(said), f"{sizes.clip_s:g} s of speech"),
        ("worker-arrays", "spectral/hpss", Separate(mixed), hpss_alone(mixed), f"{sizes.mix_s:g} s of mono sound at 44.1 kHz"),
    )
    for name, engine_id, request, library, what in cases:
        spec, rounds = find(engine_id), sizes.rounds_or(5)
        worker, here = Worker(spec), spec.engine(spec)
        worker.load()
        try:
            here.load()
            arms = {"ours": _exhaust(worker, request), "plain": library, "same_process": _exhaust(here, request)}
            took = in_turns(rounds, arms)
        finally:
            worker.close()
            here.close()
        yield Measured(
            name,
            took["ours"],
            took["plain"],
            Goal("ratio", 1.03),
            rounds,
            f"{engine_id} loaded in its worker process against the library's own call in this process, on {what}; same_process_s "
            "is the same engine without a worker.",
            against={"same_process": took["same_process"]},
        )
