"""faster-whisper reads a CTranslate2 folder made from a small checkpoint, and says its sentence for every window."""

import dataclasses
import shutil

import numpy as np
import pytest
import tiny
import tiny_whisper

from engine.audio import Audio
from engine.contract import BadInput, Facts, NotReady, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from local_models import faster_whisper

CLIP = Audio(np.random.default_rng(0).normal(0, 0.1, 3 * 16_000), 16_000)
LONG = Audio(np.tile(CLIP.samples, 15), 16_000)
SAYS = "Guten Tag, schöne Welt."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from ctranslate2.converters import TransformersConverter
    from transformers import WhisperFeatureExtractor

    # Every window is said to be full, so that the sequential decoder goes on with the next one.
    saved = tiny_whisper.save(tmp_path_factory.mktemp("hub"), f" {SAYS}", language="de", seconds=30.0)
    WhisperFeatureExtractor().save_pretrained(saved)
    made = tmp_path_factory.mktemp("converted") / "tiny-ct2"
    TransformersConverter(str(saved), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(str(made))
    return made


def loaded(spec):
    engine = spec.engine(spec)
    engine.load()
    return engine


@pytest.fixture(scope="module")
def engine(folder):
    # This checkpoint goes by position, and earlier text in front would move it on; the distilled ones are never given any.
    spec = faster_whisper.own(str(folder))
    return loaded(dataclasses.replace(spec, extra=spec.extra | {"distilled": True}))


def pieces(engine, sound=CLIP, **how):
    return list(engine.run(Transcribe(sound, **how), 60.0))


def heard(engine, sound=CLIP, **how):
    return TASKS["asr"].join(pieces(engine, sound, **how))


def test_it_runs_in_a_process_of_its_own_from_any_rate_and_channel_count(folder):
    output = tiny.answer(faster_whisper.own(str(folder)), Transcribe(CLIP.resample(44_100).stereo(), word_times=True))
    assert (output.text, output.language) == (SAYS, "de")
    assert [word.text for word in output.words] == SAYS.split()


def test_two_windows_are_heard_whole_with_a_hypothesis_each_and_words_in_order(engine):
    asked = pieces(engine, LONG, word_times=True)
    texts = [piece for piece in asked if isinstance(piece, Text)]
    assert [text.text for text in texts] == [SAYS, f"{SAYS} {SAYS}", f"{SAYS} {SAYS}"]
    assert [text.final for text in texts] == [False, False, True]
    words = texts[-1].words
    assert [word.text for word in words] == SAYS.split() * 2
    starts = [word.start_s for word in words]
    assert starts == sorted(starts) and starts[3] < 30 <= starts[4]
    assert all(0 <= word.start_s <= word.end_s <= LONG.seconds and 0 <= word.confidence <= 1 for word in words)


def test_a_batched_engine_hears_every_window_with_word_times_in_place(folder):
    spec = dataclasses.replace(faster_whisper.own(str(folder)), engine=faster_whisper.BatchedFasterWhisper)
    engine = loaded(spec)
    output = heard(engine, Audio(np.tile(CLIP.samples, 45), 16_000), word_times=True)
    assert output.text == " ".join([SAYS] * 5)
    starts = [word.start_s for word in output.words]
    assert starts == sorted(starts) and starts[-1] > 105
    assert heard(engine).text == SAYS


def test_the_same_sound_gives_the_same_answer_again(engine):
    assert heard(engine, LONG) == heard(engine, LONG)


def test_the_language_asked_for_replaces_detection_and_an_unknown_one_is_refused(engine):
    assert heard(engine, language="fr-CA").language == "fr"
    with pytest.raises(Unsupported, match="faster_whisper/own-tiny-ct2.* does not know the language 'tlh'"):
        heard(engine, language="tlh")


def test_names_and_terms_reach_the_decoder_before_its_start_token(engine):
    # The checkpoint goes by position, so terms put in front take letters off the sentence.
    asked = pieces(engine, prompt="Ab")
    text = TASKS["asr"].join(asked).text
    assert text != SAYS and SAYS.endswith(text)
    assert asked[-1].sent["hotwords"] == "Ab"


def test_names_and_terms_that_do_not_fit_or_imitate_marks_are_refused(engine):
    with pytest.raises(BadInput, match="of up to 223 tokens"):
        heard(engine, prompt="word " * 100)
    with pytest.raises(BadInput, match="hold the mark"):
        heard(engine, prompt="<|endoftext|>")


def test_eight_bit_weights_run_as_such_and_the_facts_say_so(folder):
    spec = dataclasses.replace(faster_whisper.own(str(folder)), extra={"format": "int8", "distilled": True})
    facts = next(piece for piece in pieces(loaded(spec)) if isinstance(piece, Facts))
    assert (facts.device, facts.dtype.partition("_")[0]) == ("cpu", "int8") or facts.device == "cuda"
    assert facts.sent["condition_on_previous_text"] is False
    assert facts.threads >= 1


def test_a_folder_without_weights_and_a_device_that_is_not_there_are_refused(folder, tmp_path, monkeypatch):
    shutil.copy(folder / "config.json", tmp_path)
    with pytest.raises(NotReady, match=r"holds no model.bin, so it is no CTranslate2 folder"):
        loaded(faster_whisper.own(str(tmp_path)))
    monkeypatch.setenv("SOUNDCHECK_DEVICE", "mps")
    with pytest.raises(NotReady, match="cannot run on 'mps': SOUNDCHECK_DEVICE may be"):
        loaded(faster_whisper.own(str(folder)))


def test_the_first_run_without_weights_names_the_command_that_fetches_them(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotReady, match=r"run `python -m comparisons prepare faster_whisper/tiny-int8`"):
        loaded(faster_whisper.ENGINES[0])


def test_a_gated_engine_says_so_and_names_its_licence():
    (pingala,) = (spec for spec in faster_whisper.ENGINES if spec.system == "Shunya Pingala V1")
    assert pingala.needs.gated and "RAIL-M" in pingala.consent
