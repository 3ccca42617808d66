"""The separators pull clicks and tones apart, keep rate, channels and length, and their stems add up to the mix."""

import numpy as np
import pytest

from engine.audio import Audio
from engine.contract import BadInput, Separate
from engine.tasks import TASKS
from local_models import spectral


@pytest.fixture(scope="module", params=spectral.ENGINES, ids=[spec.id for spec in spectral.ENGINES])
def engine(request):
    engine = request.param.engine(request.param)
    engine.load()
    return engine


def tone_and_clicks(rate=22_050, seconds=5.0):
    """Two steady chords left of the middle, noise clicks twice a second right of it: float32 [2, frames] each."""
    t = np.arange(round(rate * seconds)) / rate
    chance = np.random.default_rng(1)
    tone = sum(0.15 / k * np.sin(2 * np.pi * 220 * k * t) for k in (1, 2, 3, 4)) + 0.1 * np.sin(2 * np.pi * 329.6 * t)
    clicks = np.zeros_like(t)
    for start in range(0, len(t), rate // 2):
        length = min(rate // 20, len(t) - start)
        clicks[start : start + length] = 0.4 * chance.standard_normal(length) * np.exp(-np.arange(length) / (0.01 * rate))
    place = np.array([[0.9, 0.5], [0.4, 0.8]])
    return tuple(np.outer(place[:, k], source).astype(np.float32) for k, source in enumerate((tone, clicks)))


def stems(engine, samples, rate):
    output = TASKS["separation"].join(list(engine.run(Separate(Audio(samples, rate)), 60.0)))
    return {stem.name: stem.audio for stem in output.stems}


def sdr_db(reference, estimate):
    return 10 * np.log10((reference**2).sum() / ((reference - estimate) ** 2).sum())


def null_test_db(mix, parts):
    left = mix - sum(part.samples for part in parts)
    return 10 * np.log10((left**2).sum() / (mix**2).sum() + 1e-30)


def test_clicks_and_tones_come_apart_by_more_than_three_decibels(engine):
    tone, clicks = tone_and_clicks()
    steady, struck = stems(engine, tone + clicks, 22_050).values()
    assert sdr_db(clicks, struck.samples) > sdr_db(clicks, tone + clicks) + 3
    assert sdr_db(tone, steady.samples) > sdr_db(tone, tone + clicks) + 3


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(8_000, 1, 2.0), (44_100, 2, 1.01), (48_000, 2, 0.5), (96_000, 1, 1.0)]
)
def test_stems_keep_the_mix_s_shape_and_add_up_to_it(engine, rate, channels, seconds):
    mix = sum(tone_and_clicks(rate, seconds))[:channels]
    parts = stems(engine, mix, rate).values()
    assert all(part.rate == rate and part.samples.shape == mix.shape for part in parts)
    assert null_test_db(mix, parts) < -40
    assert all(part.peak > 0 for part in parts)


def test_the_stereo_picture_stays_where_it_was(engine):
    tone, clicks = tone_and_clicks()
    steady, struck = stems(engine, tone + clicks, 22_050).values()
    for part, (left, right) in ((steady, (0.9, 0.4)), (struck, (0.5, 0.8))):
        ratio = np.sqrt((part.samples[0] ** 2).sum() / (part.samples[1] ** 2).sum())
        assert ratio == pytest.approx(left / right, rel=0.15)


def test_silence_gives_silent_stems(engine):
    assert [part.peak for part in stems(engine, np.zeros((2, 22_050)), 22_050).values()] == [0.0, 0.0]


def test_the_same_mix_gives_the_same_stems(engine):
    mix = sum(tone_and_clicks(seconds=1.5))
    first, again = stems(engine, mix, 22_050), stems(engine, mix, 22_050)
    assert all(np.array_equal(first[name].samples, again[name].samples) for name in first)


def test_less_than_half_a_second_is_refused(engine):
    with pytest.raises(BadInput, match=r"needs at least 0\.5 s of sound, got 0\.25 s"):
        stems(engine, np.ones(5_000), 20_000)


def test_a_long_mix_is_done_in_blocks_that_leave_no_seam(engine, monkeypatch):
    rate, seconds, seam_s = 4_000, 85.0, 40
    tone, clicks = tone_and_clicks(rate, seconds)
    mix, lengths, split = tone + clicks, [], engine._split
    monkeypatch.setattr(engine, "_split", lambda samples, rate: lengths.append(samples.shape[1]) or split(samples, rate))
    steady, struck = stems(engine, mix, rate).values()
    assert len(lengths) == 2 and max(lengths) <= 62 * rate
    assert null_test_db(mix, (steady, struck)) < -40
    around = slice((seam_s - 3) * rate, (seam_s + 5) * rate)
    assert sdr_db(clicks[:, around], struck.samples[:, around]) > sdr_db(clicks[:, around], mix[:, around]) + 3


def test_the_stems_have_the_names_that_each_method_can_stand_for():
    names = {spec.id: spec.engine.names for spec in spectral.ENGINES}
    assert names == {
        "spectral/hpss": ("harmonic", "percussive"),
        "spectral/repet-sim": ("background", "foreground"),
        "spectral/nmf": ("harmonic", "percussive"),
    }
