"""Every task: its request, its pieces, how pieces join to one output, what it counts for billing, its metrics."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.audio import Audio
from engine.contract import (
    Ask,
    BadResponse,
    Classify,
    Compose,
    Piece,
    Request,
    Separate,
    Stem,
    Synthesize,
    Tag,
    Text,
    Transcribe,
    Word,
)


@dataclass(frozen=True)
class Output:
    """What one engine answered, joined. Only the fields of the task's piece types are filled."""

    text: str | None = None
    words: tuple[Word, ...] = ()
    language: str | None = None
    confidence: float | None = None
    audio: Audio | None = None
    stems: tuple[Stem, ...] = ()
    tags: tuple[Tag, ...] = field(default=())

    def sounds(self) -> dict[str, Audio]:
        """Every sound in the output by name: "output" for a single one, else the stems' names."""
        named = {} if self.audio is None else {"output": self.audio}
        return named | {stem.name: stem.audio for stem in self.stems}


def _check_sound(name: str, audio: Audio, longest_s: float = 4 * 3600.0) -> Audio:
    if not audio.frames:
        raise BadResponse(f"{name} has no samples")
    if not np.isfinite(audio.samples).all():
        raise BadResponse(f"{name} holds samples that are not numbers")
    if audio.seconds > longest_s:
        raise BadResponse(f"{name} is {audio.seconds:.0f} s long, more than {longest_s:.0f} s")
    return audio


def join_text(pieces: Sequence[Piece]) -> Output:
    """Final texts in order, each already ending its segment; single spaces between them."""
    finals = [piece for piece in pieces if isinstance(piece, Text) and piece.final]
    if not finals:
        raise BadResponse("the answer ended without a final text")
    text = " ".join(piece.text.strip() for piece in finals if piece.text.strip())
    if not text:
        raise BadResponse("the answer is an empty text")
    spoken = [piece for piece in pieces if isinstance(piece, Audio)]
    return Output(
        text=text,
        words=tuple(word for piece in finals for word in piece.words),
        language=next((piece.language for piece in finals if piece.language), None),
        confidence=next((piece.confidence for piece in finals if piece.confidence is not None), None),
        audio=_check_sound("the spoken answer", Audio.join(spoken)) if spoken else None,
    )


def join_audio(pieces: Sequence[Piece]) -> Output:
    chunks = [piece for piece in pieces if isinstance(piece, Audio)]
    if not chunks:
        raise BadResponse("the answer holds no audio")
    try:
        return Output(audio=_check_sound("the audio", Audio.join(chunks)))
    except ValueError as error:
        raise BadResponse(str(error)) from None


def join_stems(pieces: Sequence[Piece]) -> Output:
    stems = tuple(piece for piece in pieces if isinstance(piece, Stem))
    if not stems:
        raise BadResponse("the answer holds no stems")
    for stem in stems:
        _check_sound(f"stem {stem.name!r}", stem.audio)
    return Output(stems=stems)


def join_tags(pieces: Sequence[Piece]) -> Output:
    tags = tuple(piece for piece in pieces if isinstance(piece, Tag))
    if not tags:
        raise BadResponse("the answer holds no tags")
    if bad := [tag for tag in tags if not np.isfinite(tag.score)]:
        raise BadResponse(f"tag {bad[0].label!r} has the score {bad[0].score!r}")
    return Output(tags=tuple(sorted(tags, key=lambda tag: -tag.score)))


def usage_of(request: Request, output: Output | None) -> dict[str, float]:
    """What can be counted on our side, in the units that price rules name."""
    counted: dict[str, float] = {"requests": 1.0}
    audio = getattr(request, "audio", None)
    if audio is not None:
        counted["input_audio_seconds"] = audio.seconds
        # Speaker labels and expected words are add-ons that some vendors bill apart, and only when asked for.
        counted["keyterm_audio_seconds"] = audio.seconds if isinstance(request, Transcribe) and request.prompt else 0.0
        counted["diarized_audio_seconds"] = audio.seconds if getattr(request, "speakers", False) else 0.0
    written = getattr(request, "text", None) or getattr(request, "prompt", None)
    if written:
        counted["input_characters"] = float(len(written))
        counted["input_utf8_bytes"] = float(len(written.encode()))
        counted["input_double_byte_characters"] = float(sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in written))
    if output is not None:
        sounds = output.sounds()
        if sounds:
            counted["output_audio_seconds"] = max(sound.seconds for sound in sounds.values())
        if output.stems:
            counted["output_stems"] = float(len(output.stems))
        if output.text is not None:
            counted["output_characters"] = float(len(output.text))
    return counted


@dataclass(frozen=True)
class Task:
    name: str
    title: str
    """How people call it; the tab's label."""
    request: type
    source: str
    """Name of the request field that holds the person's input."""
    output: str
    """"text", "audio", "stems" or "tags": what a card shows."""
    pieces: tuple[type, ...]
    """Piece types that count as output: the first of them to arrive stops the "first output" clock."""
    join: Callable[[Sequence[Piece]], Output]
    reference: str | None
    """What a reference is for this task: "text", "stems", "tags", or None."""
    metrics: tuple[str, ...]
    """Names of the metrics that apply, most telling first."""

    @property
    def takes_audio(self) -> bool:
        return self.source == "audio"


_ALL = (
    Task("asr", "Speech to text", Transcribe, "audio", "text", (Text,), join_text, "text", ("wer", "cer")),
    Task("tts", "Text to speech", Synthesize, "text", "audio", (Audio,), join_audio, None, ("round_trip_wer", "loudness_lufs")),
    Task("music", "Music", Compose, "prompt", "audio", (Audio,), join_audio, None, ("loudness_lufs",)),
    Task(
        "separation",
        "Separation",
        Separate,
        "audio",
        "stems",
        (Stem,),
        join_stems,
        "stems",
        ("si_sdr_db", "sdr_db", "null_test_db"),
    ),
    Task("tagging", "Tagging", Classify, "audio", "tags", (Tag,), join_tags, "tags", ("tag_f1", "tag_agreement")),
    Task("audio_lm", "Audio chat", Ask, "audio", "text", (Text, Audio), join_text, "text", ("reference_words_found",)),
)
TASKS: dict[str, Task] = {task.name: task for task in _ALL}
