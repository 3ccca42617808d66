"""A description in, a piece of music out, composed by rules: no model, no training, the same seed gives the same samples."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from engine.audio import Audio
from engine.contract import BadInput, Compose, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece
from local_models._patterns import DRUM_KIT
from local_models._prompt import read_prompt
from local_models._score import Part, Score, compose

RATE = 44_100
LONGEST_S = 300.0
_LOUDNESS = 0.16
"""RMS of full scale that the mix is brought to: about -16 dBFS, where recorded music of these genres lies."""
_PEAK = 0.94
Voice = Callable[[Part, int, int, float], np.ndarray]
"""(part, pitch, velocity, held seconds) -> the note with its release, float32 [2, frames]."""


class _Composer(Engine):
    voice: Voice

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        """Facts with what was understood, then the whole piece. Raises BadInput for a blank prompt or a length out of range."""
        duration_s = 10.0 if request.duration_s is None else request.duration_s
        if not request.prompt.strip():
            raise BadInput(f"{self.spec.id} needs a description of the music, got {request.prompt!r}")
        if not 1 <= duration_s <= LONGEST_S:
            raise BadInput(f"{self.spec.id} composes 1 to {LONGEST_S:.0f} s, got {duration_s!r}")
        score = compose(read_prompt(request.prompt, duration_s, request.seed))
        if not score.parts:
            raise BadInput(f"{self.spec.id} was told to leave out every instrument")
        yield Facts(sent=described(score))
        yield render(score, self.voice)


class SoundFontComposer(_Composer):
    """The notes played by the General MIDI SoundFont that pretty_midi ships."""

    def load(self) -> None:
        import scipy.signal  # noqa: F401  the renderer's filters; importing it takes longer than many a piece

        from local_models._soundfont import SoundFont

        found = importlib.util.find_spec("pretty_midi")
        path = Path(found.origin).parent / "TimGM6mb.sf2" if found and found.origin else None
        if path is None or not path.exists():
            raise NotReady(f"{self.spec.id} needs the SoundFont in the package pretty_midi: pip install pretty_midi")
        self.font = SoundFont(path, RATE)

    def voice(self, part: Part, pitch: int, velocity: int, held_s: float) -> np.ndarray:
        return self.font.note(part.program, pitch, velocity, held_s, drums=part.drums)


class AdditiveComposer(_Composer):
    """The notes played by sums of sine waves, drums by sine sweeps and noise."""

    def load(self) -> None:
        import scipy.signal  # noqa: F401

    def voice(self, part: Part, pitch: int, velocity: int, held_s: float) -> np.ndarray:
        sound = _drum(pitch) if part.drums else _tone(part.program, pitch, held_s)
        return np.tile(sound * (velocity / 127) ** 2, (2, 1)).astype(np.float32)


def described(score: Score) -> dict[str, object]:
    """What the prompt was taken to ask for, in plain values."""
    brief = score.brief
    return {
        "genre": brief.genre,
        "key": brief.key,
        "tempo_bpm": round(score.tempo_bpm, 2),
        "metre": f"{brief.beats_per_bar}/4",
        "lead": brief.lead,
        "chords": brief.chords,
        "bass": brief.bass,
        "drums": brief.drums,
        "duration_s": brief.duration_s,
        "seed": brief.seed,
        "words_understood": list(brief.understood),
    }


def render(score: Score, voice: Voice) -> Audio:
    """Every note mixed to stereo, a little room added, the loudness set: exactly `duration_s` long, peak at most 0.94."""
    frames = round(score.brief.duration_s * RATE)
    mix = np.zeros((2, frames), np.float32)
    for part in score.parts:
        known: dict[tuple[int, int, int], np.ndarray] = {}
        sides = part.gain * np.array([[min(1.0, 1 - part.pan)], [min(1.0, 1 + part.pan)]], np.float32)
        for note in part.notes:
            start, held = round(note.start_s * RATE), max(1, round((note.end_s - note.start_s) * RATE))
            if (note.pitch, note.velocity, held) not in known:
                known[note.pitch, note.velocity, held] = sides * voice(part, note.pitch, note.velocity, held / RATE)
            sound = known[note.pitch, note.velocity, held][:, : max(0, frames - start)]
            mix[:, start : start + sound.shape[1]] += sound
    mix += 0.12 * _room(mix)
    tail_s = score.brief.duration_s - score.final_s
    fade = min(frames, round(min(0.6, 0.3 * tail_s) * RATE))
    mix[:, frames - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    peak, loudness = float(np.abs(mix).max()), float(np.sqrt((mix**2).mean()))
    return Audio(mix * min(_PEAK / peak, _LOUDNESS / loudness), RATE)


def _room(mix: np.ndarray) -> np.ndarray:
    """The echoes alone: decaying noise of 0.9 s, different left and right, the same in every run."""
    from scipy.signal import oaconvolve

    noise = np.random.default_rng(0).standard_normal((2, round(0.9 * RATE)))
    t = np.arange(noise.shape[1]) / RATE
    echoes = noise * 10 ** (-3 * t / 0.9)
    echoes[:, : round(0.012 * RATE)] = 0
    echoes /= np.sqrt((echoes**2).sum(axis=1, keepdims=True))
    return oaconvolve(mix, echoes.astype(np.float32), axes=1)[:, : mix.shape[1]].astype(np.float32)


def _tone(program: int, pitch: int, held_s: float) -> np.ndarray:
    """Harmonics under an envelope: struck and plucked programs ring out, blown, bowed and pad programs hold."""
    plucked = program < 16 or 24 <= program < 40 or program in (46, 104, 105)
    release_s = 0.25 if plucked else 0.12
    t = np.arange(int((held_s + release_s) * RATE)) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    slope, odd_only = (1.6, False) if plucked else (1.25, program in (71, 80))
    attack_s = 0.004 if plucked else 0.15 if program >= 88 or program in (48, 52) else 0.03
    sound = np.zeros_like(t)
    for harmonic in range(1, 1 + min(12, int(0.4 * RATE / hertz))):
        if not odd_only or harmonic % 2:
            ringing = np.exp(-t * (1.2 + 0.9 * harmonic)) if plucked else 1.0
            sound += harmonic**-slope * ringing * np.sin(2 * np.pi * hertz * harmonic * t)
    return 0.35 * sound * np.clip(t / attack_s, 0, 1) * np.clip((held_s + release_s - t) / release_s, 0, 1) ** 2


def _drum(pitch: int) -> np.ndarray:
    """Kick and toms: a falling sine. All others: noise, brighter and shorter the smaller the instrument."""
    noise = np.random.default_rng(pitch).standard_normal(RATE)
    t = np.arange(RATE) / RATE
    toms = {DRUM_KIT["kick"]: 48, DRUM_KIT["low tom"]: 82, DRUM_KIT["mid tom"]: 110, DRUM_KIT["high tom"]: 147}
    if pitch in toms:
        phase = 2 * np.pi * (toms[pitch] * t + 2.2 * (1 - np.exp(-t * 28)))
        return 0.9 * np.sin(phase) * np.exp(-t * 9)
    bright = np.diff(noise, prepend=0.0)
    if pitch in (DRUM_KIT["snare"], DRUM_KIT["clap"]):
        return (0.35 * noise + 0.5 * np.sin(2 * np.pi * 185 * t)) * np.exp(-t * 18)
    decay = {DRUM_KIT["crash"]: 4.0, DRUM_KIT["ride"]: 9.0, DRUM_KIT["open hat"]: 10.0}.get(pitch, 45.0)
    return 0.22 * bright * np.exp(-t * decay)


_UNDERSTANDS = (
    "Understands genres (pop, rock, jazz, blues, classical, ambient, lo-fi, electronic, funk, latin, folk, reggae, cinematic, "
    "chiptune, waltz, metal), moods (sad, happy, dark ...), tempo (slow, fast, 120 bpm), key (in D minor), 3/4 or 4/4, "
    "instrument names, solo and 'no drums'; other words change only the seed, which comes from the prompt when none is given."
)


def _spec(
    model: str, name: str, system: str, engine: type[Engine], sound: str, weights: str | None, packages: tuple[str, ...]
) -> EngineSpec:
    return EngineSpec(
        id=f"composer/{model}",
        task="music",
        name=name,
        vendor="Soundcheck",
        system=system,
        engine=engine,
        where="local",
        model=model,
        license_code="MIT",
        license_weights=weights,
        languages=("en",),
        summary=f"Rule-based composer, no model: a baseline. {sound} {_UNDERSTANDS}",
        docs_url=None,
        checked_on="2026-11-20",
        honours=("duration_s", "seed"),
        limits=Limits(characters=5_000),
        needs=Needs(packages=packages, memory_gb=0.5),
        tier="baseline",
        packages=packages,
    )


ENGINES = [
    _spec(
        "soundfont",
        "Rule-based composer, SoundFont",
        "Prompt-conditioned chord/drum composer + SoundFont render (baseline)",
        SoundFontComposer,
        "Played by TimGM6mb, a General MIDI SoundFont.",
        # The SoundFont's Debian and Alpine packages, read 2026-11-20: GPL version 2.
        "GPL-2.0 (TimGM6mb SoundFont)",
        ("numpy", "scipy", "pretty_midi"),
    ),
    _spec(
        "additive",
        "Rule-based composer, additive synthesis",
        "Same composer, numpy additive synthesis",
        AdditiveComposer,
        "Played by sine waves and noise.",
        None,
        ("numpy", "scipy"),
    ),
]
