"""Whisper goes from a checkpoint folder through from_pretrained to pieces; this checkpoint says one sentence to every window."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
import tiny_whisper

from engine.audio import Audio
from engine.contract import BadInput, Facts, NotReady, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import whisper

CLIP = Audio(np.random.default_rng(0).normal(0, 0.1, 3 * 16_000), 16_000)
LONG = Audio(np.tile(CLIP.samples, 15), 16_000)
"""45 s: two windows."""


def loaded(folder, spec=whisper.ENGINES[0]):
    engine = whisper.Whisper(replace(spec, model=str(folder)))
    engine.load()
    return engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_whisper.save(tmp_path_factory.mktemp("german"), " Guten Tag, schöne Welt.", language="de")


@pytest.fixture(scope="module")
def engine(folder):
    return loaded(folder)


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    return loaded(tiny_whisper.save(tmp_path_factory.mktemp("english"), " Hello there.", language=None), whisper.ENGINES[4])


def pieces(engine, sound=CLIP, **how):
    return list(engine.run(Transcribe(sound, **how), 60.0))


def heard(engine, sound=CLIP, **how):
    return TASKS["asr"].join(pieces(engine, sound, **how))


def test_the_text_and_the_detected_language_come_out(engine):
    output = heard(engine)
    assert (output.text, output.language) == ("Guten Tag, schöne Welt.", "de")


def test_any_rate_and_channel_count_goes_in(engine):
    assert heard(engine, CLIP.resample(44_100).stereo()).text == "Guten Tag, schöne Welt."


def test_hypotheses_grow_token_by_token_without_half_characters(engine):
    texts = [piece for piece in pieces(engine) if isinstance(piece, Text)]
    assert [text.final for text in texts] == [False] * (len(texts) - 1) + [True]
    assert len(texts) > 10 and texts[0].text == "G"
    assert all("\N{REPLACEMENT CHARACTER}" not in text.text for text in texts)
    assert all("Guten Tag, schöne Welt.".startswith(text.text) for text in texts)


def test_a_clip_of_two_windows_is_heard_whole(engine):
    assert heard(engine, LONG).text == "Guten Tag, schöne Welt. Guten Tag, schöne Welt."


def test_the_language_asked_for_replaces_detection_and_an_unknown_one_is_refused(engine):
    assert heard(engine, language="fr-CA").language == "fr"
    with pytest.raises(Unsupported, match="whisper/tiny does not know the language 'tlh'"):
        heard(engine, language="tlh")


def test_word_times_cover_the_words_in_order(engine):
    assert heard(engine).words == ()
    output = heard(engine, LONG, word_times=True)
    assert [word.text for word in output.words] == ["Guten", "Tag,", "schöne", "Welt."] * 2
    starts = [word.start_s for word in output.words]
    assert starts == sorted(starts) and starts[3] < 30 <= starts[4]
    assert all(0 <= word.start_s <= word.end_s <= LONG.seconds + 0.1 for word in output.words)


def test_a_run_with_word_times_leaves_the_next_run_as_fast_as_before(engine):
    attention = engine.model.model.config._attn_implementation
    heard(engine, word_times=True)
    assert engine.model.model.config._attn_implementation == attention == "sdpa"


def test_words_of_a_language_without_spaces_are_its_characters(tmp_path):
    output = heard(loaded(tiny_whisper.save(tmp_path, "今日は世界", language="ja")), word_times=True)
    assert [word.text for word in output.words] == list("今日は世界")


def test_names_and_terms_reach_the_decoder_before_its_start_token(engine):
    # The checkpoint goes by position, so each token put in front takes one off the sentence.
    asked = pieces(engine, prompt="Ab")
    text = TASKS["asr"].join(asked).text
    assert text and text != "Guten Tag, schöne Welt." and "Guten Tag, schöne Welt.".endswith(text)
    assert asked[-1].sent["prompt_ids"] == len("<|startofprev|> Ab") - len("<|startofprev|>") + 1


def test_names_and_terms_that_do_not_fit_or_imitate_marks_are_refused(engine):
    with pytest.raises(BadInput, match="of up to 223 tokens"):
        heard(engine, prompt="word " * 100)
    with pytest.raises(BadInput, match="whisper/tiny cannot use these names and terms"):
        heard(engine, prompt="<|endoftext|>")


def test_an_english_only_checkpoint_takes_english_and_nothing_else(english):
    assert heard(english).text == heard(english, language="en-US").text == "Hello there."
    assert heard(english).language == "en"
    with pytest.raises(Unsupported, match=r"whisper/tiny.en does not know the language 'de'"):
        heard(english, language="de")


def test_facts_name_the_device_and_number_format_that_really_ran(engine):
    facts = next(piece for piece in pieces(engine) if isinstance(piece, Facts))
    parameter = next(engine.model.parameters())
    assert (facts.device, f"torch.{facts.dtype}") == (parameter.device.type, str(parameter.dtype))
    assert facts.sent["task"] == "transcribe"


def test_leaving_early_stops_the_decoder_and_the_engine_goes_on(engine):
    run = engine.run(Transcribe(LONG), 60.0)
    assert next(run).text == "G"
    run.close()
    assert heard(engine).text == "Guten Tag, schöne Welt."


def test_a_clip_too_short_to_hear_is_refused(engine):
    with pytest.raises(BadInput, match="needs at least 0.1 s of sound"):
        heard(engine, Audio(np.zeros((1, 10)), 16_000))


@pytest.mark.parametrize("missing", ["soundcheck-tests/no-such-weights", "/no/such/folder"])
def test_missing_weights_name_the_command_that_fetches_them(missing):
    with pytest.raises(NotReady, match=r"whisper/tiny: .* run `python -m comparisons prepare whisper/tiny`"):
        loaded(missing)


def test_it_runs_in_a_process_of_its_own(folder, tmp_path, monkeypatch):
    (tmp_path / "whisper_from_folder.py").write_text(
        "from dataclasses import replace\n"
        "from local_models import whisper\n"
        "class FromFolder(whisper.Whisper):\n"
        "    pass\n"
        f"ENGINES = [replace(whisper.ENGINES[0], engine=FromFolder, model={str(folder)!r})]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = Worker(importlib.import_module("whisper_from_folder").ENGINES[0])
    worker.load()
    try:
        output = heard(worker, word_times=True)
        with pytest.raises(WorkerError, match="does not know the language"):
            heard(worker, language="tlh")
        assert (output.text, len(output.words)) == ("Guten Tag, schöne Welt.", 4)
        assert heard(worker).text == "Guten Tag, schöne Welt."
        assert worker.versions["transformers"]
    finally:
        worker.close()


def test_every_variant_says_what_to_download_and_which_languages_it_has():
    for spec in whisper.ENGINES:
        assert spec.needs.downloads[0].source == spec.model == f"openai/whisper-{spec.id.removeprefix('whisper/')}"
        assert spec.needs.download_gb > 0
        assert spec.languages == (("en",) if spec.id.endswith(".en") else ("*",))
