"""Sound in, a time line of speech, music, noise, tone and silence out, by spectral rules; tempo and key where there is music.

The limits were read off 3 s windows of flite and eSpeak speech (clean and at 10 dB of noise), pieces of the rule-based composer,
coloured noise and steady tones: nearly all of their seconds come out right. Scores are not probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.audio import Audio
from engine.contract import Classify, Engine, EngineSpec, Facts, Needs, Piece, Tag

TYPES = ("speech", "music", "noise", "tone", "silence")
_RATE, _FRAME, _HOP = 16_000, 1_024, 256
_SLOT_S, _CONTEXT_S = 1.0, 1.5
"""Decided for every second, from the four seconds around it: a pause between words must not become silence."""
_PART_S = 60.0
_SILENCE_DBFS = -60.0
_NOTES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# Krumhansl and Kessler 1982: how well each pitch class fits a major and a minor key.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def sound_types(audio: Audio) -> list[Tag]:
    """Consecutive segments of one type each, in order of time, covering the whole sound; scores in [0, 1].

    The types are `TYPES`; a score is the mean over the segment's seconds. Any rate, any number of channels; needs soxr only
    when the rate is not 16 kHz. No samples give no segments.
    """
    segments: list[Tag] = []
    for start_s, end_s, samples, middle in _slots(audio):
        scores = _scores(samples, middle)
        best = max(TYPES, key=lambda kind: scores[kind])
        if segments and segments[-1].label == best:
            last = segments.pop()
            lasted = last.end_s - last.start_s
            score = (last.score * lasted + scores[best] * (end_s - start_s)) / (lasted + end_s - start_s)
            segments.append(Tag(best, score, last.start_s, end_s))
        else:
            segments.append(Tag(best, scores[best], start_s, end_s))
    return segments


def _slots(audio: Audio) -> Iterator[tuple[float, float, np.ndarray, np.ndarray]]:
    """(start_s, end_s, mono samples around the slot, those of the slot itself) at 16 kHz, one minute in memory at a time."""
    part_start_s = 0.0
    while part_start_s < audio.seconds:
        part_end_s = min(part_start_s + _PART_S, audio.seconds)
        lead_s = min(_CONTEXT_S, part_start_s)
        around = audio.part(part_start_s - lead_s, part_end_s + _CONTEXT_S).mono().resample(_RATE).samples[0]
        start_s = part_start_s
        while start_s < part_end_s:
            # a remainder of less than half a second belongs to the slot before it
            end_s = part_end_s if part_end_s - start_s < 1.5 * _SLOT_S else start_s + _SLOT_S
            first, last = (round((at_s - part_start_s + lead_s) * _RATE) for at_s in (start_s, end_s))
            margin = round(_CONTEXT_S * _RATE)
            yield start_s, end_s, around[max(0, first - margin) : last + margin], around[first:last]
            start_s = end_s
        part_start_s += _PART_S


def _scores(samples: np.ndarray, middle: np.ndarray) -> dict[str, float]:
    """A score per type; the five add up to one."""
    level_dbfs = 10 * np.log10(np.mean(middle.astype(np.float64) ** 2) + 1e-20) if len(middle) else -200.0
    silence = _step(_SILENCE_DBFS - level_dbfs, 2.0)
    power = _power(samples)
    voice = power[16:256]  # 250 Hz to 4 kHz: above a bass drum, below cymbals and hiss
    energy = power.sum(axis=0)
    loud = np.sqrt(energy) > 0.3 * np.sqrt(energy).mean()

    # Noise leaves no gaps between neighbouring bins: its local flatness is 0.56 whatever its colour, that of noisy speech less.
    noise = _step(np.median(_local_flatness(power[8:, loud])) - 0.51, 0.02)
    # A steady tone: nearly all energy in four peaks that do not move. Its faint surroundings may well be noise: asked first.
    steady = np.percentile(_stability(power, loud), 10)
    tone = _step(_peak_share(power.mean(axis=1)) - 0.93, 0.01) * _step(steady - 0.85, 0.02)

    voice_energy = voice.sum(axis=0)
    voice_loud = np.sqrt(voice_energy) > 0.3 * np.sqrt(voice_energy).mean()
    centroid = (np.arange(16, 256) @ voice / voice_energy)[voice_loud]
    # Speech pauses between syllables, its brightness jumps between vowels and consonants, and no spectrum lasts 128 ms.
    pauses = (np.sqrt(voice_energy) < 0.5 * np.sqrt(voice_energy).mean()).mean()
    wander = np.log(centroid.std() / centroid.mean() + 1e-3)
    lasting = np.median(_stability(voice, voice_loud))
    speech = _step(3.2 * pauses + 2.8 * wander - 7.6 * lasting + 7.8, 1.0)

    sounding, other = 1 - silence, (1 - silence) * (1 - noise) * (1 - tone)
    parts = (other * speech, other * (1 - speech), sounding * (1 - tone) * noise, sounding * tone, silence)
    return dict(zip(TYPES, map(float, parts), strict=True))


def _step(distance: float, width: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(distance / width, -60, 60))))


def _power(samples: np.ndarray) -> np.ndarray:
    """Power spectra [513 bins, frames] of Hann windows of 64 ms, 16 ms apart."""
    padded = np.pad(samples, (0, max(0, _FRAME + 8 * _HOP - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    return (np.abs(np.fft.rfft(frames * np.hanning(_FRAME), axis=1)) ** 2).T + 1e-12


def _local_flatness(power: np.ndarray) -> np.ndarray:
    """Geometric over arithmetic mean in groups of 16 bins [bins, frames], weighted by their energy: one value per frame."""
    groups = power[: len(power) // 16 * 16].reshape(-1, 16, power.shape[1])
    flatness = np.exp(np.log(groups).mean(axis=1)) / groups.mean(axis=1)
    weights = groups.sum(axis=1)
    return (flatness * weights).sum(axis=0) / weights.sum(axis=0)


def _stability(power: np.ndarray, loud: np.ndarray) -> np.ndarray:
    """Cosine between magnitude spectra 128 ms apart, of the pairs where both frames are loud; [0.0] where there is no pair."""
    root, pairs = np.sqrt(power), loud[8:] & loud[:-8]
    if not pairs.any():
        return np.zeros(1)
    now, then = root[:, 8:][:, pairs], root[:, :-8][:, pairs]
    return (now * then).sum(axis=0) / np.sqrt((now**2).sum(axis=0) * (then**2).sum(axis=0))


def _peak_share(spectrum: np.ndarray) -> float:
    """Share of the energy that lies in the four strongest peaks, each seven bins wide."""
    left, total = spectrum.copy(), spectrum.sum()
    for _ in range(4):
        peak = int(left.argmax())
        left[max(0, peak - 3) : peak + 4] = 0
    return float(1 - left.sum() / total)


# ---------------------------------------------------------------- tempo and key


def tempo_of(samples: np.ndarray) -> Tag:
    """Tempo of mono music at 16 kHz; the score is how strongly the onsets repeat at that period, 0 to 1."""
    import librosa

    onsets = librosa.onset.onset_strength(y=samples, sr=_RATE, hop_length=_HOP)
    bpm = float(librosa.feature.tempo(onset_envelope=onsets, sr=_RATE, hop_length=_HOP)[0])
    lag = round(60 / bpm * _RATE / _HOP)
    centred = onsets - onsets.mean()
    repeats = float((centred[lag:] * centred[:-lag]).sum() / ((centred**2).sum() + 1e-12))
    return Tag(f"tempo {bpm:.0f} bpm", min(1.0, max(0.0, repeats)))


def key_of(samples: np.ndarray) -> Tag:
    """Key of mono music at 16 kHz; the score is the correlation with the key's profile, 0 to 1."""
    import librosa

    chroma = librosa.feature.chroma_stft(y=samples, sr=_RATE, n_fft=4_096, hop_length=1_024, tuning=0.0).sum(axis=1)
    fits = {
        f"key {_NOTES[tonic]} {mode}": float(np.nan_to_num(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1]))
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for tonic in range(12)
    }
    best = max(fits, key=fits.__getitem__)
    return Tag(best, min(1.0, max(0.0, fits[best])))


class SoundTypes(Engine):
    def load(self) -> None:
        # The first call compiles librosa's loops; a second of noise pays for that outside the timed runs.
        noise = np.random.default_rng(0).standard_normal(2 * _RATE).astype(np.float32) * 0.1
        tempo_of(noise)
        key_of(noise)

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per segment with its times; tempo and key of the longest segment of music that has at least 3 s. Best first."""
        tags = sound_types(request.audio)
        music = max((tag for tag in tags if tag.label == "music"), key=lambda tag: tag.end_s - tag.start_s, default=None)
        if music is not None and music.end_s - music.start_s >= 3:
            # a minute holds enough beats and notes, and bounds the time
            end_s = min(music.end_s, music.start_s + _PART_S)
            samples = request.audio.part(music.start_s, end_s).mono().resample(_RATE).samples[0]
            found = (tempo_of(samples), key_of(samples))
            tags += [Tag(tag.label, tag.score, music.start_s, end_s) for tag in found if tag.score > 0]
        yield Facts(device="cpu", dtype="float32")
        yield from sorted(tags, key=lambda tag: -tag.score)[: request.top_k]


ENGINES = [
    EngineSpec(
        id="rules/sound-type",
        task="tagging",
        name="Sound types by rules",
        vendor="Soundcheck",
        system="Spectral-rule tagger (speech/music/noise/tone/silence, tempo, key)",
        engine=SoundTypes,
        where="local",
        model="spectral rules",
        license_code="MIT",
        license_weights=None,
        languages=(),
        summary=(
            "Classical baseline, no model: a time line of speech, music, noise, tone or silence from spectral rules, with "
            "tempo and key of music. Songs and speech over music get one of the two names. Scores are not probabilities."
        ),
        docs_url=None,
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(packages=("librosa", "soxr"), memory_gb=0.6),
        tier="baseline",
        packages=("librosa", "numpy", "scipy", "soxr"),
    )
]
