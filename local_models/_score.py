"""A musical brief in, notes out: chords with voice leading, bass, a melody in A A B A phrases, drums with fills, an ending."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from local_models._patterns import (
    ACCOMPANIMENTS,
    BASS_LINES,
    DRUM_KIT,
    DRUM_PATTERNS,
    PROGRESSIONS,
    RHYTHMS,
    SCALES,
    STEPS_PER_BEAT,
)
from local_models._prompt import BASSES, INSTRUMENTS, Brief


@dataclass(frozen=True)
class Note:
    """`pitch`: MIDI number. `velocity`: 1 to 127."""

    start_s: float
    end_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """One instrument's notes. `pan`: -1 left to 1 right."""

    name: str
    program: int
    notes: tuple[Note, ...]
    gain: float
    pan: float = 0.0
    drums: bool = False


@dataclass(frozen=True)
class Score:
    """`tempo_bpm` as played. `bars`: whole bars before the final chord, which begins at `final_s` and rings to the end."""

    brief: Brief
    tempo_bpm: float
    bars: int
    final_s: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class _Chord:
    root: int
    """Pitch class."""
    tones: tuple[int, ...]
    """Semitones above the root."""

    @property
    def classes(self) -> tuple[int, ...]:
        return tuple((self.root + tone) % 12 for tone in self.tones)


@dataclass(frozen=True)
class _Grid:
    """Time of a position in steps (a quarter of a beat), with the swing in it."""

    tempo_bpm: float
    swing: float
    offset_s: float

    def at(self, step: float) -> float:
        beat, inside = divmod(step / STEPS_PER_BEAT, 1)
        swung = inside * 2 * self.swing if inside < 0.5 else self.swing + (inside - 0.5) * 2 * (1 - self.swing)
        return self.offset_s + (beat + swung) * 60 / self.tempo_bpm


def compose(brief: Brief) -> Score:
    """The whole piece, `brief.duration_s` long with the ring of its final chord. The same brief gives the same notes."""
    bars, tempo_bpm, offset_s, final_s = _plan(brief)
    grid, width = _Grid(tempo_bpm, brief.style.swing, offset_s), brief.beats_per_bar * STEPS_PER_BEAT
    sections = _sections(bars)
    chords = _harmony(brief, sections)
    final = _final_chord(brief)
    voicings = _voice_leading([*chords, final])
    # Hands leave the keys a little before the end, so that the length also holds the release.
    last_s = brief.duration_s - min(0.6, 0.3 * (brief.duration_s - final_s))
    end = (final_s, last_s)

    parts = []
    if brief.chords:
        notes = _accompany(brief, grid, width, voicings[:-1]) + [(*end, pitch, 78) for pitch in voicings[-1]]
        parts.append(_part(brief, "chords", INSTRUMENTS[brief.chords].program, notes, 0.55, -0.25))
    if brief.bass:
        notes = [*_bass(brief, grid, width, chords, final), (*end, 36 + (final.root - 36) % 12, 88)]
        parts.append(_part(brief, "bass", (BASSES.get(brief.bass) or INSTRUMENTS[brief.bass]).program, notes, 0.8))
    if brief.lead:
        notes = _melody(brief, grid, width, sections, chords)
        centre = notes[-1][2] if notes else INSTRUMENTS[brief.lead].centre
        notes.append((*end, _nearest(centre, (brief.tonic,)), 84))
        parts.append(_part(brief, "lead", INSTRUMENTS[brief.lead].program, notes, 0.9, 0.15))
    if brief.drums:
        notes = _drums(brief, grid, width, sections, end)
        parts.append(Part("drums", 0, _humane(brief, "drums", notes), 0.75, drums=True))
    return Score(brief, tempo_bpm, bars, final_s, tuple(parts))


def _plan(brief: Brief) -> tuple[int, float, float, float]:
    """(bars, tempo, seconds before the first bar (negative: it begins inside), seconds of the final chord)."""
    tempo_bpm, beats = brief.tempo_bpm, brief.beats_per_bar
    bar_s = beats * 60 / tempo_bpm
    tail_s = min(max(1.2, 0.6 * bar_s), 0.35 * brief.duration_s)
    music_s = brief.duration_s - tail_s
    if not brief.tempo_exact and (bars := round(music_s / bar_s)) >= 1:
        fitted_bpm = bars * beats * 60 / music_s
        # Beyond this the listener would hear another tempo than the words asked for.
        if 0.92 < fitted_bpm / tempo_bpm < 1.09:
            return bars, fitted_bpm, 0.0, music_s
    bars = int(music_s / bar_s + 1e-9)
    if bars >= 2:
        return bars, tempo_bpm, 0.0, bars * bar_s
    before_s = int(music_s / bar_s * beats + 1e-9) * 60 / tempo_bpm
    bars = math.ceil(before_s / bar_s - 1e-9)
    return bars, tempo_bpm, before_s - bars * bar_s, before_s


def _sections(bars: int) -> list[tuple[str, int]]:
    """(phrase letter, bar inside it) for every bar: an intro of the odd bars, then four-bar phrases A A B A, ending on A."""
    intro = bars % 4 if bars > 4 else 0
    phrases = max(1, math.ceil((bars - intro) / 4))
    letters = [f"B{index // 4}" if index % 4 == 2 and index < phrases - 1 else "A" for index in range(phrases)]
    body = [(letter, bar) for letter in letters for bar in range(4)]
    return [("intro", 4 - intro + bar) for bar in range(intro)] + body[: bars - intro]


def _harmony(brief: Brief, sections: list[tuple[str, int]]) -> list[_Chord]:
    chance = random.Random(f"{brief.seed} harmony")
    mode = "minor" if brief.minor else "major"
    table = PROGRESSIONS.get(brief.genre if not brief.minor or brief.genre == "blues" else mode, PROGRESSIONS[mode])
    calm, contrast = chance.choice(table[0]), chance.choice(table[1])
    degrees = [(contrast if letter.startswith("B") else calm)[bar] for letter, bar in sections]
    if len(degrees) > 1:
        degrees[-1] = 5
    return [_chord(brief, degree) for degree in degrees]


def _chord(brief: Brief, degree: int) -> _Chord:
    scale = SCALES["minor" if brief.minor else "major"]
    root = scale[degree - 1]
    if brief.genre == "blues":
        return _Chord((brief.tonic + root) % 12, (0, 3 if brief.minor and degree != 5 else 4, 7, 10))
    members = (0, 2, 4, 6) if brief.style.sevenths else (0, 2, 4)
    tones = [(scale[(degree - 1 + step) % 7] - root) % 12 for step in members]
    if brief.minor and degree == 5:
        tones[1] = 4  # the dominant of a minor key borrows the leading note
    return _Chord((brief.tonic + root) % 12, tuple(tones))


def _final_chord(brief: Brief) -> _Chord:
    third = 3 if brief.minor else 4
    return _Chord(brief.tonic, (0, third, 7, 9) if brief.style.sevenths else (0, third, 7))


def _voice_leading(chords: list[_Chord]) -> list[list[int]]:
    """Close-position voicings between 53 and 74, each the one whose voices move least from the one before."""
    voiced: list[list[int]] = []
    for chord in chords:
        options = []
        for bottom in range(53, 65):
            if bottom % 12 in chord.classes:
                above = sorted((tone - bottom) % 12 for tone in chord.classes)
                options.append([bottom + tone for tone in above])
        before = voiced[-1] if voiced else [60, 64, 67]
        voiced.append(
            min(options, key=lambda option: (sum(min(abs(p - q) for q in before) for p in option), abs(option[0] - 59)))
        )
    return voiced


def _accompany(brief: Brief, grid: _Grid, width: int, voicings: list[list[int]]) -> list[tuple]:
    notes = []
    pattern = ACCOMPANIMENTS[brief.style.accompaniment]
    for bar, pitches in enumerate(voicings):
        if not pattern:
            ladder = [pitches[0], *pitches[1:], pitches[0] + 12, *reversed(pitches[1:])]
            for index, step in enumerate(range(0, width, 2)):
                notes.append((*_span(grid, bar * width + step, 3), ladder[index % len(ladder)], 74 if index else 84))
            continue
        for step, length in pattern:
            if step < width:
                span = _span(grid, bar * width + step, min(length, width - step))
                notes += [(*span, pitch, 84 if step == 0 else 74) for pitch in pitches]
    return notes


def _bass(brief: Brief, grid: _Grid, width: int, chords: list[_Chord], final: _Chord) -> list[tuple]:
    notes = []
    line = BASS_LINES[brief.style.bass_line]
    for bar, chord in enumerate(chords):
        root = 33 + (chord.root - 33) % 12
        following = (chords[bar + 1] if bar + 1 < len(chords) else final).root
        if not line:
            goal = 33 + (following - 33) % 12
            walk = [root, root + chord.tones[1], root + chord.tones[2], goal + (1 if goal < root + 5 else -1)]
            for beat in range(brief.beats_per_bar):
                pitch = walk[beat] if beat < brief.beats_per_bar - 1 else walk[3]
                notes.append((*_span(grid, bar * width + 4 * beat, 4), pitch, 92 if beat % 2 == 0 else 84))
            continue
        for step, length, member in line:
            if step < width:
                pitch = root + {0: 0, 2: chord.tones[2], 3: 12}[member]
                notes.append((*_span(grid, bar * width + step, min(length, width - step)), pitch, 92 if step == 0 else 82))
    return notes


def _melody(brief: Brief, grid: _Grid, width: int, sections: list[tuple[str, int]], chords: list[_Chord]) -> list[tuple]:
    """Each phrase letter has its own rhythm and its own row of scale steps, which every bar starts from its own chord."""
    notes, motifs = [], {}
    centre = INSTRUMENTS[brief.lead].centre
    pitch = centre
    for bar, ((letter, inside), chord) in enumerate(zip(sections, chords, strict=True)):
        if letter == "intro":
            continue
        if letter not in motifs:
            chance = random.Random(f"{brief.seed} melody {letter}")
            rhythms = RHYTHMS[brief.style.melody]
            motifs[letter] = (
                chance.choice(rhythms),
                chance.choice(rhythms),
                [chance.choice((-2, -1, -1, 1, 1, 2)) for _ in range(8)],
            )
        first, second, moves = motifs[letter]
        rhythm = second if inside == 2 else first
        if inside == 3 or bar == len(chords) - 1:
            rhythm = (*(beat for beat in first if beat[0] < width // 2), (width // 2, width // 2 - 2))
        ladder = _ladder(brief, chord, centre)
        if inside == 0:
            pitch = centre  # so that a phrase returns note for note
        arch = centre + round(5 * math.sin(math.pi * (inside + 0.5) / 4)) + (3 if letter.startswith("B") else 0)
        pitch = _nearest((pitch + arch) // 2, chord.classes)
        for index, (step, length) in enumerate(note for note in rhythm if note[0] < width):
            if index:
                here = min(range(len(ladder)), key=lambda at: abs(ladder[at] - pitch))
                pitch = ladder[max(0, min(len(ladder) - 1, here + moves[index % len(moves)]))]
                if step % 8 == 0 or length >= 6:
                    pitch = _nearest(pitch, chord.classes)
            notes.append((*_span(grid, bar * width + step, min(length, width - step)), pitch, 96 if step % 8 == 0 else 86))
    return notes


def _ladder(brief: Brief, chord: _Chord, centre: int) -> list[int]:
    scale = SCALES["blues" if brief.genre == "blues" else "minor" if brief.minor else "major"]
    classes = {(brief.tonic + tone) % 12 for tone in scale}
    if (leading := (brief.tonic + 11) % 12) in chord.classes:
        classes = classes - {(brief.tonic + 10) % 12} | {leading}
    return [pitch for pitch in range(centre - 10, centre + 15) if pitch % 12 in classes]


def _drums(brief: Brief, grid: _Grid, width: int, sections: list[tuple[str, int]], end: tuple[float, float]) -> list[tuple]:
    pattern = DRUM_PATTERNS[brief.style.drums or "pop"]
    notes = []
    for bar, (letter, inside) in enumerate(sections):
        filling = inside == 3 and (bar + 1 == len(sections) or sections[bar + 1][0] != letter or bar % 8 == 7)
        last = width - STEPS_PER_BEAT if filling else width
        for drum, steps in pattern.items():
            for step, mark in enumerate((steps * 2)[:width] if len(steps) < width else steps[:width]):
                if mark != "." and step < last:
                    notes.append((*_span(grid, bar * width + step, 1), DRUM_KIT[drum], 100 if mark == "x" else 62))
        if filling:
            for index, drum in enumerate(("snare", "high tom", "mid tom", "low tom")):
                notes.append((*_span(grid, bar * width + last + index, 1), DRUM_KIT[drum], 76 + 8 * index))
        if inside == 0 and bar and brief.genre != "jazz":
            notes.append((*_span(grid, bar * width, 4), DRUM_KIT["crash"], 84))
    return [*notes, (*end, DRUM_KIT["crash"], 84), (*end, DRUM_KIT["kick"], 92)]


def _span(grid: _Grid, step: float, length: float) -> tuple[float, float]:
    start, end = grid.at(step), grid.at(step + length)
    return start, start + 0.95 * (end - start)


def _nearest(pitch: int, classes: tuple[int, ...]) -> int:
    return min((p for p in range(pitch - 6, pitch + 7) if p % 12 in classes), key=lambda p: (abs(p - pitch), p))


def _part(brief: Brief, name: str, program: int, notes: list[tuple], gain: float, pan: float = 0.0) -> Part:
    return Part(name, program, _humane(brief, name, notes), gain, pan)


def _humane(brief: Brief, name: str, notes: list[tuple]) -> tuple[Note, ...]:
    """Loudness varies a little, as hands do; what would begin before the piece is left out."""
    chance = random.Random(f"{brief.seed} hands {name}")
    played = []
    for start_s, end_s, pitch, velocity in sorted(notes):
        # In steps of 4, so that equal notes are rendered once.
        loudness = 4 * round((velocity + chance.uniform(-6, 6)) * brief.energy / 4)
        if start_s >= -1e-9:
            played.append(Note(max(0.0, start_s), end_s, pitch, max(8, min(124, loudness))))
    return tuple(played)
