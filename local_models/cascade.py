"""Answers about a clip by rule, without a language model: measurements, WebRTC's voice detector and PocketSphinx, as sentences.

The question is searched for words that name something measurable; where it cannot answer, it says so.
PocketSphinx runs only when the words are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.audio import Audio
from engine.contract import Ask, BadInput, Engine, EngineSpec, Facts, Limits, Mark, Needs, Piece, Text, Transcribe
from local_models import _listening as listening
from local_models.pocketsphinx import ENGINES as POCKETSPHINX
from local_models.pocketsphinx import PocketSphinx

SHORTEST_S = 0.1
ABLE = "what is said, when, how long and how loud the clip is, speech, music, tones, noise, silence, tempo, key and pitch"


@dataclass(frozen=True)
class Clip:
    """One clip and what was measured on it, each thing once and only when a sentence needs it."""

    audio: Audio
    is_speech: Callable[[bytes], bool]
    transcribe: Callable[[Audio], str]

    @cached_property
    def samples(self) -> np.ndarray:
        return self.audio.mono().resample(listening.RATE).samples[0]

    @cached_property
    def features(self) -> dict[str, np.ndarray]:
        return listening.features(self.samples, self.is_speech)

    @cached_property
    def parts(self) -> tuple[listening.Part, ...]:
        return listening.parts_of(self.features, self.audio.seconds)

    @cached_property
    def spans(self) -> list[tuple[float, float]]:
        return listening.speech_spans(self.features["voice"], self.parts, self.audio.seconds)

    @cached_property
    def transcript(self) -> str:
        """ "" where there is no speech, or none that PocketSphinx understands."""
        if not self.spans:
            return ""
        start_s, end_s = max(0.0, self.spans[0][0] - 0.3), self.spans[-1][1] + 0.3
        return self.transcribe(self.audio.part(start_s, end_s))

    def only(self, label: str) -> np.ndarray:
        """The samples of every part with this label, joined."""
        chosen = [part for part in self.parts if part.label == label]
        rate = listening.RATE
        spans = [(round(part.start_s * rate), round(part.end_s * rate)) for part in chosen]
        return np.concatenate([self.samples[start:end] for start, end in spans] or [self.samples[:0]])

    def seconds_of(self, label: str) -> float:
        return sum(part.seconds for part in self.parts if part.label == label)


# ---------------------------------------------------------------- sentences


def length(clip: Clip) -> str:
    channels = {1: "mono", 2: "stereo"}.get(clip.audio.channels, f"{clip.audio.channels} channels")
    return f"The clip is {clip.audio.seconds:.1f} seconds long, {channels}, at {clip.audio.rate / 1000:g} kHz."


def loudness(clip: Clip) -> str:
    if not clip.audio.peak:
        return "The clip is digital silence."
    rms_db = float(listening.decibels((clip.audio.samples**2).mean()))
    peak_db = float(listening.decibels(clip.audio.peak**2))
    how = "loud" if rms_db > -16 else "at an ordinary level" if rms_db > -32 else "quiet"
    return f"It is {how}: {rms_db:.0f} dB RMS and {peak_db:.0f} dB peak, relative to full scale."


def contents(clip: Clip) -> str:
    shares = {label: clip.seconds_of(label) for label in ("speech", "music", "tone", "noise", "silence")}
    heard = sorted((label for label in shares if shares[label] > 0), key=lambda label: -shares[label])
    if heard == ["silence"]:
        return "It is silent."
    return f"It sounds like {_listed([f'{label} ({shares[label]:.1f} s)' for label in heard])}."


def presence(label: str) -> Callable[[Clip], str]:
    def sentence(clip: Clip) -> str:
        parts = [(part.start_s, part.end_s) for part in clip.parts if part.label == label]
        return f"Yes, there is {label} {_times(parts)}." if parts else f"No, I find no {label}."

    return sentence


def speech_times(clip: Clip) -> str:
    return f"There is speech {_times(clip.spans)}." if clip.spans else "I find no speech, so there is no time to give."


def words(clip: Clip) -> str:
    if not clip.spans:
        return "I find no speech to write down."
    if not clip.transcript:
        return "There is speech, but PocketSphinx makes out no words; it knows US English only."
    return f'PocketSphinx hears: "{clip.transcript}".'


def word_count(clip: Clip) -> str:
    return f"PocketSphinx hears {len(clip.transcript.split())} words." if clip.spans else "I find no speech, so no words."


def tempo(clip: Clip) -> str:
    bpm = listening.tempo_bpm(clip.only("music"))
    return f"The tempo is about {bpm:.0f} beats per minute, or twice or half of that." if bpm else "I find no steady beat."


def key(clip: Clip) -> str:
    found = listening.key_of(clip.only("music")) if clip.seconds_of("music") >= 2 else None
    return f"The key is probably {found}." if found else "I find no music with a clear key."


def pitch(clip: Clip) -> str:
    if clip.seconds_of("tone") > clip.seconds_of("speech"):
        return f"The tone is at {listening.tone_hz(clip.only('tone')):.0f} Hz."
    hertz = listening.pitch_hz(clip.only("speech"))
    return f"The voice has a median pitch of {hertz:.0f} Hz." if hertz else "I find no voice or tone with a pitch."


def refusal(what: str) -> Callable[[Clip], str]:
    return lambda clip: f"I cannot tell {what}: there is no language model here, only rules and PocketSphinx."


def description(clip: Clip) -> Iterator[Callable[[Clip], str]]:
    """What to say about the clip when nothing in particular is asked."""
    yield from (length, contents)
    if clip.seconds_of("silence") < clip.audio.seconds:
        yield loudness
    if clip.spans:
        yield from (speech_times, words)
    if clip.seconds_of("speech") or clip.seconds_of("tone"):
        yield pitch
    if clip.seconds_of("music") >= 2:
        yield from (tempo, key)


_IS_THERE = r"^(?!.*\b(when|who|what|how)\b).*\b(is|are|contain\w*|hear|has|any|does)\b.*\b"
# What the question names, in the order of the answer.
INTENTS: tuple[tuple[str, Callable[[Clip], str]], ...] = (
    (r"how (long|many (seconds|minutes))|duration|length\b", length),
    (_IS_THERE + r"(speech|voices?|talk\w*|anyone|someone|speak\w*)\b", presence("speech")),
    (_IS_THERE + r"(music|song|instruments?)\b", presence("music")),
    (_IS_THERE + r"(noise|noisy|hiss)\b", presence("noise")),
    (_IS_THERE + r"(silen\w+|pauses?)\b", presence("silence")),
    (_IS_THERE + r"(tones?|beep\w*|sine)\b", presence("tone")),
    (r"\bwhen\b|at what time|what times|timestamps?", speech_times),
    (r"how many words|word count|count .*words", word_count),
    (r"^(?!.*how many).*\b(says?|said|saying|transcri\w*|write down|which words|what words|spoken)\b", words),
    (r"\btempo\b|\bbpm\b|beats? per|how fast", tempo),
    (r"\bkey\b|\bscale\b|\bmajor\b|\bminor\b", key),
    (r"\bloud\w*|\bvolume\b|\bquiet\b|\blevel\b|decibel", loudness),
    (r"\bpitch\b|frequency|\bhertz\b|\bhz\b|(high|low|deep) voice", pitch),
    (r"how many (speakers|people|voices|persons)|\bwho\b", refusal("who speaks, or how many people do")),
    (r"emotion\w*|\bmood\b|feel\w*|sarcas\w*|happy|angry|\bsad\b|\btone of voice\b", refusal("moods or feelings")),
    (r"\bgender\b|\bage\b|\bold\b|accent|male|female|\bman\b|\bwoman\b", refusal("anything about the person who speaks")),
    (r"\blanguages?\b", refusal("languages apart")),
    (r"which instruments?|what instruments?|genre|chords?|lyrics", refusal("instruments, genres, chords or lyrics")),
    (r"summar\w*|\bwhy\b|\bmeans?\b|translate|topic|opinion|\bintent\b", refusal("what the words mean")),
)
_OPEN = re.compile(
    r"describe|tell me about|what (do you|can you|can be|is|are)?\s*(hear|heard|audible|this|in (this|the))|what('s| is) (in|on)",
    re.IGNORECASE,
)


def plan(question: str) -> list[Callable[[Clip], str]] | None:
    """The sentences that answer the question; [] for a plain description, None where the question names nothing known."""
    found = [sentence for pattern, sentence in INTENTS if re.search(pattern, question, re.IGNORECASE)]
    if found:
        return found
    return [] if not question.strip() or _OPEN.search(question) else None


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _times(spans: list[tuple[float, float]]) -> str:
    shown = [f"from {start_s:.1f} to {end_s:.1f} s" for start_s, end_s in spans[:8]]
    return _listed(shown) + (f", and {len(spans) - 8} times more" if len(spans) > 8 else "")


# ---------------------------------------------------------------- the engine


class Cascade(Engine):
    def load(self) -> None:
        from pocketsphinx import Vad

        self.new_detector = lambda: Vad(mode=2, sample_rate=listening.RATE)
        self.recognizer = PocketSphinx(POCKETSPHINX[0])
        self.recognizer.load()

    def run(self, request: Ask, timeout_s: float) -> Iterator[Piece]:
        if request.audio.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, not {request.audio.seconds:.3f} s")
        # A fresh detector for every clip: it keeps what it has learnt about the noise.
        clip = Clip(request.audio, self.new_detector().is_speech, self._transcribe)
        asked = plan(request.prompt)
        said = []
        if asked is None:
            said.append(f"There is no language model here, so I do not understand this question; I can tell {ABLE}.")
            yield Text(said[0], final=False)
        for sentence in asked or description(clip):
            said.append(sentence(clip))
            yield Text(" ".join(said), final=False)
        yield Text(" ".join(said))
        yield Facts(device="cpu", threads=1)
        yield Mark("answered")
        if not self.recognizer.fresh:
            self.recognizer.load()

    def _transcribe(self, audio: Audio) -> str:
        pieces = self.recognizer.hear(Transcribe(audio))
        return " ".join(piece.text for piece in pieces if isinstance(piece, Text) and piece.final and piece.text)


ENGINES = [
    EngineSpec(
        id="cascade/describe",
        task="audio_lm",
        name="Rules (no language model)",
        vendor="Soundcheck",
        system="Describe-and-answer cascade (VAD + ASR + tagger + F0/tempo/key -> template answer)",
        engine=Cascade,
        where="local",
        model="rules + WebRTC VAD + pocketsphinx en-us",
        license_code="this project's; BSD-2-Clause (PocketSphinx), BSD-3-Clause (WebRTC VAD)",
        license_weights="BSD-2-Clause (en-us)",
        languages=("en",),
        summary="Baseline without a language model: measures the clip and answers by rule. What it cannot answer it says.",
        docs_url="https://pocketsphinx.readthedocs.io/en/latest/",
        checked_on="2026-11-20",
        honours=("prompt",),
        limits=Limits(audio_seconds=600),
        needs=Needs(packages=("pocketsphinx",), memory_gb=0.4),
        tier="baseline",
        packages=("pocketsphinx", "numpy", "soxr"),
        streams=True,
    ),
]
