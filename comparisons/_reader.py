"""Runs the decoder's process on an open file, and judges what it sends as if the file itself had written it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.audio import Audio
from engine.contract import NotReady

DECODER = Path(__file__).with_name("_decode.py")
REFUSALS = {
    "no_audio": "holds no sound track",
    "codec": "uses a codec that is not read here",
    "memory": "needs more memory to decode than a sound should",
    "unreadable": "is damaged, or not what its first bytes say",
}
_SCALES = {
    "u8": ("u1", 2.0**7),
    "s16": ("<i2", 2.0**15),
    "s32": ("<i4", 2.0**31),
    "s64": ("<i8", 2.0**63),
    "flt": ("<f4", 1.0),
    "dbl": ("<f8", 1.0),
}
_LOUDEST = 100.0
"""Times full scale (40 dB over): beyond any mixing headroom, so the floats were never scaled to [-1, 1]."""


class Refusal(Exception):
    """The middle of a sentence: what is wrong with the file."""


@dataclass(frozen=True)
class IntakeLimits:
    file_mb: float = 200.0
    longest_s: float = 2 * 3600.0
    decoded_mb: float = 3000.0
    """Float32 samples in memory: two hours of 48 kHz stereo, and below the 4 GiB that a WAV file can hold."""
    channels: int = 8
    lowest_rate: int = 4_000
    highest_rate: int = 384_000
    stall_s: float = 10.0
    """Longest wait for the next samples."""

    @property
    def total_s(self) -> float:
        """Time that decoding may take: 60 times faster than playing is slow for every codec here, on one core."""
        return 10.0 + self.longest_s / 60


class Reader:
    """Runs the decoder and keeps what it sends, judging every block before it is kept.

    After `read`, `opened` and `faults` hold what the decoder found when it opened the file and when it ended.
    """

    def __init__(self, limits: IntakeLimits) -> None:
        self.limits = limits
        self.parts: list[tuple[int, list[bytearray]]] = []
        self.seconds, self.bytes, self.peak = 0.0, 0, 0.0
        self.opened: dict = {}
        self.faults: dict = {}

    def read(self, descriptor: int, formats: str) -> None:
        """Decode the open file to its end. Raises Refusal."""
        with contextlib.closing(_frames(descriptor, formats, self.limits)) as frames:  # a refusal ends the process at once
            for head, payload in frames:
                if "refused" in head:
                    raise Refusal(REFUSALS.get(str(head["refused"]), REFUSALS["unreadable"]))
                if "opened" in head:
                    self.opened = self.opened or _facts(head["opened"], codec=str, tracks=int, claimed_s=float)
                elif "done" in head:
                    kinds = dict(packets=int, damaged=int, unread=int, gave_up=bool, end=int, parts=int, whole=bool)
                    self.faults = _facts(head["done"], **kinds)
                elif "bytes" in head:
                    self.keep(head, payload)
        if not self.opened or not self.faults:
            raise Refusal("made the decoder fail")
        if not self.bytes:
            raise Refusal("holds no samples that can be decoded")
        bad = self.faults["damaged"] + self.faults["unread"]
        if bad > self.faults["packets"] / 2:
            raise Refusal(f"is damaged in {bad} of {self.faults['packets']} places")

    def keep(self, head: dict, payload: bytes) -> None:
        block = _facts(head, format=str, rate=int, channels=int, frames=int)
        rate, channels, limits = block["rate"], block["channels"], self.limits
        if not limits.lowest_rate <= rate <= limits.highest_rate:
            raise Refusal(f"has a sample rate of {rate} Hz, outside {limits.lowest_rate} to {limits.highest_rate} Hz")
        if not 1 <= channels <= limits.channels:
            raise Refusal(f"has {channels} channels, more than {limits.channels}")
        samples = _samples(block, payload)
        self.seconds += samples.shape[1] / rate
        self.bytes += samples.nbytes
        if self.seconds > limits.longest_s:
            raise Refusal(f"is longer than {limits.longest_s:g} s")
        if self.bytes > limits.decoded_mb * 1e6:
            raise Refusal(f"decodes to more than {limits.decoded_mb:g} MB of samples")
        if not np.isfinite(samples).all():
            raise Refusal("holds samples that are not numbers (NaN or infinite)")
        self.peak = max(self.peak, float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
        if self.peak > _LOUDEST:
            raise Refusal(f"has samples {self.peak:.3g} times over full scale; floats must be scaled to -1 to 1")
        if not self.parts or (self.parts[-1][0], len(self.parts[-1][1])) != (rate, channels):
            self.parts.append((rate, [bytearray() for _ in range(channels)]))
        for track, content in zip(self.parts[-1][1], samples, strict=True):
            track.extend(content.data.cast("B"))

    def join(self) -> tuple[Audio, bool]:
        """One sound at the first part's rate and channels, and whether any part had to be converted for that."""
        first, *others = (_audio(rate, tracks) for rate, tracks in self.parts)
        if not others:
            return first, False
        if self.seconds * first.rate * first.channels * 4 > self.limits.decoded_mb * 1e6:  # a low rate after a high one grows
            raise Refusal(f"decodes to more than {self.limits.decoded_mb:g} MB of samples")
        if any(audio.channels != first.channels and max(audio.channels, first.channels) > 2 for audio in others):
            raise Refusal("changes its number of channels on the way")
        alike = [audio.mono() if first.channels == 1 else audio.stereo() if first.channels == 2 else audio for audio in others]
        return Audio.join([first, *(audio.resample(first.rate) for audio in alike)]), True


def _audio(rate: int, tracks: list[bytearray]) -> Audio:
    if len(tracks) == 1:
        return Audio(np.frombuffer(tracks[0], np.float32), rate)
    samples = np.empty((len(tracks), len(tracks[0]) // 4), np.float32)
    for channel in range(len(tracks)):
        samples[channel] = np.frombuffer(tracks[channel], np.float32)
        tracks[channel] = bytearray()  # two copies of a two-hour file would not fit where one does
    return Audio(samples, rate)


def _samples(block: dict, payload: bytes) -> np.ndarray:
    """float32 [channels, frames] of one block in the decoder's own sample format."""
    kind, planar = block["format"].removesuffix("p"), block["format"].endswith("p")
    if kind not in _SCALES:
        raise Refusal(REFUSALS["codec"])
    dtype, scale = _SCALES[kind]
    shape = (block["channels"], block["frames"])
    if len(payload) != shape[0] * shape[1] * np.dtype(dtype).itemsize:
        raise Refusal("made the decoder fail")
    values = np.frombuffer(payload, dtype)
    values = values.reshape(shape) if planar else values.reshape(shape[::-1]).T
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit a float32 becomes infinite and is refused
        samples = np.ascontiguousarray(values, np.float32)
    if kind == "u8":
        samples -= np.float32(128.0)
    return samples if scale == 1.0 else samples / np.float32(scale)


def _facts(given: object, **kinds: type) -> dict:
    """The named values if each has its type; anything else means that the decoder no longer runs our code."""
    if not isinstance(given, dict) or any(type(given.get(name)) is not kind for name, kind in kinds.items()):
        raise Refusal("made the decoder fail")
    if not re.fullmatch(r"[a-z0-9_]{1,32}", given.get("codec", "none")):
        raise Refusal("made the decoder fail")
    return {name: given[name] for name in kinds}


def _frames(descriptor: int, formats: str, limits: IntakeLimits) -> Iterator[tuple[dict, bytes]]:
    """Start the decoder on an open file and yield its frames; the process and its group are gone when this generator is."""
    found = importlib.util.find_spec("av")
    if found is None or found.origin is None:
        raise NotReady("reading sound files needs PyAV: `pip install av`")
    settings = {"packages": str(Path(found.origin).parent.parent), "formats": formats, "cpu_s": math.ceil(limits.total_s)}
    loader = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(DECODER), json.dumps(settings)],
        stdin=descriptor,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pipesize=1 << 20,
        cwd="/",
        env=loader | {"MALLOC_ARENA_MAX": "1"},  # each arena reserves 64 MB of the address space that is rationed
        start_new_session=True,
    )
    ready = False
    try:
        for head, payload in _parse(process.stdout, limits):
            ready = ready or "ready" in head
            yield head, payload
        if not ready:
            raise NotReady(
                f"the decoder did not start (exit status {process.wait()}): `{Path(sys.executable).name} -c 'import av'` says why"
            )
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group that has just ended
            process.kill()
        process.wait()
        process.stdout.close()


def _parse(pipe, limits: IntakeLimits) -> Iterator[tuple[dict, bytes]]:
    """Frames as they arrive. Raises Refusal when they come too late or make no sense; ends with the pipe."""
    deadline = time.monotonic() + limits.total_s
    held = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)

        def fill() -> bool:
            wait_s = min(limits.stall_s, deadline - time.monotonic())
            if wait_s <= 0 or not selector.select(wait_s):
                raise Refusal("takes too long to decode")
            arrived = os.read(pipe.fileno(), 1 << 20)
            held.extend(arrived)
            return bool(arrived)

        while True:
            while (end := held.find(b"\n", 0, 1000)) < 0:
                if len(held) > 1000:
                    raise Refusal("made the decoder fail")
                if not fill():
                    return
            try:
                head = json.loads(held[:end])
            except (ValueError, RecursionError):
                raise Refusal("made the decoder fail") from None
            size = head.get("bytes", 0) if isinstance(head, dict) else -1
            if type(size) is not int or not 0 <= size <= 1 << 26:
                raise Refusal("made the decoder fail")
            del held[: end + 1]
            while len(held) < size:
                if not fill():
                    raise Refusal("made the decoder fail")
            payload = bytes(held[:size])
            del held[:size]
            yield head, payload
