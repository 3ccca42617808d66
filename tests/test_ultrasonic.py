"""Calls above hearing are found where they are, at their own frequency; ordinary recordings are refused."""

import numpy as np
import pytest

from engine.audio import Audio
from engine.contract import BadInput, Classify, Tag
from local_models import ultrasonic

RATE = 250_000
ENGINE = ultrasonic.UltrasonicCalls(ultrasonic.ENGINES[0])


def recording(seconds, calls, noise=1e-3):
    """Quiet noise with calls (start_s, length_s, hertz)."""
    samples = np.random.default_rng(0).normal(0, noise, int(seconds * RATE)).astype(np.float32)
    for start_s, length_s, hertz in calls:
        first, count = int(start_s * RATE), int(length_s * RATE)
        samples[first : first + count] += 0.1 * np.sin(2 * np.pi * hertz * np.arange(count) / RATE)
    return Audio(samples[None], RATE)


def tags(audio, **settings):
    return [piece for piece in ENGINE.run(Classify(audio, **settings), 60) if isinstance(piece, Tag)]


def test_calls_are_found_with_time_and_frequency():
    found = sorted(tags(recording(2.0, [(0.3, 0.02, 52_000), (1.2, 0.03, 80_000)])), key=lambda tag: tag.start_s)
    assert [tag.label for tag in found] == ["call at 52 kHz", "call at 80 kHz"]
    assert [tag.start_s for tag in found] == pytest.approx([0.3, 1.2], abs=0.004)
    assert [tag.end_s - tag.start_s for tag in found] == pytest.approx([0.02, 0.03], abs=0.006)


def test_a_call_across_two_blocks_keeps_its_place():
    found = tags(recording(21.0, [(19.99, 0.02, 40_000)]))
    assert [tag.label for tag in found] == ["call at 40 kHz"]
    assert found[0].start_s == pytest.approx(19.99, abs=0.004)


def test_noise_and_sound_below_the_band_are_no_calls():
    assert [tag.label for tag in tags(recording(1.0, []))] == ["no calls"]
    assert [tag.label for tag in tags(recording(1.0, [(0.2, 0.5, 5_000)], noise=1e-2))] == ["no calls"]


def test_top_k_keeps_the_loudest():
    assert len(tags(recording(1.0, [(0.1, 0.02, 30_000), (0.5, 0.02, 60_000)]), top_k=1)) == 1


def test_a_recording_without_ultrasound_is_refused():
    with pytest.raises(BadInput, match=r"needs a recording at 96,000 Hz or more; 16,000 Hz holds nothing above 8 kHz"):
        tags(Audio(np.zeros((1, 16_000), np.float32), 16_000))
