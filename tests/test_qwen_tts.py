"""Qwen3-TTS speaks small random checkpoints of its three kinds, and each says whose voice it needs to know."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny
from built import built, interpreter_of

from engine.worker import WorkerError
from local_models import qwen_tts

SENTENCE = "Hi."


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with the checkpoints, made by the environment's own Python."""
    folder = tmp_path_factory.mktemp("qwen")
    maker = Path(__file__).with_name("tiny_qwen_tts.py")
    subprocess.run([interpreter_of(qwen_tts.ENGINES[0]), maker, folder], check=True, capture_output=True)
    return folder


@pytest.mark.isolated
def test_given_voices_speak_the_same_way_again_in_the_language_asked_for(saved):
    with built(qwen_tts.own(str(saved / "custom_voice"))) as voice:
        first, again = voice.sound(SENTENCE), voice.sound(SENTENCE)
        assert (first.rate, first.channels) == (24_000, 1)
        assert np.array_equal(first.samples, again.samples)
        sent = voice.facts(SENTENCE, voice="ryan", language="zh-CN", instructions="Whisper.").sent
        assert (sent["voice"], sent["language"], sent["instructions"]) == ("Ryan", "chinese", "Whisper.")
        assert voice.facts("Good morning, quiet world. " * 20).sent["passages"] == 2
        for settings, sentence in (
            ({"voice": "nobody"}, "has no voice 'nobody'; it has Vivian, Ryan"),
            ({"language": "fr"}, "does not speak 'fr'"),
            ({"reference": tiny.tone(2.0)}, "takes no reference"),
        ):
            with pytest.raises(WorkerError, match=sentence):
                voice.sound(SENTENCE, **settings)


@pytest.mark.isolated
def test_a_reference_is_followed_with_and_without_its_words(saved):
    with built(qwen_tts.own(str(saved / "base"))) as voice:
        plain = voice.sound(SENTENCE, reference=tiny.tone(2.0, 44_100, channels=2))
        told = voice.sound(SENTENCE, reference=tiny.tone(2.0), reference_text="A tone.")
        assert plain.frames > 0 and told.frames > 0
        assert not np.array_equal(plain.samples, told.samples)
        with pytest.raises(WorkerError, match="needs reference to know whose voice"):
            voice.sound(SENTENCE)


@pytest.mark.isolated
def test_a_voice_is_made_from_its_description(saved):
    with built(qwen_tts.own(str(saved / "voice_design"))) as voice:
        assert voice.sound(SENTENCE, instructions="A low, slow voice.").frames > 0
        with pytest.raises(WorkerError, match="needs instructions"):
            voice.sound(SENTENCE)
