"""The one door for what a person brings: an untrusted file becomes samples that every engine may be given, or one clear sentence.

The file is opened here and read by `comparisons._decode`, a process with nothing in reach: no keys in its environment, no files,
no network, little memory. What comes back is judged by `comparisons._reader`.
"""

from __future__ import annotations

import math
import os
import re
import stat
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from comparisons._reader import IntakeLimits, Reader, Refusal
from engine.audio import Audio
from engine.contract import BadInput, NotReady

ACCEPTED = "WAV, FLAC, MP3, Ogg (Vorbis or Opus), MP4/M4A, WebM, AIFF and AAC files"
_LOUD = 10 ** (1 / 20)
"""1 dB over full scale: decoded MP3 and AAC reach a little beyond 1.0 as a matter of course."""
_IN_ORDER = ("wav", "aiff", "flac")
"""Containers in which the sound comes last, so that much behind it is unread sound rather than an index."""


def _number(variable: str, usual: float) -> float:
    written = os.environ.get(variable)
    try:
        value = float(written) if written else usual
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise NotReady(f"{variable} must be a number above 0, got {written!r}")
    return value


def limits_here() -> IntakeLimits:
    """Those of this install: SOUNDCHECK_MAX_UPLOAD_MB and SOUNDCHECK_MAX_SECONDS, and smaller ones on a public Space."""
    usual = IntakeLimits(longest_s=600.0, decoded_mb=500.0) if os.environ.get("SPACE_ID") else IntakeLimits()
    return replace(
        usual,
        file_mb=_number("SOUNDCHECK_MAX_UPLOAD_MB", usual.file_mb),
        longest_s=_number("SOUNDCHECK_MAX_SECONDS", usual.longest_s),
    )


@dataclass(frozen=True)
class Intake:
    """A sound that was let in. `audio` has the file's own rate and channels; samples beyond full scale are kept and warned of."""

    audio: Audio
    sha256: str
    """Of rate, channels and samples (`Audio.sha256`): the same sound in two lossless containers has one hash."""
    name: str
    source_format: str
    """Container and codec, such as "wav/pcm_s16le"."""
    warnings: tuple[str, ...] = ()
    """Sentences: what was damaged, missing or unusual."""

    @property
    def seconds(self) -> float:
        """Counted from the decoded samples, never read from a header."""
        return self.audio.seconds

    @property
    def source_rate(self) -> int:
        return self.audio.rate

    @property
    def source_channels(self) -> int:
        return self.audio.channels

    @property
    def wav(self) -> bytes:
        """The canonical file: float32 WAV of exactly these samples. Built on each call, because it is as large as they are."""
        return self.audio.to_wav(floats=True)


def take_in(path: str | Path, *, name: str | None = None, limits: IntakeLimits | None = None) -> Intake:
    """Decode one file of a stranger; `name` is what the person calls it.

    Raises BadInput with one sentence that says what is wrong and what is accepted, NotReady where PyAV is missing.
    """
    limits = limits or limits_here()
    shown = safe_name(Path(path).name if name is None else name)
    try:
        descriptor, size = _open(path, limits)
        try:
            head = os.pread(descriptor, 4096 + 10, 0)
            container, formats = _container(head)
            reader = Reader(limits)
            reader.read(descriptor, formats)
            claimed_s = reader.opened["claimed_s"] if _states_length(container, descriptor, head) else None
        finally:
            os.close(descriptor)
        audio, mixed = reader.join()
    except Refusal as refusal:
        raise BadInput(f"{shown!r} {refusal}: {_accepted(limits)}") from None
    codec = reader.opened["codec"]
    if container == "mp3" and codec in ("aac", "flac"):  # an ID3 tag may stand before these too
        container = codec
    unused = size - reader.faults["end"] if container in _IN_ORDER else 0
    return Intake(audio, audio.sha256(), shown, f"{container}/{codec}", _warnings(audio, reader, mixed, claimed_s, unused))


def _accepted(limits: IntakeLimits) -> str:
    longest = f"{limits.longest_s / 60:.0f} minutes" if limits.longest_s >= 120 else f"{limits.longest_s:g} seconds"
    return f"accepted are {ACCEPTED} of up to {limits.file_mb:g} MB and {longest}"


def _open(path: str | Path, limits: IntakeLimits) -> tuple[int, int]:
    """A descriptor of a regular file and its size in bytes; what the check saw is what is opened."""
    try:
        kind = os.lstat(path).st_mode
        if not stat.S_ISREG(kind):
            raise Refusal("is a folder" if stat.S_ISDIR(kind) else "is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Refusal(f"cannot be opened ({getattr(error, 'strerror', None) or 'its path is not valid'})") from None
    found = os.fstat(descriptor)
    reason = None
    if not stat.S_ISREG(found.st_mode):
        reason = "is not a regular file"
    elif not found.st_size:
        reason = "is empty"
    elif found.st_size > limits.file_mb * 1e6:
        reason = f"is {found.st_size / 1e6:.1f} MB large"
    if reason:
        os.close(descriptor)
        raise Refusal(reason)
    return descriptor, found.st_size


def _container(head: bytes) -> tuple[str, str]:
    """The container that the first bytes name, and FFmpeg's names of the only readers that may try it."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav", "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff", "aiff"
    if head[4:8] == b"ftyp":
        return "mp4", "mp4"
    for magic, container in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"\x1aE\xdf\xa3", "matroska")):
        if head.startswith(magic):
            return container, container
    if head.startswith(b"ID3"):
        return "mp3", "mp3,aac,flac"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac", "aac"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 in (2, 4) and head[2] & 0xF0 != 0xF0:
        return "mp3", "mp3"
    raise Refusal("is not a sound file that is read here")


def _states_length(container: str, descriptor: int, head: bytes) -> bool:
    """Whether the file states its length: without a Xing or VBRI header, that of MP3 and AAC is a guess from the bit rate."""
    if container not in ("mp3", "aac"):
        return True
    tag = 0
    if head.startswith(b"ID3"):
        tag = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    first = os.pread(descriptor, 4096, tag)
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


def _warnings(audio: Audio, reader: Reader, mixed: bool, claimed_s: float | None, unused: int) -> tuple[str, ...]:
    """Sentences on what is not as it should be. `unused`: bytes that follow the last packet of sound."""
    faults, peak, said = reader.faults, reader.peak, []
    if bad := faults["damaged"] + faults["unread"]:
        said.append(f"{bad} damaged {'place was' if bad == 1 else 'places were'} skipped while decoding.")
    if faults["gave_up"]:
        said.append(f"The file could not be read beyond {audio.seconds:.2f} s.")
    if faults["parts"] > 1:
        said.append(f"The file is {faults['parts']} recordings in a row; all of them were read.")
    elif claimed_s and abs(claimed_s - audio.seconds) > max(0.1, 0.01 * audio.seconds):
        said.append(f"The header says {claimed_s:.2f} s, {audio.seconds:.2f} s could be decoded.")
    if not faults["whole"]:
        said.append("The file breaks off before its stated end: some of the sound may be missing.")
    if unused > max(4096, 0.1 * faults["end"]):
        said.append(f"{unused} bytes after the last sample were not read.")
    if mixed:
        channels = "mono" if audio.channels == 1 else f"{audio.channels} channels"
        said.append(f"Rate or channels change on the way; all of it was converted to {audio.rate} Hz, {channels}.")
    if (tracks := reader.opened["tracks"]) > 1:
        said.append(f"The file holds {tracks} sound tracks; the first was taken.")
    if not peak:
        said.append("The sound is silent throughout.")
    if peak > _LOUD:
        said.append(f"Samples reach {peak:.2f} times full scale; engines that take 16-bit audio hear them clipped.")
    return tuple(said)


def safe_name(name: str) -> str:
    """A name to show and to store: no path, control, invisible or direction-changing characters, 1 to 120 characters."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(" " if unicodedata.category(sign)[0] == "Z" else sign for sign in last if unicodedata.category(sign)[0] != "C")
    kept = re.sub(r'[<>:"|?*]', "_", " ".join(kept.split())).strip(". ")
    stem, dot, ending = kept.rpartition(".")
    if len(kept) > 120:
        kept = stem[: 119 - len(ending)] + dot + ending if dot and len(ending) <= 10 else kept[:120]
    return kept or "unnamed"


def take_text(text: str, *, limit: int = 5000, what: str = "text") -> str:
    """A person's text without control characters (newline and tab stay), lone surrogates as U+FFFD, no space around it.

    Raises BadInput when it is empty or has more than `limit` characters.
    """
    if not isinstance(text, str):
        raise BadInput(f"the {what} must be text, got {type(text).__name__!r}")
    if len(text) > 20 * limit:  # far beyond the limit: not worth cleaning
        raise BadInput(f"the {what} has {len(text):,} characters: at most {limit:,} are accepted")
    whole = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    clean = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", whole).strip()
    if not clean:
        raise BadInput(f"the {what} is empty: type at least one character")
    if len(clean) > limit:
        raise BadInput(f"the {what} has {len(clean):,} characters: at most {limit:,} are accepted")
    return clean
