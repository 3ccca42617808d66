"""Coqui TTS speaks small random checkpoints: Tacotron 2 with and without a vocoder, VITS, XTTS with a reference."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny
from built import built, interpreter_of
from tiny_speech import speaker

from engine import weights
from engine.audio import Audio
from engine.worker import WorkerError
from local_models import coqui

SENTENCE = "Good morning, quiet world."


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with the checkpoints, made by the environment's own Python."""
    folder = tmp_path_factory.mktemp("coqui")
    maker = Path(__file__).with_name("tiny_coqui.py")
    subprocess.run([interpreter_of(coqui.ENGINES[0]), maker, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def xtts(saved):
    with built(coqui.own(str(saved / "xtts"))) as voice:
        yield voice


@pytest.mark.isolated
def test_a_vocoder_is_what_makes_the_sound(saved, tmp_path, monkeypatch):
    """The published engine, its two archives laid where `prepare` would have unpacked them."""
    python = interpreter_of(coqui.ENGINES[0])
    spec = next(spec for spec in coqui.ENGINES if spec.id == "coqui/tacotron2-ddc-melgan")
    monkeypatch.setenv("SOUNDCHECK_HOME", str(tmp_path))
    (tmp_path / "environments").symlink_to(python.parents[2], target_is_directory=True)
    (tmp_path / "weights").mkdir()
    for download, name in zip(spec.needs.downloads, ("tacotron", "melgan"), strict=True):
        (tmp_path / "weights" / weights._address_path(download.source).name).symlink_to(saved / name)
    with speaker(spec) as voice:
        sound = voice.sound(SENTENCE)
        assert (sound.rate, sound.channels) == (22_050, 1)
        assert sound.frames > 10_000


@pytest.mark.isolated
def test_tacotron_is_heard_through_griffin_lim_and_says_what_it_cannot(saved):
    with built(coqui.own(str(saved / "tacotron"))) as voice:
        first, again = voice.sound(SENTENCE), voice.sound(SENTENCE)
        assert (first.rate, first.channels) == (22_050, 1)
        assert np.array_equal(first.samples, again.samples)
        assert "Left out, for the model has no sound for them: 世, 界" in voice.facts("Good morning 世界.").notice
        for settings, sentence in (
            ({"speed": 2.0}, "has no speed to set"),
            ({"voice": "p1"}, "has no voice 'p1'"),
            ({"reference": tiny.tone(3.0)}, "cannot speak with a reference voice"),
        ):
            with pytest.raises(WorkerError, match=sentence):
                voice.sound(SENTENCE, **settings)


@pytest.mark.isolated
def test_vits_lets_a_voice_and_a_speed_be_chosen(saved):
    with built(coqui.own(str(saved / "vits"))) as voice:
        first, slow = voice.sound(SENTENCE), voice.sound(SENTENCE, speed=0.5)
        assert slow.frames > first.frames
        assert voice.facts(SENTENCE).sent["voice"] == "p1"
        assert voice.facts(SENTENCE, voice="P2").sent["voice"] == "p2"
        with pytest.raises(WorkerError, match="found nothing in this text"):
            voice.sound("世界")


@pytest.mark.isolated
def test_xtts_speaks_with_its_own_voice_or_a_reference_but_not_with_both(xtts):
    own, cloned = xtts.sound(SENTENCE), xtts.sound(SENTENCE, reference=tiny.tone(3.0, 44_100, channels=2))
    assert own.rate == cloned.rate == 24_000
    assert own.frames > 0 and cloned.frames > 0
    assert xtts.facts(SENTENCE).sent["voice"] == "Nobody"
    assert xtts.facts(SENTENCE, reference=tiny.tone(3.0)).sent["voice"] == "reference"
    with pytest.raises(WorkerError, match="not with both"):
        xtts.sound(SENTENCE, voice="Nobody", reference=tiny.tone(3.0))


@pytest.mark.isolated
def test_xtts_refuses_languages_and_references_that_it_cannot_use(xtts):
    assert xtts.facts("Guten Morgen.", language="de-DE").sent["language"] == "de"
    for settings, sentence in (
        ({"language": "ja"}, "does not speak 'ja'"),
        ({"reference": tiny.tone(0.5)}, "1 to 30 s of the reference voice, not 0.5 s"),
        ({"reference": Audio(np.zeros((1, 48_000), np.float32), 16_000)}, "hears nothing"),
    ):
        with pytest.raises(WorkerError, match=sentence):
            xtts.sound(SENTENCE, **settings)


@pytest.mark.isolated
def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(WorkerError, match="holds no config.json"), built(coqui.own(str(tmp_path))):
        pass
