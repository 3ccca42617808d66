"""Moonshine's runtime speaks a voice that says how long it was asked to speak, where its environment is built."""

import numpy as np
import pytest
import tiny_piper
from built import built

from engine.audio import Audio
from engine.worker import WorkerError
from local_models import moonshine_voice

NAME = "de_DE-thorsten-medium"
"""The runtime takes no name that its publisher does not list."""


def laid(folder):
    """A folder as the package's own download makes it: a dictionary, and a voice in the runtime's format."""
    import onnxruntime

    voices = folder / "de" / "piper-voices"
    voices.mkdir(parents=True)
    (folder / "de" / "dict.tsv").write_text("guten\tɡuːtən\nmorgen\tmɔʁɡən\n")
    tiny_piper.saved(voices, name=NAME)
    how = onnxruntime.SessionOptions()
    how.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    how.add_session_config_entry("session.save_model_format", "ORT")
    how.optimized_model_filepath = str(voices / f"{NAME}.ort")
    onnxruntime.InferenceSession(voices / f"{NAME}.onnx", how, providers=["CPUExecutionProvider"])
    return folder


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    with built(moonshine_voice.own(str(laid(tmp_path_factory.mktemp("voice"))), "tts")) as speaker:
        yield speaker


@pytest.mark.isolated
def test_each_utterance_is_a_sound_at_24_khz(voice):
    pieces = [piece for piece in voice.pieces("Guten Morgen. Guten Morgen.") if isinstance(piece, Audio)]
    assert [(piece.rate, piece.channels) for piece in pieces] == [(24_000, 1)] * 2
    assert np.array_equal(pieces[0].samples, voice.sound("Guten Morgen.").samples)
    assert voice.facts("Guten Morgen. Guten Morgen.").sent == {"speed": 1.0, "utterances": 2}


@pytest.mark.isolated
def test_twice_the_speed_takes_half_the_time(voice):
    assert np.isclose(voice.sound("Guten Morgen.", speed=2.0).frames, voice.sound("Guten Morgen.").frames / 2, atol=2)


@pytest.mark.isolated
def test_a_chapter_is_spoken_to_its_end(voice):
    assert voice.facts("Guten Morgen. " * 200).sent["utterances"] == 200


@pytest.mark.isolated
def test_a_text_of_marks_alone_is_refused(voice):
    with pytest.raises(WorkerError, match="found nothing in this text that it can say aloud"):
        voice.sound("?! …")


@pytest.mark.isolated
def test_a_folder_without_a_voice_or_with_half_of_one_is_refused(tmp_path):
    with pytest.raises(WorkerError, match="wants one voice .* and found 0"), built(moonshine_voice.own(str(tmp_path), "tts")):
        pass
    (laid(tmp_path) / "de" / "piper-voices" / f"{NAME}.ort").unlink()
    with pytest.raises(WorkerError, match="cannot be opened"), built(moonshine_voice.own(str(tmp_path), "tts")):
        pass


def test_a_voice_fetches_what_the_package_names_from_its_publisher_and_nothing_twice():
    for spec in moonshine_voice.ENGINES:
        files = [download.source for download in spec.needs.downloads]
        assert len(files) == len(set(files)) and all(file.startswith("https://download.moonshine.ai/") for file in files)
        if spec.task == "tts":
            assert spec.extra["language"].startswith(spec.languages[0])
            assert any(spec.model.partition("_")[2] in file for file in files)
