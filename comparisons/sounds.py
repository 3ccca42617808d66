"""Numbers read from samples: leading silence, peak, loudness, separation quality with references and without."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.words import Withheld
from engine.audio import Audio

SILENCE_WINDOW_S = 0.01
SILENCE_RMS = 0.01
LOUDNESS_BLOCK_S = 0.4
CEILING_DB = 100.0
"""A perfect stem has an infinite ratio; float32 rounding alone already limits a real one to about 140 dB."""
FLOOR_DB = -120.0
"""Stems that sum exactly to the mix leave nothing; 16-bit rounding alone leaves about -98 dB of a full-scale mix."""
MOS_RATE, MOS_WINDOW_S, MOS_WINDOWS = 16_000, 9.01, 12
LENGTH_SLACK_S = 0.05
"""Padding that codecs add; a stem that differs more is not the same stretch of music."""

ACCOMPANIMENT = frozenset({"accompaniment", "instrumental", "no_vocals", "no vocals", "instruments"})
_BLOCK = 1 << 20


def leading_silence_s(samples: np.ndarray, rate: int) -> float:
    """Seconds before the first 10 ms window whose RMS exceeds 0.01 of full scale in any channel.

    `samples`: float32 [channels, frames] or [frames]. All silent gives the whole length, so a result below the length is final:
    an unfinished last window counts as if silence followed, and later samples can only make it louder.
    """
    samples = np.atleast_2d(samples)
    window = max(1, round(rate * SILENCE_WINDOW_S))
    for start in range(0, samples.shape[1], window * 256):
        part = samples[:, start : start + window * 256].astype(np.float64)
        part = np.pad(part, ((0, 0), (0, -part.shape[1] % window)))
        loud = ((part**2).reshape(len(part), -1, window).mean(axis=2) > SILENCE_RMS**2).any(axis=0)
        if loud.any():
            return (start + int(loud.argmax()) * window) / rate
    return samples.shape[1] / rate


def silence_share(audio: Audio) -> float:
    """Share of 10 ms windows whose RMS is at most 0.01 of full scale, 0 to 1. Raises Withheld for less than one window."""
    mono = audio.mono().samples[0]
    step = max(1, round(audio.rate * SILENCE_WINDOW_S))
    whole = len(mono) // step
    if not whole:
        raise Withheld("it is shorter than 10 ms")
    rms = np.sqrt(np.mean(mono[: whole * step].reshape(whole, step).astype(np.float64) ** 2, axis=1))
    return float(np.mean(rms <= SILENCE_RMS))


def tempo_bpm(audio: Audio) -> float:
    """Beats per minute by the autocorrelation of onsets, an estimate. Raises Withheld where no beat stands out."""
    from local_models._listening import RATE, tempo_bpm

    found = tempo_bpm(audio.mono().resample(RATE).samples[0])
    if found is None:
        raise Withheld("no steady beat was found")
    return float(found)


@functools.cache
def _dnsmos() -> Any:
    from speechmos import dnsmos

    models = Path(dnsmos.__file__).parent / "dnsmos_models"
    return dnsmos.DNSMOS(str(models / "sig_bak_ovr.onnx"), str(models / "model_v8.onnx"))


def predicted_mos(audio: Audio) -> float:
    """Overall quality of speech by DNSMOS P.835, 1 to 5: the mean over up to 12 windows of 9.01 s, spread evenly.

    A shorter sound is repeated until it fills one window. The package averages seven and more windows of a longer repetition: on
    the bundled speech at most 0.05 apart, for ten times the work. Raises Withheld below half a second, for silence, and where the
    package is missing.
    """
    if audio.seconds < 0.5:
        raise Withheld(f"the sound lasts {audio.seconds:.2f} s; the prediction needs 0.5 s")
    samples = audio.mono().resample(MOS_RATE).samples[0]
    if not np.abs(samples).max(initial=0.0):
        raise Withheld("the sound is digital silence")
    try:
        network = _dnsmos()
    except ImportError:
        raise Withheld("the package speechmos is not installed") from None
    window = int(MOS_WINDOW_S * MOS_RATE)
    samples = np.clip(samples if len(samples) >= window else np.resize(samples, window), -1, 1).astype(np.float32)
    starts = np.linspace(0, len(samples) - window, min(MOS_WINDOWS, len(samples) // window)).astype(int)
    raw = [network.onnx_sess.run(None, {"input_1": samples[None, start : start + window]})[0][0] for start in starts]
    return float(np.mean([network.get_polyfit_val(*scores, False)[2] for scores in raw]))


def musical_key(audio: Audio) -> str:
    """The best fitting of 24 keys, such as "A minor", an estimate. Raises Withheld where none stands out."""
    from local_models._listening import RATE, key_of

    found = key_of(audio.mono().resample(RATE).samples[0])
    if found is None:
        raise Withheld("no key stands out")
    return found


def peak_dbfs(audio: Audio) -> float:
    """The largest sample against full scale, dB; above 0 the sound clips in 16 bits. Raises Withheld for digital silence."""
    if not audio.peak:
        raise Withheld("the sound is digital silence")
    return 20 * log10(audio.peak)


def loudness_lufs(audio: Audio) -> float:
    """Integrated loudness, ITU-R BS.1770-4. Raises Withheld below 0.4 s, above five channels, and for silence."""
    if audio.frames < LOUDNESS_BLOCK_S * audio.rate:
        raise Withheld(f"the sound lasts {audio.seconds:.2f} s; loudness needs {LOUDNESS_BLOCK_S} s")
    if audio.channels > 5:
        raise Withheld(f"loudness is defined for up to five channels, not {audio.channels}")
    try:
        import pyloudnorm
    except ImportError:
        raise Withheld("loudness needs the package pyloudnorm: install it") from None
    with np.errstate(all="ignore"):
        loudness = float(pyloudnorm.Meter(audio.rate).integrated_loudness(audio.samples.T.astype(np.float64)))
    if not np.isfinite(loudness):
        raise Withheld("the sound is too quiet to have a loudness")
    return loudness


def _products(left: np.ndarray, right: np.ndarray) -> tuple[float, float, float]:
    """Inner products left-left, left-right and right-right in float64, by blocks: a whole song would not fit beside a model."""
    total = np.zeros(3)
    for at in range(0, left.shape[1], _BLOCK):
        one, other = (samples[:, at : at + _BLOCK].astype(np.float64) for samples in (left, right))
        total += np.vdot(one, one), np.vdot(one, other), np.vdot(other, other)
    return float(total[0]), float(total[1]), float(total[2])


def _ratio_db(signal: float, error: float) -> float:
    """10 log10(signal / error), held within plus and minus 100 dB."""
    if signal <= 0:
        return -CEILING_DB
    if error <= 0:
        return CEILING_DB
    return max(-CEILING_DB, min(CEILING_DB, 10 * log10(signal / error)))


def _fitted(sound: Audio, like: Audio) -> np.ndarray:
    """`sound` at the rate, channel count and length of `like`; silence fills a short end."""
    sound = sound.resample(like.rate)
    samples = sound.samples if sound.channels == like.channels else np.repeat(sound.mono().samples, like.channels, axis=0)
    return np.pad(samples[:, : like.frames], ((0, 0), (0, max(0, like.frames - samples.shape[1]))))


def stem_scores(stem: Audio, reference: Audio) -> dict[str, float]:
    """SI-SDR and SDR of one stem, dB, all channels and the whole length at once, means not removed, within plus and minus 100 dB.

    SI-SDR: Le Roux et al., 2019. SDR: energy of the reference over energy of the difference, as in the MDX challenge.
    Channel counts that differ are compared in mono. A silent stem of a sounding reference has SI-SDR -100 dB.
    Raises Withheld for a silent reference and for lengths that differ by more than 50 ms.
    """
    if abs(stem.seconds - reference.seconds) > LENGTH_SLACK_S:
        raise Withheld(f"it lasts {stem.seconds:.2f} s, its reference {reference.seconds:.2f} s")
    if stem.channels != reference.channels:
        stem, reference = stem.mono(), reference.mono()
    estimate = _fitted(stem, reference)
    got, shared, wanted = _products(estimate, reference.samples)
    if not wanted:
        raise Withheld("its reference is silent")
    target = shared**2 / wanted
    return {"si_sdr_db": _ratio_db(target, got - target), "sdr_db": _ratio_db(wanted, got - 2 * shared + wanted)}


def scores_by_stem(stems: Mapping[str, Audio], references: Mapping[str, Audio]) -> dict[str, dict[str, float | str]]:
    """Scores of every stem that has a reference of its name (case ignored), or {"withheld": why}.

    An accompaniment without a reference of its own is held against the sum of all references but the vocals.
    """
    by_name = {name.casefold().strip(): audio for name, audio in references.items()}
    scores: dict[str, dict[str, float | str]] = {}
    for name, stem in stems.items():
        folded = name.casefold().strip()
        reference = by_name.get(folded)
        if reference is None and folded in ACCOMPANIMENT:
            reference = next((by_name[other] for other in sorted(ACCOMPANIMENT & by_name.keys())), None)
            if reference is None and "vocals" in by_name and len(by_name) > 1:
                others = [audio for other, audio in by_name.items() if other != "vocals"]
                reference = Audio(sum(_fitted(audio, others[0]) for audio in others), others[0].rate)
        if reference is None:
            continue
        try:
            scores[name] = stem_scores(stem, reference)
        except Withheld as why:
            scores[name] = {"withheld": str(why)}
    return scores


def null_test_db(stems: Mapping[str, Audio], mix: Audio) -> float:
    """Energy of (sum of stems minus mix) against the mix, dB: how much was lost or added, -120 at best.

    An accompaniment beside two or more other stems repeats them and is left out.
    Raises Withheld for fewer than two stems and for a silent mix.
    """
    folded = {name: name.casefold().strip() for name in stems}
    if len(stems) > 2:
        stems = {name: stem for name, stem in stems.items() if folded[name] not in ACCOMPANIMENT}
    if len(stems) < 2:
        raise Withheld("one stem alone does not sum to the mix")
    rest = -mix.samples
    for stem in stems.values():
        rest = rest + _fitted(stem, mix)
    left, _, whole = _products(rest, mix.samples)
    if not whole:
        raise Withheld("the mix is silent")
    return max(FLOOR_DB, 10 * log10(left / whole)) if left else FLOOR_DB
