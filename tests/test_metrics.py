import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from comparisons import sounds, words
from comparisons.columns import COLUMNS
from comparisons.intake import take_in
from comparisons.metrics import (
    METRICS,
    Reference,
    agreement,
    leading_silence_s,
    mean_wer,
    measure,
    measure_round_trip,
    pooled_wer,
)
from comparisons.words import Withheld
from engine.audio import Audio
from engine.contract import Ask, Classify, Compose, Separate, Stem, Synthesize, Tag, Transcribe
from engine.tasks import TASKS, Output

RATE = 16_000
SAMPLES = Path(__file__).parent.parent / "samples"


def noise(seconds=1.0, seed=0, level=0.1, channels=1, rate=RATE):
    random = np.random.default_rng(seed)
    return Audio((random.standard_normal((channels, round(seconds * rate))) * level).astype(np.float32), rate)


def asr(text, reference, language=None):
    return measure("asr", Transcribe(noise(0.1), language=language), Output(text=text), Reference(text=reference))


def separation(stems, reference=Reference(), mix=None):  # noqa: B008 - frozen
    mix = mix or Audio(sum(audio.samples for audio in stems.values()), RATE)
    return measure("separation", Separate(mix), Output(stems=tuple(Stem(*item) for item in stems.items())), reference)


# ---------------------------------------------------------------- words


def test_wer_and_its_counts_come_from_the_alignment_and_are_stored_as_a_fraction():
    measured = asr("one cat went over old wooden bridge again now", "one dog went over the old wooden bridge again", "en")

    assert measured.values["wer"] == pytest.approx(3 / 9)
    assert [measured.values[f"word_{kind}"] for kind in ("substitutions", "deletions", "insertions")] == [1, 1, 1]
    assert measured.values["reference_words"] == 9
    assert METRICS["wer"].scale == 100 and METRICS["wer"].unit == "%"


def test_T11_raw_and_normalised_wer_stand_side_by_side():
    measured = asr("Mister Quilter's 21, isn't he?", "mr quilter's twenty one isn't he", "en")

    assert measured.values["wer"] == 0
    assert measured.values["wer_raw"] > 0.5


def test_T11_every_row_names_the_normaliser_and_its_version():
    assert "whisper-english" in asr("hello", "hello", "en-GB").versions["normaliser"]
    assert "whisper-basic" in asr("hallo", "hallo", "de").versions["normaliser"]
    assert "transformers 5." in asr("hallo", "hallo", "de").versions["normaliser"]
    assert "jiwer 4." in asr("hello", "hello", "en").versions["wer"]


def test_T11_the_normaliser_never_depends_on_what_an_engine_answered():
    english = "the cat and the dog were there"
    request = Transcribe(noise(0.1))
    answers = [
        Output(text=english, language="de"),
        Output(text="ja und nein", language=None),
        Output(text=english, language="en"),
    ]

    used = {measure("asr", request, answer, Reference(text=english)).versions["normaliser"] for answer in answers}

    assert len(used) == 1 and "whisper-english" in used.pop()


@pytest.mark.parametrize("text", ["der Hund und die Katze waren da", "le chat et le chien", "hola", "of dat nu was of niet"])
def test_without_a_language_a_reference_that_is_not_english_gets_the_basic_normaliser(text):
    assert "whisper-basic" in asr(text, text).versions["normaliser"]


def test_T11_a_missing_normaliser_withholds_the_normalised_metrics_and_says_what_to_install(monkeypatch):
    for cached in (words._whisper, words.english, words.basic):
        cached.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    measured = asr("hello", "hello", "en")

    assert "install transformers" in measured.withheld["wer"]
    assert measured.values == {"wer_raw": 0.0}
    words._whisper.cache_clear()


def test_indic_vowel_signs_count_as_part_of_their_word():
    measured = asr("नमस्ते दुनिया", "नमस्ते दुनिया।", "hi")

    assert measured.values["reference_words"] == 2
    assert asr("नमस्त दनय", "नमस्ते दुनिया", "hi").values["wer"] == 1


def test_a_script_without_spaces_has_a_character_error_rate_but_no_wer():
    measured = asr("今日は いい天気です", "今日はいい天気ですね", "ja")

    assert "character error rate" in measured.withheld["wer"]
    assert measured.values["cer"] == pytest.approx(1 / 10)


@pytest.mark.parametrize("reference", ["", "  ", "[laughter]", "..."])
def test_T12_an_empty_reference_has_no_wer_and_counts_the_inserted_words(reference):
    measured = asr("thanks for watching", reference, "en")

    assert "wer" not in measured.values
    assert measured.withheld["wer"] == "the reference is empty; 3 words were inserted"
    assert measured.values["word_insertions"] == 3
    assert measured.values["reference_words"] == 0


def test_a_closing_ellipsis_is_no_word():
    assert asr("Well, I wonder...", "well i wonder", "en").values["wer"] == 0


def test_T12_pooled_and_mean_wer_are_both_given_and_differ():
    rows = [asr("a b c d e f g h", "a b c d e f g x", "en").values, asr("no", "yes", "en").values]

    assert pooled_wer(rows) == pytest.approx(2 / 9)
    assert mean_wer(rows) == pytest.approx((1 / 8 + 1) / 2)


def test_T12_words_inserted_into_silence_count_in_the_pooled_wer_and_nothing_counts_as_unknown():
    rows = [asr("a quiet room", "a quiet room", "en").values, asr("thank you", "", "en").values]

    assert pooled_wer(rows) == pytest.approx(2 / 3)
    assert pooled_wer([{"word_substitutions": None}]) is None
    assert mean_wer([{"wer": None}]) is None


def test_without_a_reference_every_metric_that_needs_one_is_withheld_with_the_reason():
    measured = asr("hello", None)

    assert measured.values == {} and measured.versions == {}
    assert set(measured.withheld.values()) == {"it needs a reference: text"}


@pytest.mark.parametrize("text", ["<" * 90_000, "(" * 90_000, "um " * 33_000, "[x " * 30_000, "word " * 30_000])
def test_a_text_built_to_stall_the_normaliser_is_measured_or_withheld_in_bounded_work(text):
    measured = asr(text, "hello there", "en")

    assert set(measured.values) | set(measured.withheld) == {name for name in METRICS if "asr" in METRICS[name].tasks}


def test_a_text_longer_than_the_bound_is_withheld():
    assert "100000" in asr("a" * 100_001, "hello", "en").withheld["cer"]


@settings(max_examples=100)
@given(some.text(max_size=60), some.text(max_size=60), some.sampled_from([None, "en", "de", "xx", "\0"]))
@example("\ud800", "\ud800 a", "en")
@example("$", "1/2 ¢ ½", "en")
def test_any_two_texts_give_finite_numbers_or_reasons_for_each_metric(text, reference, language):
    measured = asr(text, reference, language)

    assert measured.values.keys() | measured.withheld.keys() == {name for name in METRICS if "asr" in METRICS[name].tasks}
    assert all(math.isfinite(value) and value >= 0 for value in measured.values.values())
    assert all(measured.withheld.values())


def test_the_same_text_has_no_errors():
    measured = asr("The same words, 20 of them.", "The same words, 20 of them.", "en")

    assert measured.values["wer"] == measured.values["cer"] == measured.values["wer_raw"] == 0


# ---------------------------------------------------------------- speech and music


def test_round_trip_wer_names_the_engine_that_listened():
    measured = measure_round_trip("Hello there, Dr. Smith.", "hello their doctor smith", "whisper/base.en", "en")

    assert measured.values["round_trip_wer"] == pytest.approx(1 / 4)
    assert "whisper/base.en" in measured.versions["round_trip_wer"]


def test_round_trip_wer_is_withheld_until_the_speech_is_transcribed():
    measured = measure("tts", Synthesize("hello"), Output(audio=noise()), Reference())

    assert "transcribed" in measured.withheld["round_trip_wer"]


def test_loudness_and_peak_of_a_full_scale_sine_are_those_of_the_standard():
    sine = Audio(np.sin(2 * np.pi * 997 * np.arange(48_000 * 5) / 48_000), 48_000)

    measured = measure("music", Compose("a sine"), Output(audio=sine), Reference())

    assert measured.values["loudness_lufs"] == pytest.approx(-3.01, abs=0.05)
    assert measured.values["peak_dbfs"] == pytest.approx(0, abs=0.01)


def test_a_short_or_silent_sound_has_no_loudness_and_says_why():
    short = measure("music", Compose("x"), Output(audio=noise(0.39)), Reference())
    silent = measure("music", Compose("x"), Output(audio=Audio(np.zeros(RATE), RATE)), Reference())

    assert "0.4 s" in short.withheld["loudness_lufs"] and "loudness_lufs" not in short.values
    assert "too quiet" in silent.withheld["loudness_lufs"]
    assert "silence" in silent.withheld["peak_dbfs"]


def test_pace_counts_the_words_of_the_text_over_the_length_of_the_speech():
    measured = measure("tts", Synthesize("one two three four"), Output(audio=noise(2.0)), Reference())

    assert measured.values["words_per_minute"] == pytest.approx(120)


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_T7_leading_silence_ends_at_the_first_loud_10_ms_window(rate):
    quiet = np.full(round(0.5 * rate), 0.009, np.float32)
    loud = np.full(rate, 0.02, np.float32)

    assert leading_silence_s(np.concatenate([quiet, loud]), rate) == pytest.approx(0.5, abs=0.0101)
    assert leading_silence_s(loud, rate) == 0
    assert leading_silence_s(quiet, rate) == pytest.approx(0.5, abs=1e-3)
    assert leading_silence_s(np.zeros((2, 0), np.float32), rate) == 0


def test_T7_one_loud_channel_ends_the_silence():
    sound = np.zeros((2, RATE), np.float32)
    sound[1, 4_000:] = 0.5

    assert leading_silence_s(sound, RATE) == pytest.approx(0.25)


@settings(max_examples=60)
@given(some.integers(0, 3_000), some.integers(1, 4_000))
def test_T7_the_first_chunks_tell_the_same_silence_as_the_whole_once_they_hold_sound(silent_frames, heard_frames):
    whole = np.concatenate([np.zeros(silent_frames), np.full(2_000, 0.1)]).astype(np.float32)
    heard = whole[:heard_frames]
    silence = leading_silence_s(heard, RATE)

    if silence < len(heard) / RATE:
        assert silence == leading_silence_s(whole, RATE)


# ---------------------------------------------------------------- stems


def test_T16_each_stem_is_scored_against_its_own_reference_and_the_mean_says_which():
    vocals, drums = noise(seed=1), noise(seed=2)
    error = noise(seed=3, level=0.01)
    stems = {"vocals": Audio(vocals.samples + error.samples, RATE), "Drums": drums, "bass": noise(seed=4)}

    measured = separation(stems, Reference(stems={"vocals": vocals, "drums": drums}))
    scores = json.loads(measured.values["stem_scores"])

    assert scores.keys() == {"vocals", "Drums"}
    assert scores["vocals"]["sdr_db"] == pytest.approx(20, abs=0.2)
    assert scores["vocals"]["si_sdr_db"] == pytest.approx(20, abs=0.2)
    assert measured.values["sdr_db"] == pytest.approx((scores["vocals"]["sdr_db"] + 100) / 2)
    assert "Drums, vocals" in measured.versions["si_sdr_db"]


def test_T16_a_perfect_stem_has_100_db_and_never_infinity():
    vocals = noise()

    measured = separation({"vocals": vocals, "rest": noise(seed=2)}, Reference(stems={"vocals": vocals}))

    assert measured.values["si_sdr_db"] == measured.values["sdr_db"] == 100


def test_T16_a_quieter_copy_keeps_its_si_sdr_and_loses_sdr():
    vocals = noise(channels=2)
    half = Audio(vocals.samples / 2, RATE)

    measured = separation({"vocals": half, "rest": noise(channels=2, seed=2)}, Reference(stems={"vocals": vocals}))

    assert measured.values["si_sdr_db"] > 90
    assert measured.values["sdr_db"] == pytest.approx(20 * math.log10(2), abs=0.01)


def test_T16_a_silent_stem_of_a_sounding_reference_scores_worst_and_is_not_left_out():
    measured = separation({"vocals": Audio(np.zeros(RATE), RATE), "rest": noise()}, Reference(stems={"vocals": noise(seed=1)}))

    assert measured.values["si_sdr_db"] == -100
    assert measured.values["sdr_db"] == pytest.approx(0, abs=1e-9)


def test_T16_a_silent_reference_and_a_wrong_length_are_withheld_stem_by_stem():
    references = {"vocals": Audio(np.zeros(RATE), RATE), "drums": noise(2.0)}

    measured = separation({"vocals": noise(), "drums": noise(seed=1)}, Reference(stems=references))

    assert "vocals: its reference is silent" in measured.withheld["sdr_db"]
    assert "drums: it lasts 1.00 s, its reference 2.00 s" in measured.withheld["sdr_db"]
    assert json.loads(measured.values["stem_scores"])["vocals"] == {"withheld": "its reference is silent"}


def test_T16_an_accompaniment_is_held_against_the_sum_of_the_other_references():
    vocals, drums, bass = noise(seed=1), noise(seed=2), noise(seed=3)
    rest = Audio(drums.samples + bass.samples, RATE)

    measured = separation(
        {"vocals": vocals, "accompaniment": rest}, Reference(stems={"vocals": vocals, "drums": drums, "bass": bass})
    )

    assert json.loads(measured.values["stem_scores"])["accompaniment"]["sdr_db"] == 100


def test_T16_a_stem_at_another_rate_is_compared_at_the_rate_of_its_reference():
    slow = Audio(np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE) * 0.5, RATE)
    fast = slow.resample(44_100)

    measured = separation({"vocals": fast, "rest": fast}, Reference(stems={"vocals": slow}), mix=fast)

    assert measured.values["si_sdr_db"] > 40


def test_T16_without_references_the_null_test_shows_what_was_lost():
    vocals, drums = noise(seed=1), noise(seed=2)
    mix = Audio(vocals.samples + drums.samples, RATE)

    exact = separation({"vocals": vocals, "drums": drums}, mix=mix)
    quieter = separation({"vocals": Audio(vocals.samples * 0.9, RATE), "drums": Audio(drums.samples * 0.9, RATE)}, mix=mix)

    assert exact.values == {"null_test_db": -120}
    assert quieter.values["null_test_db"] == pytest.approx(-20, abs=0.01)
    assert exact.withheld["si_sdr_db"] == "it needs a reference: stems"


def test_T16_the_null_test_leaves_out_a_repeated_accompaniment_and_needs_two_stems():
    vocals, drums, bass = noise(seed=1), noise(seed=2), noise(seed=3)
    mix = Audio(vocals.samples + drums.samples + bass.samples, RATE)
    rest = Audio(drums.samples + bass.samples, RATE)

    repeated = separation({"vocals": vocals, "drums": drums, "bass": bass, "instrumental": rest}, mix=mix)

    assert repeated.values["null_test_db"] < -100
    assert "one stem alone" in separation({"vocals": vocals}, mix=mix).withheld["null_test_db"]
    assert "silent" in separation({"a": vocals, "b": drums}, mix=Audio(np.zeros(RATE), RATE)).withheld["null_test_db"]


# ---------------------------------------------------------------- tags and answers


def test_tags_are_compared_by_label_whatever_their_case_and_each_label_once():
    output = Output(tags=(Tag("Dog_Bark", 0.9), Tag("dog bark", 0.8, 1.0, 2.0), Tag("Rain", 0.5), Tag("Wind", 0.1)))

    measured = measure("tagging", Classify(noise(0.1)), output, Reference(tags=("dog bark", "rain", "thunder", "siren")))

    assert measured.values["tag_precision"] == pytest.approx(2 / 3)
    assert measured.values["tag_recall"] == pytest.approx(2 / 4)
    assert measured.values["tag_f1"] == pytest.approx(4 / 7)
    assert "at least two" in measured.withheld["tag_agreement"]


def test_no_label_right_scores_zero_and_a_reference_without_labels_scores_nothing():
    output = Output(tags=(Tag("Rain", 0.5),))

    assert measure("tagging", Classify(noise(0.1)), output, Reference(tags=("dog",))).values["tag_f1"] == 0
    assert "no labels" in measure("tagging", Classify(noise(0.1)), output, Reference(tags=())).withheld["tag_f1"]


def test_agreement_is_the_mean_over_pairs_of_engines_and_unknown_for_one():
    assert agreement([("Dog", "Rain"), ("dog", "rain")]) == 1
    assert agreement([("a", "b"), ("b", "c"), ("x",)]) == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert agreement([("a", "b")]) is None
    assert agreement([("a",), ()]) is None


def test_words_found_is_the_share_of_key_words_that_the_answer_holds():
    request = Ask(noise(0.1), "What do you hear?")

    measured = measure("audio_lm", request, Output(text="I hear a barking DOG."), Reference(text="a dog and the rain"))

    assert measured.values["reference_words_found"] == pytest.approx(1 / 2)


# ---------------------------------------------------------------- the dictionary


def test_every_metric_that_a_task_names_exists_applies_to_it_and_has_a_column():
    for task in TASKS.values():
        for name in task.metrics:
            assert task.name in METRICS[name].tasks
            assert METRICS[name].reference in (None, task.reference)
    assert set(METRICS) <= set(COLUMNS)


def test_every_metric_declares_its_unit_direction_decimals_and_version():
    for name, metric in METRICS.items():
        assert metric.name == name and metric.label and metric.meaning.endswith(".") and metric.version
        assert metric.direction in (-1, 0, 1)
        assert (metric.decimals is None) == (metric.kind != "number")
        assert (metric.unit == "%") == (metric.scale == 100) == ("fraction" in metric.meaning)


def test_a_failure_inside_a_metric_withholds_that_metric_alone():
    sound = noise(1.0)
    output = Output(stems=(Stem("vocals", sound), Stem("rest", sound)))

    measured = measure("separation", Separate(sound), output, Reference(stems={"vocals": "not a sound"}))

    assert "could not be computed: AttributeError" in measured.withheld["sdr_db"]
    assert "null_test_db" in measured.values


def test_an_output_of_the_wrong_kind_is_withheld_not_an_error():
    assert measure("tts", Synthesize("hi"), Output(text="x"), Reference()).withheld["loudness_lufs"] == "the output has no sound"
    assert measure("asr", Transcribe(noise(0.1)), Output(), Reference(text="hi")).withheld["wer"] == "the output has no text"


def test_importing_the_metrics_or_measuring_text_imports_nothing_heavy():
    code = """
import sys
from comparisons.metrics import Reference, measure
heavy = {"torch", "transformers", "scipy", "pandas", "jiwer", "pyloudnorm", "soxr"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
from engine.tasks import Output
assert measure("asr", None, Output(text="hi"), Reference(text="hi")).values["wer"] == 0
assert not (heavy - {"jiwer"}) & sys.modules.keys(), heavy & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_share_of_silence_is_that_of_its_ten_millisecond_frames():
    rate = 16_000
    sound = Audio(np.concatenate([np.zeros(rate // 4), np.full(rate * 3 // 4, 0.5)]).astype(np.float32), rate)
    assert sounds.silence_share(sound) == pytest.approx(0.25)
    with pytest.raises(Withheld):
        sounds.silence_share(Audio(np.zeros(10, np.float32), rate))


def test_the_tempo_of_clicks_is_found_and_of_noise_it_is_withheld_or_a_number():
    rate = 16_000
    clicks = np.zeros(rate * 10, np.float32)
    clicks[:: rate // 2] = 1.0
    beat = Audio(np.convolve(clicks, np.hanning(160), "same").astype(np.float32), rate)
    assert sounds.tempo_bpm(beat) == pytest.approx(120, abs=3)
    with pytest.raises(Withheld):
        sounds.tempo_bpm(Audio(np.zeros(rate * 5, np.float32), rate))


def test_speech_is_predicted_to_sound_better_than_the_same_speech_in_noise():
    from speechmos import dnsmos

    clean = take_in(SAMPLES / "clear-speech.flac").audio
    noise = np.random.default_rng(0).normal(0, 0.05, clean.samples.shape).astype(np.float32)
    good, bad = sounds.predicted_mos(clean), sounds.predicted_mos(Audio(clean.samples + noise, clean.rate))
    assert 1 <= bad < good <= 5
    for seconds, apart in ((9.01, 1e-6), (4.0, 0.1)):
        part = clean.part(0.0, seconds)
        theirs = dnsmos.run(np.clip(part.mono().resample(16_000).samples[0], -1, 1), 16_000)["ovrl_mos"]
        assert sounds.predicted_mos(part) == pytest.approx(theirs, abs=apart)
    with pytest.raises(Withheld, match="digital silence"):
        sounds.predicted_mos(Audio(np.zeros((1, 16_000), np.float32), 16_000))
    with pytest.raises(Withheld, match=r"the sound lasts 0.10 s; the prediction needs 0.5 s"):
        sounds.predicted_mos(Audio(clean.samples[:, : clean.rate // 10], clean.rate))
