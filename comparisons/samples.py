"""The bundled inputs: small sounds, texts and prompts with what is known to be right about them, all made by this project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.tasks import TASKS

FOLDER = Path(__file__).resolve().parent.parent / "samples"


@dataclass(frozen=True)
class Sample:
    """One input. Its reference is in the field that its tasks measure against: `reference`, `stems` or `tags`."""

    id: str
    title: str
    tasks: tuple[str, ...]
    """Names of the tasks that it fits."""
    path: Path | None = None
    """The sound, for tasks that take one."""
    text: str | None = None
    """The text or the description, for tasks that take one."""
    reference: str | None = None
    """What is said, or the key words of a right answer."""
    stems: Mapping[str, Path] | None = None
    """Stem name to its sound; they sum to the mix exactly."""
    tags: tuple[str, ...] | None = None
    prompt: str | None = None
    """The question that goes with the sound."""
    licence: str = "CC0-1.0"


def for_task(task: str) -> tuple[Sample, ...]:
    """The samples of a task, the one to start with first. Raises KeyError listing the tasks for a name that is none of them."""
    if task not in TASKS:
        raise KeyError(f"no task {task!r}; there are {', '.join(TASKS)}")
    return tuple(sample for sample in SAMPLES if task in sample.tasks)


def _spoken(id: str, title: str, file: str, reference: str) -> Sample:
    return Sample(id, title, ("asr",), FOLDER / file, reference=reference)


def _asked(id: str, title: str, file: str, prompt: str, reference: str) -> Sample:
    return Sample(id, title, ("audio_lm",), FOLDER / file, prompt=prompt, reference=reference)


def _tagged(id: str, title: str, file: str, *tags: str) -> Sample:
    return Sample(id, title, ("tagging",), FOLDER / file, tags=tags)


def _mixed(id: str, title: str, folder: str, *stems: str) -> Sample:
    return Sample(
        id, title, ("separation",), FOLDER / folder / "mix.flac", stems={name: FOLDER / folder / f"{name}.flac" for name in stems}
    )


def _written(task: str, id: str, title: str, text: str) -> Sample:
    return Sample(id, title, (task,), text=text)


_NEWS = (
    "The weather report says that the rain will stop in the afternoon and the sun will come out. "
    "Please bring two cups of coffee and a newspaper to the meeting room on the third floor."
)

SAMPLES: tuple[Sample, ...] = (
    _spoken("clear-speech", "Clear speech", "clear-speech.flac", _NEWS),
    _spoken("noisy-speech", "The same in street noise", "noisy-speech.ogg", _NEWS),
    _spoken(
        "two-speakers",
        "Two speakers",
        "two-speakers.ogg",
        "Good morning. When does the next train leave for the city? It leaves at half past nine from platform four. "
        "Thank you. And how long does the journey take? About forty minutes, if there is no snow on the track.",
    ),
    _written(
        "tts", "plain-sentence", "Plain", "The old ferry leaves the harbor at seven in the morning and comes back before dark."
    ),
    _written(
        "tts",
        "numbers",
        "Numbers and dates",
        "Order 4711 of March 3, 2026 comes to $1,249.50 and arrives between 9:30 and 11 a.m.",
    ),
    _written(
        "tts",
        "same-spelling",
        "Same spelling, other sound",
        "She read the lead story close to the lead pipe. Tomorrow they will close the live show and read it again.",
    ),
    _written(
        "tts", "mood", "With feeling", "Wait, you did what? No, no, that is wonderful! I only wish you had told me sooner..."
    ),
    _written(
        "tts", "german", "German", "Die alte Fähre verlässt den Hafen um sieben Uhr morgens und kommt vor der Dunkelheit zurück."
    ),
    _written("music", "piano", "Slow piano", "A calm solo piano piece in C major at 70 bpm, gentle and sparse."),
    _written(
        "music",
        "dance",
        "Dance",
        "Upbeat electronic dance music at 124 bpm with a driving bass, bright synths and four-on-the-floor drums.",
    ),
    _written("music", "jazz", "Jazz trio", "A relaxed jazz trio in F: walking double bass, brushed drums and piano, 110 bpm."),
    _written("music", "ambient", "Ambient", "A dark, slow ambient pad in D minor with distant bells and no drums."),
    _mixed("band", "Melody and drums", "band", "harmonic", "percussive"),
    _mixed("song", "Voice, drums, bass, chords", "song", "vocals", "drums", "bass", "other"),
    _tagged("radio", "Speech, music, noise", "radio.ogg", "speech", "music", "noise"),
    _tagged("scene", "Street scene (synthesized)", "scene.ogg", "rain", "footsteps", "bird", "dog", "alarm"),
    _tagged("piece", "A piece of music", "piece.ogg", "music"),
    _asked("radio-order", "What follows what", "radio.ogg", "What do you hear, in which order?", "speech, music, noise"),
    _asked("meeting", "What to bring", "clear-speech.flac", "What should be brought to the meeting room?", "coffee, newspaper"),
    _asked(
        "train",
        "A fact from a dialogue",
        "two-speakers.ogg",
        "From which platform does the train leave, and when?",
        "four, half past nine",
    ),
    _asked(
        "scene-sounds", "Name the sounds", "scene.ogg", "Which sounds can be heard here?", "rain, footsteps, bird, dog, alarm"
    ),
    _asked(
        "piece-description",
        "Describe the music",
        "piece.ogg",
        "Describe this music: instruments and mood.",
        "drums, bass, melody",
    ),
)
