"""The sounds of a blind test: cut, brought to one rate, channel count and loudness; with an anchor for MUSHRA."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from comparisons.listening_kinds import ANCHOR, REFERENCE
from comparisons.sounds import Withheld, loudness_lufs
from comparisons.store import Store
from comparisons.votes import Votes
from engine.audio import Audio

MOST_SECONDS = 60.0
"""Longer sounds are cut for the test, and the test says so."""
RATE = 48_000
"""Every sound of a test has this rate and one channel count, so that neither tells who made it."""
LISTENING_LUFS = -23.0
HEADROOM_DB = 0.1
ANCHOR_HZ = 3_500.0


@dataclass(frozen=True)
class Take:
    """One sound of one engine in a comparison."""

    engine_id: str
    engine_name: str
    group: str
    """Name of the sound: "output", or the stem's."""
    sha256: str
    seconds: float
    comparison_id: str = ""


def stimuli_of(
    store: Store,
    votes: Votes,
    takes: Sequence[Take],
    kind: str,
    reference: Audio | None,
    chance: random.Random,
    start: int,
    place: int = 0,
) -> dict[str, dict[str, Any]]:
    """The sounds of one group of input `place`: same rate, channels and loudness, kept under hashes of their own.

    Their keys count from `start`. Raises BlobDamaged, DiskFull.
    """
    sounds = [(take, "engine", _listened(Audio.decode(store.read_blob(take.sha256)))) for take in takes]
    if kind == "mushra":
        named = {"engine_id": "", "group": takes[0].group, "sha256": "", "comparison_id": takes[0].comparison_id}
        source = chance.choice(sounds)
        if reference is not None:
            reference = _listened(reference)
            sounds.append((Take(engine_name="Hidden reference", seconds=reference.seconds, **named), REFERENCE, reference))
        whose = reference if reference is not None else source[2]
        words = "reference" if reference is not None else source[0].engine_name
        sounds.append(
            (Take(engine_name=f"Anchor, 3.5 kHz of {words}", seconds=whose.seconds, **named), ANCHOR, low_passed(whose))
        )
    known = [(_loudness(sound), sound.peak) for _, _, sound in sounds]
    rooms = [level - 20 * math.log10(peak) - HEADROOM_DB for level, peak in known if level is not None and peak > 0]
    target = min(LISTENING_LUFS, *rooms) if rooms else None
    channels, longest = max(sound.channels for _, _, sound in sounds), max(sound.frames for _, _, sound in sounds)
    found = {}
    for (take, role, sound), (level, _) in zip(sounds, known, strict=True):
        gain_db = 0.0 if target is None or level is None else target - level
        samples = sound.samples * np.float32(10 ** (gain_db / 20))
        samples = np.repeat(samples, channels, axis=0) if sound.channels == 1 else sound.stereo().samples
        if kind == "abx":  # the length on the page would say what X is
            samples = np.pad(samples, ((0, 0), (0, longest - samples.shape[1])))
        made = Audio(samples, RATE)
        found[f"s{start + len(found)}"] = {
            "role": role,
            "group": take.group,
            "input": place,
            "comparison_id": take.comparison_id,
            "engine_id": take.engine_id,
            "engine_name": take.engine_name,
            "source_sha256": take.sha256,
            "sha256": votes.sounds.put(made.to_wav()),
            "seconds": round(made.seconds, 4),
            "gain_db": round(gain_db, 2),
            "cut": take.seconds > MOST_SECONDS,
        }
    return found


def _loudness(sound: Audio) -> float | None:
    try:
        return loudness_lufs(sound)
    except Withheld:
        return None


def _listened(sound: Audio) -> Audio:
    sound = sound.part(0.0, MOST_SECONDS)
    return (sound if sound.channels == 1 else sound.stereo()).resample(RATE)


def low_passed(sound: Audio) -> Audio:
    """The low anchor of ITU-R BS.1534-3: flat to 3.5 kHz, at least 25 dB down at 4 kHz and 50 dB at 4.5 kHz. Linear phase."""
    from scipy.signal import firwin, kaiserord, oaconvolve

    taps, beta = kaiserord(70.0, 500.0 / (sound.rate / 2))
    window = firwin(taps | 1, ANCHOR_HZ + 250.0, window=("kaiser", beta), fs=sound.rate)
    return Audio(oaconvolve(sound.samples.astype(np.float64), window[None], mode="same", axes=1), sound.rate)
