"""The rules tell speech, music, noise, tone and silence apart in time, and read tempo and key off music."""

import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from engine.audio import Audio
from engine.contract import Classify, Compose, Tag
from engine.tasks import TASKS
from local_models import composer, rules
from local_models.rules import sound_types

RATE = 16_000


@pytest.fixture(scope="module")
def engine():
    engine = rules.SoundTypes(rules.ENGINES[0])
    engine.load()
    return engine


def music(prompt, duration_s=8.0, seed=4):
    spec = composer.ENGINES[0]
    player = spec.engine(spec)
    player.load()
    return TASKS["music"].join(list(player.run(Compose(prompt, duration_s, seed), 60.0))).audio


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    if not shutil.which("flite"):
        pytest.skip("flite is not installed: apt install flite")
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    text = "On Monday morning we shall meet the committee. Please bring your notes, and a pencil. It may take some time."
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(path)], check=True, capture_output=True)
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return Audio(samples.T, rate)


def noise(kind, seconds=5.0):
    """Noise whose power falls with frequency to the power 0 (white), 1 (pink) or 2 (brown), at -20 dBFS."""
    chance = np.random.default_rng(0).standard_normal(round(RATE * seconds))
    spectrum = np.fft.rfft(chance)
    spectrum /= np.maximum(20, np.arange(len(spectrum))) ** {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind]
    samples = np.fft.irfft(spectrum, len(chance))
    return Audio(0.1 * samples / samples.std(), RATE)


def tone(hertz, seconds=5.0):
    return Audio(0.3 * np.sin(2 * np.pi * hertz * np.arange(round(RATE * seconds)) / RATE), RATE)


def silence(seconds=5.0):
    return Audio(np.zeros(round(RATE * seconds)), RATE)


def share(tags, label):
    """How much of the time has this label."""
    return sum(tag.end_s - tag.start_s for tag in tags if tag.label == label) / tags[-1].end_s


def test_speech_is_speech(speech):
    assert share(sound_types(speech), "speech") > 0.7


def test_speech_under_faint_noise_is_still_speech(speech):
    hiss = np.random.default_rng(0).standard_normal(speech.frames) * np.sqrt((speech.samples**2).mean()) * 10 ** (-20 / 20)
    assert share(sound_types(Audio(speech.samples + hiss, speech.rate)), "speech") > 0.7


@pytest.mark.parametrize("prompt", ["rock", "classical", "blues", "cinematic", "folk", "reggae", "solo piano"])
def test_music_is_music(prompt):
    assert share(sound_types(music(prompt)), "music") > 0.7


@pytest.mark.parametrize("kind", ["white", "pink", "brown"])
def test_noise_of_any_colour_is_noise(kind):
    assert share(sound_types(noise(kind)), "noise") == 1.0


def test_noise_that_pulses_like_syllables_is_still_noise():
    steady = noise("white")
    pulses = 1 + 0.8 * np.sin(2 * np.pi * 4 * np.arange(steady.frames) / RATE)
    assert share(sound_types(Audio(steady.samples * pulses, RATE)), "noise") == 1.0


@pytest.mark.parametrize("hertz", [60, 440, 1_000, 5_000])
def test_a_steady_tone_is_a_tone(hertz):
    assert share(sound_types(tone(hertz)), "tone") == 1.0


def test_silence_and_hiss_below_minus_60_decibels_are_silence():
    assert share(sound_types(silence()), "silence") == 1.0
    assert share(sound_types(Audio(noise("white").samples * 0.001, RATE)), "silence") == 1.0


def test_segments_follow_each_other_without_gaps_and_find_the_changes():
    tags = sound_types(Audio.join([silence(4.0), noise("white", 6.0), tone(440, 6.3)]))
    assert tags[0].label == "silence" and tags[-1].label == "tone"
    assert tags[0].start_s == 0.0 and tags[-1].end_s == pytest.approx(16.3)
    assert all(one.end_s == other.start_s and one.label != other.label for one, other in pairwise(tags))
    noisy = max((tag for tag in tags if tag.label == "noise"), key=lambda tag: tag.end_s - tag.start_s)
    assert abs(noisy.start_s - 4) <= 1 and abs(noisy.end_s - 10) <= 2


def test_a_long_sound_is_judged_like_a_short_one_on_both_sides_of_a_minute():
    tags = sound_types(Audio.join([noise("white", 70.0), silence(70.0)]))
    assert [tag.label for tag in tags] == ["noise", "silence"]
    assert tags[0].end_s == pytest.approx(70.0, abs=1.0)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_rate_and_channels_do_not_matter(rate):
    sound = noise("pink").resample(rate)
    assert share(sound_types(Audio(np.vstack([sound.samples] * 3), rate)), "noise") == 1.0


def test_tiny_and_loud_and_empty_sounds_have_scores_between_zero_and_one():
    chance = np.random.default_rng(0)
    assert sound_types(Audio(np.zeros((1, 0)), RATE)) == []
    for samples in (np.ones(1), chance.standard_normal(300), np.ones(40_000), 4 * chance.standard_normal(40_000)):
        (tag,) = sound_types(Audio(samples, RATE))
        assert tag.label in rules.TYPES and 0 <= tag.score <= 1
        assert (tag.start_s, tag.end_s) == (0.0, pytest.approx(len(samples) / RATE))


@pytest.mark.parametrize(
    ("prompt", "bpm", "key"),
    [("rock at 100 bpm in G major", 100, "key G major"), ("techno at 128 bpm in F minor", 128, "key F minor")],
)
def test_tempo_and_key_of_music_are_read(engine, prompt, bpm, key):
    tags = [piece for piece in engine.run(Classify(music(prompt, 12.0, seed=1)), 60.0) if isinstance(piece, Tag)]
    tempo = next(tag for tag in tags if tag.label.startswith("tempo"))
    assert abs(float(tempo.label.split()[1]) - bpm) <= 3
    assert key in [tag.label for tag in tags]
    assert all(0 < tag.score <= 1 for tag in tags)
    assert [tag.score for tag in tags] == sorted((tag.score for tag in tags), reverse=True)


def test_what_is_not_music_gets_neither_tempo_nor_key(engine):
    for sound in (noise("white"), tone(440), silence()):
        tags = TASKS["tagging"].join(list(engine.run(Classify(sound), 60.0))).tags
        assert {tag.label for tag in tags} <= set(rules.TYPES)


def test_top_k_keeps_the_best(engine):
    sound = music("rock at 100 bpm in G major", 12.0, seed=1)
    everything, one = (TASKS["tagging"].join(list(engine.run(Classify(sound, top_k=top_k), 60.0))).tags for top_k in (None, 1))
    assert len(everything) >= 3 and one == everything[:1]
