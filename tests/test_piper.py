"""Piper speaks a voice file that says how long it was asked to speak: a tone of 256 samples per phoneme."""

import numpy as np
import pytest
from built import built
from tiny_piper import saved

from engine.worker import WorkerError
from local_models import piper


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    with built(piper.own(saved(tmp_path_factory.mktemp("voice")))) as speaker:
        yield speaker


@pytest.mark.isolated
def test_a_longer_text_lasts_longer_and_each_sentence_is_a_piece(voice):
    short = voice.sound("Good morning.")
    assert (short.rate, short.channels) == (16_000, 1)
    assert voice.sound("Good morning, quiet world.").frames > short.frames
    assert voice.facts("Good morning. Good morning. Good morning.").sent["sentences"] == 3
    assert np.isclose(voice.sound("Good morning. Good morning.").frames, 2 * short.frames, rtol=0.2)


@pytest.mark.isolated
def test_twice_the_speed_takes_half_the_time(voice):
    assert np.isclose(voice.sound("Good morning.", speed=2.0).frames, voice.sound("Good morning.").frames / 2, atol=2)


@pytest.mark.isolated
def test_a_chapter_is_spoken_in_sentences_and_brackets_are_no_command(voice):
    assert voice.facts("All is quiet here tonight. " * 200).sent["sentences"] == 200
    assert voice.sound("He said [[a]] twice.").frames > voice.sound("He said twice.").frames
    assert voice.worker.versions["piper-tts"] == "1.8.0"


@pytest.mark.isolated
def test_what_cannot_be_said_or_chosen_is_refused(voice):
    with pytest.raises(WorkerError, match="found nothing in this text that it can say aloud"):
        voice.sound("... !!!")
    with pytest.raises(WorkerError, match="has no voice 'p1'"):
        voice.sound("Good morning.", voice="p1")


@pytest.mark.isolated
def test_a_voice_of_many_speakers_lets_one_be_chosen(tmp_path):
    with built(piper.own(saved(tmp_path, speakers=2))) as voice:
        first, second = voice.sound("Good morning."), voice.sound("Good morning.", voice="P2")
        assert first.frames == second.frames
        assert not np.array_equal(first.samples, second.samples)
        assert voice.facts("Good morning.").sent["voice"] == "p1"


@pytest.mark.isolated
@pytest.mark.parametrize(("way", "sentence"), [("pinyin", "spelled by 'pinyin'"), (None, "wants one voice")])
def test_a_folder_without_a_usable_voice_is_refused(tmp_path, way, sentence):
    with pytest.raises(WorkerError, match=sentence), built(piper.own(saved(tmp_path, way=way) if way else str(tmp_path))):
        pass
