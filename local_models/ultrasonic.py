"""Ultrasonic calls, such as those of bats and mice, found by loudness above 20 kHz: classical, names no species."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.contract import BadInput, Classify, Engine, EngineSpec, Facts, Needs, Piece, Tag

LOWEST_HZ, HIGHEST_HZ = 20_000.0, 120_000.0
LOWEST_RATE = 96_000
_WINDOW_S, _STEP_S = 0.002, 0.001
_ABOVE_DB = 12.0
"""How far a moment must rise over the recording's median in the band."""
_SHORTEST_S, _GAP_S = 0.003, 0.010
"""A call lasts at least so long; two that lie nearer are one."""
_BLOCK_S = 10.0


class UltrasonicCalls(Engine):
    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per call, loudest first, at most `top_k`: its strongest frequency, start and end.

        The score is how far it rises over the median, 0 at 12 dB and 1 from 60 dB on. Where nothing rises, one tag "no calls".
        Raises BadInput for a recording that holds no ultrasound.
        """
        audio = request.audio.mono()
        if audio.rate < LOWEST_RATE:
            raise BadInput(
                f"{self.spec.id} needs a recording at 96,000 Hz or more; "
                f"{audio.rate:,} Hz holds nothing above {audio.rate / 2000:g} kHz"
            )
        level_db, strongest_hz = self._band(audio.samples[0], audio.rate)
        over_db = level_db - np.median(level_db)
        calls = sorted(self._calls(over_db, strongest_hz), key=lambda call: -call[2])
        yield Facts(device="cpu", dtype="float32", model=self.spec.model)
        for start_s, end_s, peak_db, hertz in calls[: request.top_k]:
            score = float(np.clip((peak_db - _ABOVE_DB) / (60 - _ABOVE_DB), 0, 1))
            yield Tag(f"call at {hertz / 1000:.0f} kHz", score, start_s, min(end_s, audio.seconds))
        if not calls:
            yield Tag("no calls", 1.0, 0.0, audio.seconds)

    def _band(self, samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
        """Level in dB of the band's strongest bin, and its frequency, every millisecond."""
        from scipy.signal import ShortTimeFFT
        from scipy.signal.windows import hann

        size, hop = round(_WINDOW_S * rate), round(_STEP_S * rate)
        transform = ShortTimeFFT(hann(size, sym=False), hop, rate)
        inside = (transform.f >= LOWEST_HZ) & (transform.f <= HIGHEST_HZ)
        levels, hertz, block = [], [], round(_BLOCK_S * rate) // hop * hop
        for start in range(0, len(samples), block):
            part = samples[start : start + block]
            if len(part) < size:
                part = np.pad(part, (0, size - len(part)))
            steps = -(-len(part) // hop)
            power = np.abs(transform.stft(part, p0=0, p1=steps)[inside]) ** 2
            best = power.argmax(axis=0)
            levels.append(10 * np.log10(power[best, np.arange(power.shape[1])] + 1e-14))
            hertz.append(transform.f[inside][best])
        return np.concatenate(levels), np.concatenate(hertz)

    @staticmethod
    def _calls(over_db: np.ndarray, hertz: np.ndarray) -> Iterator[tuple[float, float, float, float]]:
        """(start_s, end_s, peak_db, hertz at the peak) of each stretch that rises far enough for long enough."""
        loud = np.flatnonzero(over_db > _ABOVE_DB)
        if not loud.size:
            return
        for stretch in np.split(loud, np.flatnonzero(np.diff(loud) > _GAP_S / _STEP_S) + 1):
            first, last = stretch[0], stretch[-1] + 1
            if (last - first) * _STEP_S >= _SHORTEST_S:
                peak = first + int(over_db[first:last].argmax())
                yield first * _STEP_S, last * _STEP_S, float(over_db[peak]), float(hertz[peak])


ENGINES = [
    EngineSpec(
        id="ultrasonic/calls",
        task="tagging",
        name="Ultrasonic calls",
        vendor="Soundcheck",
        system="Ultrasonic call detector baseline (DeepSqueak stand-in)",
        engine=UltrasonicCalls,
        where="local",
        model="loudness above 20 kHz",
        license_code="Apache-2.0",
        license_weights=None,
        languages=(),
        summary="Classical: calls from 20 to 120 kHz, found by loudness, with their frequency. No species. Needs 96 kHz or more.",
        docs_url=None,
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(packages=("scipy",), memory_gb=0.5),
        tier="baseline",
        packages=("scipy", "numpy"),
        # Most recordings hold no ultrasound, and it refuses those.
        extra={"preselected": False},
    )
]
