"""Piper speaks a voice file that says how long it was asked to speak: a tone of 256 samples per phoneme."""

import json

import numpy as np
import pytest
import tiny_onnx
from built import built

from engine.worker import WorkerError
from local_models import piper

PHONEMES = " abcdefghijklmnopqrstuvwxyzɡɔɹŋɪəʊˈˌːɜ,.ʌɐʔθðʃʒæɑɛ!?ɚɾ"


def saved(folder, *, speakers=1, way="espeak"):
    """A voice whose ONNX model is a sine of phonemes x length scale x 256 samples, and its configuration."""
    numbers = {mark: [number] for number, mark in enumerate("_^$" + PHONEMES)}
    config = {
        "audio": {"sample_rate": 16_000}, "espeak": {"voice": "en-us"}, "phoneme_type": way, "num_symbols": len(numbers),
        "num_speakers": speakers, "speaker_id_map": {"p1": 0, "p2": 1} if speakers > 1 else {}, "phoneme_id_map": numbers,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
    }  # fmt: skip
    (folder / "en_XX-tiny-low.onnx.json").write_text(json.dumps(config))
    pitch = ["sid"] if speakers > 1 else []
    nodes = [
        tiny_onnx.node("Gather", ["scales", "one_int"], ["scale"]),
        tiny_onnx.node("Cast", ["input_lengths"], ["phonemes"], to=1),
        tiny_onnx.node("Mul", ["phonemes", "scale"], ["stretched"]),
        tiny_onnx.node("Mul", ["stretched", "hop"], ["many"]),
        tiny_onnx.node("Squeeze", ["many"], ["frames"]),
        tiny_onnx.node("Range", ["zero", "frames", "one"], ["time"]),
        *([tiny_onnx.node("Cast", ["sid"], ["number"], to=1)] if pitch else []),
        tiny_onnx.node("Add", ["number" if pitch else "none", "one"], ["voice"]),
        tiny_onnx.node("Mul", ["time", "step"], ["angle"]),
        tiny_onnx.node("Mul", ["angle", "voice"], ["pitched"]),
        tiny_onnx.node("Sin", ["pitched"], ["wave"]),
        tiny_onnx.node("Unsqueeze", ["wave", "axes"], ["output"]),
    ]
    constants = {
        "one_int": np.array([1], np.int64), "hop": np.array([256], np.float32), "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32), "none": np.array([0], np.float32), "step": np.array([0.1], np.float32),
        "axes": np.array([0, 1, 2], np.int64),
    }  # fmt: skip
    inputs = {
        "input": (tiny_onnx.INT64, (1, "T")), "input_lengths": (tiny_onnx.INT64, (1,)), "scales": (tiny_onnx.FLOAT, (3,)),
        **dict.fromkeys(pitch, (tiny_onnx.INT64, (1,))),
    }  # fmt: skip
    tiny_onnx.save(folder / "en_XX-tiny-low.onnx", nodes, inputs, {"output": (tiny_onnx.FLOAT, (1, 1, 1, "N"))}, constants)
    return str(folder)


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
