"""A written description in, a musical brief out: genre, key, tempo, metre and instruments, read by word lists."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """`program`: General MIDI number from 0. `centre`: MIDI pitch that its melodies circle around."""

    program: int
    centre: int = 72
    chordal: bool = True
    """It can play several notes at once, and so accompany."""


@dataclass(frozen=True)
class Style:
    """How a genre moves. The pattern names are keys of the tables of the score."""

    tempo_bpm: float
    lead: str
    chords: str
    bass: str
    drums: str
    accompaniment: str
    bass_line: str
    melody: str = "medium"
    swing: float = 0.5
    """Where the second eighth note of a beat falls: 0.5 is straight, 0.667 a triplet."""
    minor: bool = False
    sevenths: bool = False
    beats_per_bar: int = 4


STYLES = {
    "pop": Style(108, "synth lead", "piano", "electric bass", "pop", "push", "eighths"),
    "rock": Style(126, "electric guitar", "distorted guitar", "electric bass", "rock", "drive", "eighths"),
    "metal": Style(152, "distorted guitar", "distorted guitar", "electric bass", "metal", "drive", "eighths", "busy", minor=True),
    "jazz": Style(132, "saxophone", "piano", "double bass", "swing", "charleston", "walking", "busy", 0.66, sevenths=True),
    "blues": Style(92, "electric guitar", "organ", "electric bass", "shuffle", "push", "walking", "medium", 0.66),
    "classical": Style(96, "violin", "piano", "cello", "", "arpeggio", "long"),
    "ambient": Style(66, "synth pad", "strings", "synth bass", "", "pad", "long", "sparse"),
    "lo-fi": Style(
        78, "electric piano", "electric piano", "electric bass", "lo-fi", "pad", "root fifth", "sparse", 0.58, True, True
    ),
    "electronic": Style(126, "synth lead", "synth pad", "synth bass", "dance", "stabs", "offbeat", "busy", minor=True),
    "funk": Style(104, "brass", "electric piano", "electric bass", "funk", "stabs", "syncopated", "busy", sevenths=True),
    "latin": Style(116, "flute", "guitar", "double bass", "bossa", "bossa", "bossa", sevenths=True),
    "folk": Style(100, "flute", "guitar", "double bass", "", "strum", "root fifth"),
    "reggae": Style(82, "organ", "electric guitar", "electric bass", "one drop", "skank", "syncopated"),
    "cinematic": Style(90, "french horn", "strings", "cello", "toms", "pad", "long", "sparse", minor=True),
    "chiptune": Style(140, "square lead", "square lead", "synth bass", "dance", "arpeggio", "eighths", "busy"),
    "waltz": Style(150, "violin", "piano", "double bass", "waltz", "oompah", "long", beats_per_bar=3),
}
GENRE_WORDS = {
    **{name: name for name in STYLES},
    **dict.fromkeys(("swing", "bebop", "big band"), "jazz"),
    **dict.fromkeys(("punk", "indie", "grunge"), "rock"),
    **dict.fromkeys(("orchestral", "soundtrack", "film score", "trailer", "epic"), "cinematic"),
    **dict.fromkeys(("lofi", "lo fi", "hip hop", "chillhop", "study", "trap"), "lo-fi"),
    **dict.fromkeys(("techno", "house", "edm", "trance", "dance", "synthwave", "electro"), "electronic"),
    **dict.fromkeys(("disco", "soul", "groove", "groovy"), "funk"),
    **dict.fromkeys(("bossa", "bossa nova", "samba", "salsa", "tango"), "latin"),
    **dict.fromkeys(("country", "acoustic", "celtic", "bluegrass", "campfire"), "folk"),
    **dict.fromkeys(("dub", "ska"), "reggae"),
    **dict.fromkeys(("8 bit", "video game", "arcade"), "chiptune"),
    **dict.fromkeys(("meditation", "drone", "new age", "atmospheric", "space"), "ambient"),
    **dict.fromkeys(("baroque", "romantic era", "chamber", "lullaby", "sonata"), "classical"),
}
MINOR_WORDS = (
    "sad", "dark", "melancholy", "melancholic", "gloomy", "tense", "mysterious", "angry", "eerie", "lonely", "sombre", "somber",
    "scary", "haunting", "nostalgic", "tragic",
)  # fmt: skip
MAJOR_WORDS = (
    "happy", "joyful", "cheerful", "uplifting", "bright", "sunny", "playful", "triumphant", "hopeful", "warm", "romantic",
    "optimistic", "carefree", "festive",
)  # fmt: skip
TEMPO_WORDS = {
    "very slow": 0.6, "largo": 0.55, "adagio": 0.65, "slow": 0.75, "andante": 0.85, "moderate": 1.0,
    "allegro": 1.2, "upbeat": 1.12, "fast": 1.3, "very fast": 1.5, "presto": 1.55, "quick": 1.25,
}  # fmt: skip
ENERGY_WORDS = {
    **dict.fromkeys(("calm", "gentle", "soft", "quiet", "relaxing", "relaxed", "peaceful", "chill", "dreamy", "sad"), 0.88),
    **dict.fromkeys(("energetic", "driving", "intense", "powerful", "aggressive", "angry", "exciting"), 1.12),
}
INSTRUMENTS = {
    "piano": Instrument(0), "electric piano": Instrument(5), "rhodes": Instrument(5), "harpsichord": Instrument(6),
    "music box": Instrument(10, 84), "vibraphone": Instrument(11), "marimba": Instrument(12), "xylophone": Instrument(13, 79),
    "bells": Instrument(14, 79), "organ": Instrument(16), "church organ": Instrument(19), "accordion": Instrument(21),
    "harmonica": Instrument(22, 72, False), "guitar": Instrument(24, 67), "acoustic guitar": Instrument(25, 67),
    "electric guitar": Instrument(27, 67), "distorted guitar": Instrument(30, 62), "banjo": Instrument(105, 67),
    "sitar": Instrument(104, 67), "harp": Instrument(46), "violin": Instrument(40, 76, False), "viola": Instrument(41, 67, False),
    "cello": Instrument(42, 55, False), "strings": Instrument(48), "choir": Instrument(52, 67),
    "trumpet": Instrument(56, 70, False),
    "trombone": Instrument(57, 56, False), "french horn": Instrument(60, 60, False), "horn": Instrument(60, 60, False),
    "brass": Instrument(61, 65), "saxophone": Instrument(65, 66, False), "sax": Instrument(65, 66, False),
    "oboe": Instrument(68, 74, False), "clarinet": Instrument(71, 68, False), "flute": Instrument(73, 77, False),
    "whistle": Instrument(78, 81, False), "square lead": Instrument(80, 74), "synth lead": Instrument(81, 72),
    "synth": Instrument(81, 72), "synthesizer": Instrument(81, 72), "synth pad": Instrument(89), "pad": Instrument(89),
}  # fmt: skip
BASSES = {
    "electric bass": Instrument(33), "double bass": Instrument(32), "upright bass": Instrument(32), "bass": Instrument(33),
    "bass guitar": Instrument(33), "synth bass": Instrument(38), "cello": Instrument(42),
}  # fmt: skip
DRUM_WORDS = ("drums", "drum", "percussion", "beat", "beats")
_REFUSALS = ("no", "not", "without", "non", "never")
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class Brief:
    """What the composer was asked for. `tonic` is a pitch class, 0 is C; `energy` scales loudness, 1 is normal."""

    genre: str
    style: Style
    tonic: int
    minor: bool
    tempo_bpm: float
    tempo_exact: bool
    """The prompt names the number, so it is not stretched to fit the length."""
    beats_per_bar: int
    energy: float
    lead: str | None
    chords: str | None
    bass: str | None
    drums: bool
    duration_s: float
    seed: int
    understood: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{NOTE_NAMES[self.tonic]} {'minor' if self.minor else 'major'}"


def seed_of(prompt: str) -> int:
    """The seed that a prompt without one gets: the first 31 bits of the SHA-256 of its lower-case words."""
    words = " ".join(prompt.lower().split())
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big") >> 1


def read_prompt(prompt: str, duration_s: float, seed: int | None) -> Brief:
    """The brief for a prompt. Words outside the lists change nothing; `understood` names those that did."""
    seed = seed_of(prompt) if seed is None else seed
    chance = random.Random(f"{seed} brief")
    text = " ".join(re.sub(r"[^\w#♯♭/.,;]+", " ", prompt.lower()).split())
    genres, _ = _find(text, GENRE_WORDS)
    genre = GENRE_WORDS[genres[0]] if genres else "pop"
    style = STYLES[genre]
    moods, _ = _find(text, (*MINOR_WORDS, *MAJOR_WORDS))
    paces, _ = _find(text, (*TEMPO_WORDS, *ENERGY_WORDS))
    understood = [*genres[:1], *moods[:1], *paces]

    tonic, minor, key_words = _key(prompt)
    if minor is None:
        minor = moods[0] in MINOR_WORDS if moods else style.minor
    if tonic is None:
        tonic = chance.choice((0, 2, 3, 5, 7, 9))

    energy = 1.0
    tempo_bpm = style.tempo_bpm * chance.uniform(0.96, 1.04)
    for word in paces:
        energy *= ENERGY_WORDS.get(word, 1.0)
        tempo_bpm *= TEMPO_WORDS.get(word, ENERGY_WORDS.get(word, 1.0))
    asked = re.search(r"\b(\d{2,3}(?:\.\d+)?) ?(?:bpm|beats per minute)\b|\btempo (?:of |at )?(\d{2,3})\b", text)
    if asked:
        tempo_bpm = float(asked[1] or asked[2])
        understood.append(asked[0])
        text = text.replace(asked[0], " ")
    metre = re.search(r"\b([34])/4\b", text)
    beats = int(metre[1]) if metre else style.beats_per_bar
    understood += [*key_words, *([metre[0]] if metre else [])]

    lead, chords, bass, drums, played = _band(text, style)
    words = tuple(dict.fromkeys((*understood, *played)))
    return Brief(
        genre, style, tonic, minor, min(240.0, max(40.0, tempo_bpm)), bool(asked), beats, energy,
        lead, chords, bass, drums, duration_s, seed, words,
    )  # fmt: skip


def _find(text: str, words: Iterable[str]) -> tuple[list[str], list[str]]:
    """The listed words in order of appearance, longest first where they overlap: (wanted, refused with "no" or "without")."""
    longest_first = sorted(set(words), key=lambda word: (-len(word), word))
    pattern = re.compile(r"\b(?:" + "|".join(re.escape(word) for word in longest_first) + r")\b")
    wanted, refused = [], []
    for match in pattern.finditer(text):
        before = text[: match.start()].split()
        (refused if before and before[-1] in _REFUSALS else wanted).append(match[0])
    return list(dict.fromkeys(wanted)), refused


def _key(prompt: str) -> tuple[int | None, bool | None, list[str]]:
    """(tonic, minor, words read). A letter counts with a mode beside it, or as a capital after "in" or "key of"."""
    named = re.search(r"\b([a-gA-G]) ?-?(#|♯|b|♭|sharp|flat)?[ -]*(major|minor|maj|min)\b(?! key)", prompt, re.IGNORECASE)
    bare = re.search(r"\b(?:in|[Kk]ey of) ([A-G])(#|♯|b|♭|-sharp|-flat)?(?=[\s,.;]*(?:$|[,.;]|at\b|with\b|for\b|\d))", prompt)
    found = named or bare
    if not found:
        mode = re.search(r"\b(major|minor)\b", prompt, re.IGNORECASE)
        return None, None if not mode else mode[1].lower() == "minor", [mode[0]] if mode else []
    shift = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}.get((found[2] or "").lower().strip("-"), 0)
    minor = found[3].lower().startswith("min") if named else None
    return (_LETTERS[found[1].lower()] + shift) % 12, minor, [found[0].strip()]


def _band(text: str, style: Style) -> tuple[str | None, str | None, str | None, bool, list[str]]:
    """(lead, chords, bass, drums, words read): a named melody instrument leads, a named chordal one accompanies."""
    named, refused = _find(text, (*INSTRUMENTS, *BASSES, *DRUM_WORDS, "solo"))
    solo = "solo" in named
    melodic = [word for word in named if word in INSTRUMENTS]
    lead = next((word for word in melodic if not INSTRUMENTS[word].chordal), None)
    chords = next((word for word in melodic if INSTRUMENTS[word].chordal and word != lead), None)
    lead = lead or next((word for word in melodic if word != chords), chords)
    bass = next((word for word in named if word in BASSES and word not in (lead, chords)), None)
    drums = bool(style.drums) or any(word in named for word in DRUM_WORDS)
    if solo and melodic:
        return lead, chords, bass, any(word in named for word in DRUM_WORDS), named
    kept = [word if word not in refused else None for word in (lead or style.lead, chords or style.chords, bass or style.bass)]
    if "bass" in refused:
        kept[2] = None
    return kept[0], kept[1], kept[2], drums and not any(word in refused for word in DRUM_WORDS), named
