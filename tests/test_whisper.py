"""Whisper goes from a checkpoint folder through from_pretrained to pieces; this checkpoint says one sentence to every window."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tiny
import tiny_whisper

from engine.audio import Audio
from engine.contract import BadInput, Facts, NotReady, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import whisper
from local_models._long import at_pauses

CLIP = Audio(np.random.default_rng(0).normal(0, 0.1, 3 * 16_000), 16_000)
LONG = Audio(np.tile(CLIP.samples, 15), 16_000)
"""45 s: two windows."""


def loaded(folder, variant=""):
    spec = dataclasses.replace(whisper.own(str(folder), variant), devices=("cuda", "cpu"))
    engine = spec.engine(spec)
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
    return loaded(tiny_whisper.save(tmp_path_factory.mktemp("english"), " Hello there.", language=None))


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
    with pytest.raises(Unsupported, match="whisper/own-german.* does not know the language 'tlh'"):
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
    with pytest.raises(BadInput, match="whisper/own-german.* cannot use these names and terms"):
        heard(engine, prompt="<|endoftext|>")


def test_an_english_only_checkpoint_takes_english_and_nothing_else(english):
    assert heard(english).text == heard(english, language="en-US").text == "Hello there."
    assert heard(english).language == "en"
    with pytest.raises(Unsupported, match="whisper/own-english.* does not know the language 'de'"):
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
    with pytest.raises(NotReady, match=r"whisper/own-.* run `python -m comparisons prepare whisper/own-"):
        loaded(missing)


def test_a_batched_engine_hears_every_window_and_shifts_its_words(folder):
    engine = loaded(folder, "batched")
    long = Audio(np.tile(CLIP.samples, 45), 16_000)
    asked = pieces(engine, long, word_times=True)
    texts = [piece for piece in asked if isinstance(piece, Text)]
    windows = asked[-1].sent["windows"]
    assert windows > asked[-1].sent["batch"], "one batch would show no progress"
    output = TASKS["asr"].join(asked)
    assert (output.text, output.language) == (" ".join(["Guten Tag, schöne Welt."] * windows), "de")
    assert [text.final for text in texts] == [False] * (len(texts) - 1) + [True] and len(texts) > 1
    assert output.text.startswith(texts[0].text)
    starts = [word.start_s for word in output.words]
    assert len(starts) == 4 * windows and starts == sorted(starts)
    spans = at_pauses(long.samples[0], 16_000, 30.0)
    for number, (first, end) in enumerate(spans):
        assert all(first <= start * 16_000 <= end for start in starts[4 * number :][:4])
    assert heard(engine, long, language="fr").language == "fr"
    assert heard(engine).text == "Guten Tag, schöne Welt."


def test_a_distilled_checkpoint_with_its_teachers_alignment_heads_still_has_word_times(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((tmp_path / "generation_config.json").read_text())
    settings["alignment_heads"] = [[7, 0], [10, 17]]
    (tmp_path / "generation_config.json").write_text(json.dumps(settings))
    assert len(heard(loaded(tmp_path), word_times=True).words) == 4


def test_it_runs_in_a_process_of_its_own(folder):
    worker = Worker(whisper.own(str(folder)))
    worker.load()
    try:
        output = heard(worker, tiny.tone(2.0), word_times=True)
        with pytest.raises(WorkerError, match="does not know the language"):
            heard(worker, language="tlh")
        assert (output.text, len(output.words)) == ("Guten Tag, schöne Welt.", 4)
        assert heard(worker).text == "Guten Tag, schöne Welt."
        assert worker.versions["transformers"]
    finally:
        worker.close()


def test_every_variant_says_what_to_download_and_which_languages_it_has():
    for spec in whisper.ENGINES:
        assert spec.needs.downloads[0].source == spec.model and spec.needs.downloads[0].files
        assert spec.model.split("/")[0] == ("distil-whisper" if spec.system == "Distil-Whisper" else "openai")
        assert spec.needs.download_gb > 0 and spec.needs.gpu_memory_gb < spec.needs.memory_gb
        english = ".en" in spec.id or "distil" in spec.id
        assert spec.languages == (("en",) if english else ("*",))


def test_a_checkpoint_of_another_kind_is_refused_before_its_network_is_filled_with_random_numbers(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    settings = json.loads((folder / "config.json").read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps(settings | {"model_type": "voxtral_realtime"}))
    with pytest.raises(BadInput, match="cannot be made of this checkpoint: it is of the kind 'voxtral_realtime', not 'whisper'"):
        loaded(tmp_path / "other")


@pytest.fixture(scope="module")
def compiled(folder):
    if not shutil.which("g++"):
        pytest.skip("no C++ compiler here: apt-get install g++")
    return loaded(folder, variant="compiled")


def test_a_compiled_engine_says_what_the_plain_one_says_and_compiles_nothing_while_it_runs(engine, compiled):
    """torch itself raises when it would have to compile anything more than load() did."""
    import torch

    assert compiled.model._compiled_call is not None
    with torch.compiler.set_stance("fail_on_recompile"):
        for sound, how in ((CLIP, {}), (LONG, {}), (CLIP, {"prompt": "Welt", "language": "de"})):
            ours, plain = pieces(compiled, sound, **how), pieces(engine, sound, **how)
            assert [piece for piece in ours if isinstance(piece, Text)] == [piece for piece in plain if isinstance(piece, Text)]
    facts = next(piece for piece in ours if isinstance(piece, Facts))
    assert (facts.sent["compiled"], facts.sent["cache"]) == ("decoder", "static")


def test_without_a_compiler_a_compiled_engine_says_how_to_get_one(folder, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(NotReady, match="needs a C\\+\\+ compiler: `apt-get install g\\+\\+`"):
        loaded(folder, variant="compiled")


def test_a_compiled_engine_refuses_word_times_before_it_runs(folder):
    assert "word_times" not in whisper.own(str(folder), "compiled").honours


def test_features_made_minute_by_minute_are_those_of_the_whole(engine):
    """The library's own extractor makes the spectrum of the whole sound at once."""
    loud = np.linspace(0.01, 1.0, 150 * 16_000 + 77) ** 2
    sound = (np.random.default_rng(1).normal(0, 0.2, loud.size) * loud).astype(np.float32)
    ours = engine._features([sound])
    whole = engine.processor.feature_extractor(
        sound, sampling_rate=16_000, return_tensors="np", truncation=False, padding="longest"
    ).input_features
    assert ours["attention_mask"].shape[-1] == ours["input_features"].shape[-1] == whole.shape[-1]
    assert np.abs(ours["input_features"].numpy() - whole).max() < 1e-5
