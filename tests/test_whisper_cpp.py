"""whisper.cpp reads a ggml file of a small checkpoint that the test writes, and says its sentence for every window."""

import dataclasses

import numpy as np
import pytest
import tiny
import tiny_openai_whisper

from engine.audio import Audio
from engine.contract import BadInput, Facts, NotReady, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from local_models import whisper_cpp

CLIP = Audio(np.random.default_rng(0).normal(0, 0.1, 3 * 16_000), 16_000)
LONG = Audio(np.tile(CLIP.samples, 15), 16_000)
SAYS = tiny_openai_whisper.SAYS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_openai_whisper.save_ggml(tmp_path_factory.mktemp("ggml") / "ggml-small-thing.bin").parent


def loaded(folder):
    engine = whisper_cpp.WhisperCpp(whisper_cpp.own(str(folder)))
    engine.load()
    return engine


@pytest.fixture(scope="module")
def engine(folder):
    return loaded(folder)


def pieces(engine, sound=CLIP, **how):
    return list(engine.run(Transcribe(sound, **how), 60.0))


def heard(engine, sound=CLIP, **how):
    return TASKS["asr"].join(pieces(engine, sound, **how))


def test_it_runs_in_a_process_of_its_own_from_any_rate_and_channel_count(folder):
    output = tiny.answer(whisper_cpp.own(str(folder)), Transcribe(CLIP.resample(44_100).stereo(), word_times=True))
    assert (output.text, output.language) == (SAYS, "en")
    assert [word.text for word in output.words] == SAYS.split()


def test_two_windows_are_heard_whole_with_hypotheses_and_words_in_order(engine):
    asked = pieces(engine, LONG, word_times=True)
    texts = [piece for piece in asked if isinstance(piece, Text)]
    assert [text.text for text in texts] == [SAYS, f"{SAYS} {SAYS}", f"{SAYS} {SAYS}"]
    assert [text.final for text in texts] == [False, False, True]
    words = texts[-1].words
    assert [word.text for word in words] == SAYS.split() * 2
    starts = [word.start_s for word in words]
    assert starts == sorted(starts) and starts[1] < 30 <= starts[2]
    assert all(0 <= word.start_s <= word.end_s <= LONG.seconds and 0 < word.confidence <= 1 for word in words)


def test_a_setting_of_one_run_is_forgotten_by_the_next(engine):
    assert heard(engine, prompt="Ab").text != SAYS
    output = heard(engine)
    assert (output.text, output.words) == (SAYS, ())


def test_a_clip_shorter_than_a_second_is_heard_and_words_end_with_it(engine):
    output = heard(engine, Audio(CLIP.samples[:, :8_000], 16_000), word_times=True)
    assert output.text == SAYS
    assert all(word.end_s <= 0.5 for word in output.words)
    with pytest.raises(BadInput, match=r"needs at least 0.1 s of sound"):
        heard(engine, Audio(np.zeros(10), 16_000))


def test_an_english_only_file_refuses_other_languages(engine):
    assert heard(engine, language="en-US").text == SAYS
    with pytest.raises(Unsupported, match="whisper_cpp/own-.* does not know the language 'de'"):
        heard(engine, language="de")


def test_names_and_terms_that_do_not_fit_or_imitate_marks_are_refused(engine):
    with pytest.raises(BadInput, match="of up to 223 bytes"):
        heard(engine, prompt="word " * 100)
    with pytest.raises(BadInput, match="hold the mark"):
        heard(engine, prompt="<|endoftext|>")


def test_leaving_early_stops_the_decoder_and_the_engine_goes_on(engine):
    run = engine.run(Transcribe(LONG), 60.0)
    assert next(run).text == SAYS
    run.close()
    assert heard(engine).text == SAYS


def test_the_facts_say_where_it_ran_and_what_was_asked(engine):
    facts = next(piece for piece in pieces(engine, language="en") if isinstance(piece, Facts))
    assert facts.device == "cpu" and facts.threads >= 1
    assert facts.sent == {"language": "en"}


def test_the_first_distilled_models_refuse_word_times(tmp_path):
    tiny_openai_whisper.save_ggml(tmp_path / "ggml-distilled.bin", text_layers=2)
    engine = loaded(tmp_path)
    with pytest.raises(Unsupported, match="has no word times"):
        heard(engine, word_times=True)


def test_a_folder_without_one_ggml_file_is_refused(tmp_path):
    with pytest.raises(NotReady, match=r"must hold one file like 'ggml-\*.bin', and holds 0"):
        loaded(tmp_path)
    (tmp_path / "ggml-broken.bin").write_bytes(b"something else")
    with pytest.raises(NotReady, match="is no ggml file of whisper.cpp"):
        loaded(tmp_path)


def test_every_variant_names_one_file_of_one_repository():
    for spec in whisper_cpp.ENGINES:
        (download,) = spec.needs.downloads
        assert f"{download.source} {download.files[0]}" == spec.model
        assert ("q" in spec.id.rpartition("-")[2]) == ("-q" in download.files[0])
    sizes = {spec.id: spec.needs.download_gb for spec in whisper_cpp.ENGINES}
    assert sizes["whisper_cpp/base-q5_1"] < sizes["whisper_cpp/base-q8_0"] < sizes["whisper_cpp/base-f16"]
    assert dataclasses.replace(whisper_cpp.own("/x"), own=None).needs.downloads[0].files == ("ggml-*.bin",)
