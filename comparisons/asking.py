"""From what a person typed to one frozen request and its reference: the same door for UI, CLI and API."""

from __future__ import annotations

import hashlib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from comparisons.intake import limits_here, take_in, take_text
from comparisons.metrics import Reference
from engine.audio import Audio
from engine.contract import BadInput, Option, Request, options_of
from engine.tasks import TASKS, Task

CONSENTS = {"reference": "I may use this voice: it is mine or its owner agreed."}
"""Settings that hold something of a person, and what has to be agreed to before a run."""


@dataclass(frozen=True)
class SoundFile:
    """A sound as the value of a setting. Only a door that was handed a file makes one; a path in a text is never read."""

    path: Path

    def __str__(self) -> str:
        """sha256 of the file's bytes, so that a batch knows it again after it was renamed; "unreadable" for what is no file."""
        return self._sha256

    @cached_property
    def _sha256(self) -> str:
        try:
            if not self.path.is_file() or self.path.stat().st_size > limits_here().file_mb * 1e6:
                return "unreadable"
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError):
            return "unreadable"

    def read(self, longest_s: float) -> Audio:
        """Raises BadInput with one sentence when it is no sound, is silent or lasts longer."""
        try:
            about = self.path.stat()
        except (OSError, ValueError):
            raise BadInput(f"{self.path.name!r} is not there any more: add it again") from None
        audio = _decoded(self.path, longest_s, about.st_mtime_ns, about.st_size)
        if not audio.peak:
            raise BadInput(f"{self.path.name!r} is silent throughout")
        return audio


@lru_cache(maxsize=4)
def _decoded(path: Path, longest_s: float, _changed_ns: int, _size: int) -> Audio:
    """Kept, because a page asks again after every change of a setting and a batch with every item."""
    limits = limits_here()
    return take_in(path, limits=replace(limits, longest_s=min(limits.longest_s, longest_s))).audio


def missing_consent(given: Iterable[str], agreed: bool, how: str) -> str:
    """One sentence when somebody's voice is among the settings and nobody has said that it may be used, else ""."""
    return f"Say that you may use this voice: {how}." if not agreed and CONSENTS.keys() & set(given) else ""


def consent_given(given: Iterable[str], agreed: bool) -> str | None:
    """What the person agreed to for these settings, word for word as it was asked; None where nothing had to be."""
    return " ".join(CONSENTS[name] for name in given if name in CONSENTS) or None if agreed else None


def task_named(name: str) -> Task:
    """Raises BadInput with the names that exist."""
    if name not in TASKS:
        raise BadInput(f"there is no task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]


def build_request(task_name: str, source: Audio | str, settings: Mapping[str, Any] | None = None) -> Request:
    """The task's request with checked settings; an empty setting keeps its default. Raises BadInput naming what is accepted."""
    task = task_named(task_name)
    options, types = options_of(task.request), typing.get_type_hints(task.request)
    values: dict[str, Any] = {}
    for name, value in (settings or {}).items():
        if name not in options:
            raise BadInput(f"{task.title} has no setting {name!r}; it has {', '.join(options) or 'none'}")
        if value is None or value == "":
            continue
        values[name] = _typed(name, value, options[name], types[name])
    if isinstance(source, str):
        source = take_text(source, what="prompt" if task.source == "prompt" else "text")
    return task.request(**{task.source: source}, **values)


def _typed(name: str, value: Any, how: Option, annotation: Any) -> Any:
    if how.longest_s is not None:
        if isinstance(value, SoundFile):
            try:
                return value.read(how.longest_s)
            except BadInput as error:
                raise BadInput(f"{how.label}: {error}") from None
        if not isinstance(value, Audio):  # never a path: this door is open to strangers too
            raise BadInput(f"{name} must be a sound file, got {str(value)[:80]!r}")
        if value.seconds > how.longest_s:
            raise BadInput(f"{name} may last up to {how.longest_s:g} s, and this sound lasts {value.seconds:.1f} s")
        return value
    wanted = next(kind for kind in (bool, int, float, str) if kind in (annotation, *typing.get_args(annotation)))
    if wanted is bool:
        words = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
        if str(value).strip().lower() not in words:
            raise BadInput(f"{name} must be true or false, got {value!r}")
        return words[str(value).strip().lower()]
    if wanted is str:
        text = take_text(str(value), limit=how.max_length, what=name)
        if how.choices and text not in how.choices:
            raise BadInput(f"{name} must be one of {', '.join(how.choices)}, got {text!r}")
        return text
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be a number, got {value!r}") from None
    low, high = how.minimum, how.maximum
    if not (low is None or number >= low) or not (high is None or number <= high) or number != number:
        raise BadInput(f"{name} must be from {low:g} to {high:g}, got {number:g}")
    if wanted is int:
        if number != int(number):
            raise BadInput(f"{name} must be a whole number, got {number:g}")
        return int(number)
    return number


def read_reference(task_name: str, given: str | None) -> Reference:
    """A reference as text, as the path of a text file, or for separation as a folder of stems named like the stems."""
    task = task_named(task_name)
    if given is None or not given.strip():
        return Reference()
    if task.reference is None:
        raise BadInput(f"{task.title} takes no reference")
    path = Path(given) if len(given) < 1_000 and "\n" not in given and "\0" not in given else None
    if task.reference == "stems":
        if path is None or not path.is_dir():
            raise BadInput(f"the reference of a separation is a folder of stems, got {given[:80]!r}")
        stems = {file.stem: take_in(file).audio for file in sorted(path.iterdir()) if file.is_file() and file.stem[0] != "."}
        if not stems:
            raise BadInput(f"the folder {given!r} holds no stems")
        return Reference(stems=stems)
    try:
        text = path.read_text("utf-8") if path is not None and path.is_file() else given
    except UnicodeDecodeError:
        raise BadInput(f"the reference {given!r} is not a UTF-8 text file") from None
    return reference_from_text(task_name, text)


def reference_from_text(task_name: str, text: str | None) -> Reference:
    """A typed reference: words for text tasks, labels separated by commas or lines for tagging."""
    task = task_named(task_name)
    if text is None or not text.strip() or task.reference in (None, "stems"):
        return Reference()
    text = take_text(text, limit=500_000, what="reference")
    if task.reference == "tags":
        return Reference(tags=tuple(label.strip() for label in text.replace("\n", ",").split(",") if label.strip()))
    return Reference(text=text)
