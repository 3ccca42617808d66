"""Kokoro in ONNX Runtime: the package's own path from text over phonemes to sound, with a graph that hums for each phoneme."""

import numpy as np
import pytest
import tiny_onnx
from tiny_speech import hub_with, speaker

from engine import weights
from engine.audio import Audio
from engine.worker import WorkerError
from local_models import kokoro_onnx

SPEC = kokoro_onnx.ENGINES[0]
SENTENCE = "Good morning, quiet world."


def save_hum(file):
    """Each token becomes 600 / speed samples whose height follows the token and the voice."""
    node, real, whole = tiny_onnx.node, tiny_onnx.FLOAT, tiny_onnx.INT64
    tiny_onnx.save(
        file,
        [
            node("Cast", ["tokens"], ["numbers"], to=real),
            node("ReduceMean", ["style"], ["height"], keepdims=0),
            node("Mul", ["numbers", "height"], ["wave"]),
            node("Div", ["length", "speed"], ["longer"]),
            node("Cast", ["longer"], ["repeats"], to=whole),
            node("Concat", ["one", "repeats"], ["tiles"], axis=0),
            node("Tile", ["wave", "tiles"], ["audio"]),
        ],
        {"tokens": (whole, (1, "tokens")), "style": (real, (1, 256)), "speed": (real, (1,))},
        {"audio": (real, (1, "samples"))},
        {"length": np.array([600.0], np.float32), "one": np.array([1])},
    )


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    root = tmp_path_factory.mktemp("kokoro")
    with hub_with(root, {}):
        graph, voices = (weights._address_path(download.source) for download in SPEC.needs.downloads)
        graph.parent.mkdir(parents=True)
        save_hum(graph)
        with voices.open("wb") as file:
            np.savez(
                file,
                **{
                    name: np.full((510, 1, 256), 0.001 * (1 + number), np.float32)
                    for number, name in enumerate(("af_heart", "bf_emma", "ff_siwis", "jf_alpha"))
                },
            )
        with speaker(SPEC) as voice:
            yield voice


def test_a_sentence_becomes_sound_at_24_khz(voice):
    sound = voice.sound(SENTENCE)
    assert sound.rate == 24_000
    assert sound.seconds > 0.3
    assert voice.facts(SENTENCE).sent == {"voice": "af_heart", "lang": "en-us", "speed": 1.0, "passages": 1}


def test_double_speed_lasts_half_as_long(voice):
    assert voice.sound(SENTENCE, speed=2.0).seconds == pytest.approx(voice.sound(SENTENCE).seconds / 2, rel=0.2)
    with pytest.raises(WorkerError, match="speaks at speeds from 0.5 to 2.0, not 3.0"):
        voice.pieces(SENTENCE, speed=3.0)


def test_a_voice_speaks_its_own_language_and_a_language_picks_its_voice(voice):
    assert voice.facts("Bonjour.", voice="ff_siwis").sent["lang"] == "fr-fr"
    assert voice.facts("Bonjour.", language="fr").sent["voice"] == "ff_siwis"
    assert voice.facts(SENTENCE, language="en-GB").sent["lang"] == "en-gb"
    assert voice.sound(SENTENCE, voice="bf_emma").peak > 1.5 * voice.sound(SENTENCE).peak


def test_what_it_cannot_speak_is_refused_with_what_it_can(voice):
    with pytest.raises(WorkerError, match="does not speak 'ja'; it speaks en-us, en-gb, es, fr-fr, hi, it, pt-br"):
        voice.pieces(SENTENCE, language="ja")
    with pytest.raises(WorkerError, match="has no voice 'jf_alpha'; it has af_heart, bf_emma, ff_siwis"):
        voice.pieces(SENTENCE, voice="jf_alpha")
    with pytest.raises(WorkerError, match="found nothing in this text that it can say aloud"):
        voice.pieces("…")


def test_a_chapter_comes_passage_by_passage_with_pauses_between(voice):
    sounds = [piece for piece in voice.pieces(" ".join([SENTENCE] * 20)) if isinstance(piece, Audio)]
    assert len(sounds) == 3
    pause = int(kokoro_onnx.PAUSE_S * 24_000)
    assert not sounds[1].samples[:, :pause].any() and sounds[0].samples[:, :pause].any()


def test_every_precision_is_a_file_of_the_release_and_its_voices_have_a_speller():
    assert len({spec.model for spec in kokoro_onnx.ENGINES}) == 3
    for spec in kokoro_onnx.ENGINES:
        assert spec.needs.downloads[0].source.endswith(spec.model)
        assert {name[0] for name in spec.voices} == set(kokoro_onnx.SPELLERS)
