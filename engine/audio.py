"""One sound: float32 samples and their rate, and the few conversions that every engine needs."""

from __future__ import annotations

import hashlib
import io
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Audio:
    """`samples`: float32 [channels, frames], full scale is [-1, 1]. `rate`: frames per second, Hz."""

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, dtype=np.float32)
        if samples.ndim == 1:
            samples = samples[None]
        if samples.ndim != 2 or samples.shape[0] < 1:
            raise ValueError(f"samples must be [channels, frames], got shape {samples.shape!r}")
        if self.rate <= 0:
            raise ValueError(f"rate must be above 0 Hz, got {self.rate!r}")
        object.__setattr__(self, "samples", np.ascontiguousarray(samples))

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def frames(self) -> int:
        return self.samples.shape[1]

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    @property
    def peak(self) -> float:
        """Largest absolute sample, 0 for no samples."""
        return float(np.abs(self.samples).max()) if self.frames else 0.0

    def sha256(self) -> str:
        """Names this very sound: over rate, channel count and float32 samples."""
        digest = hashlib.sha256(f"{self.rate} Hz {self.channels} channels\n".encode())
        digest.update(self.samples.data)
        return digest.hexdigest()

    def mono(self) -> Audio:
        """The mean of all channels."""
        return self if self.channels == 1 else Audio(self.samples.mean(axis=0, keepdims=True), self.rate)

    def stereo(self) -> Audio:
        """Two channels: a mono sound twice, or the first two of several."""
        if self.channels == 2:
            return self
        return Audio(self.samples[[0, 0]] if self.channels == 1 else self.samples[:2], self.rate)

    def resample(self, rate: int) -> Audio:
        """The same sound at `rate` Hz (soxr, high quality). Needs the package soxr only when the rate differs."""
        if rate == self.rate:
            return self
        import soxr

        return Audio(soxr.resample(self.samples.T, self.rate, rate).T, rate)

    def part(self, start_s: float, end_s: float) -> Audio:
        return Audio(self.samples[:, round(start_s * self.rate) : round(end_s * self.rate)], self.rate)

    def chunks(self, seconds: float, *, paced: bool = False) -> Iterator[Audio]:
        """Consecutive pieces of `seconds`; with `paced`, each no earlier than a live microphone would deliver it."""
        step, began = max(1, round(seconds * self.rate)), time.perf_counter()
        for start in range(0, self.frames, step):
            chunk = Audio(self.samples[:, start : start + step], self.rate)
            if paced:
                due = began + (start + chunk.frames) / self.rate
                time.sleep(max(0.0, due - time.perf_counter()))
            yield chunk

    def to_pcm16(self) -> bytes:
        """Interleaved little-endian 16-bit PCM; what exceeds full scale is clipped."""
        return (np.clip(self.samples.T, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()

    @staticmethod
    def from_pcm16(pcm: bytes, rate: int, channels: int = 1) -> Audio:
        """Interleaved little-endian 16-bit PCM; a trailing half frame is an error of the sender and raises ValueError."""
        if len(pcm) % (2 * channels):
            raise ValueError(f"{len(pcm)} bytes are not a whole number of {channels}-channel 16-bit frames")
        return Audio(np.frombuffer(pcm, "<i2").reshape(-1, channels).T.astype(np.float32) / 32768.0, rate)

    def to_wav(self, *, floats: bool = False) -> bytes:
        """A WAV file: 16-bit PCM (what vendors take), or with `floats` the exact float32 samples."""
        data = self.samples.T.astype("<f4").tobytes() if floats else self.to_pcm16()
        width = 4 if floats else 2
        layout = struct.pack(
            "<HHIIHH",
            3 if floats else 1,
            self.channels,
            self.rate,
            self.rate * self.channels * width,
            self.channels * width,
            8 * width,
        )
        body = b"WAVE" + b"fmt " + struct.pack("<I", len(layout)) + layout
        if floats:  # the WAV specification asks for a frame count beside any format but PCM
            body += b"fact" + struct.pack("<II", 4, self.frames)
        body += b"data" + struct.pack("<I", len(data)) + data
        return b"RIFF" + struct.pack("<I", len(body)) + body

    @staticmethod
    def decode(data: bytes) -> Audio:
        """Audio bytes of any container that PyAV reads. For answers of vendors; people's files go through the intake.

        Raises ValueError when the bytes hold no audio.
        """
        import av

        try:
            with av.open(io.BytesIO(data), metadata_errors="replace") as container:
                stream = container.streams.audio[0]
                rate, blocks = stream.rate, []
                resampler = av.AudioResampler(format="fltp", rate=rate)
                for frame in container.decode(stream):
                    blocks += [out.to_ndarray() for out in resampler.resample(frame)]
                blocks += [out.to_ndarray() for out in resampler.resample(None)]
        except (av.FFmpegError, IndexError) as error:
            raise ValueError(f"the {len(data)} bytes received are not audio") from error
        if not blocks:
            raise ValueError(f"the {len(data)} bytes received hold no audio samples")
        return Audio(np.concatenate(blocks, axis=1), rate)

    @staticmethod
    def join(parts: list[Audio]) -> Audio:
        """Consecutive chunks as one sound. Raises ValueError when rates or channel counts differ."""
        shapes = {(part.rate, part.channels) for part in parts}
        if len(shapes) != 1:
            raise ValueError(f"chunks must share one rate and channel count, got {sorted(shapes)!r}")
        return Audio(np.concatenate([part.samples for part in parts], axis=1), parts[0].rate)
