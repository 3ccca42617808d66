"""PocketSphinx hears what Flite and eSpeak say: words, times, pauses, and nothing where nothing is said."""

import shutil
import subprocess
from dataclasses import replace

import jiwer
import numpy as np
import pytest

from engine.audio import Audio
from engine.contract import BadInput, BadResponse, EngineError, Facts, Mark, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from local_models import pocketsphinx, rnnoise

SENTENCE = "please call stella and ask her to bring these things with her from the store"


def speech(tmp_path, text=SENTENCE):
    if not shutil.which("flite"):
        pytest.skip("the program flite is missing: apt-get install flite")
    subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(tmp_path / "said.wav")], check=True)
    return Audio.decode((tmp_path / "said.wav").read_bytes())


def noisy(sound, snr_db):
    power = (sound.samples**2).mean() / 10 ** (snr_db / 10)
    noise = np.random.default_rng(0).normal(0, np.sqrt(power), sound.samples.shape)
    return Audio(sound.samples + noise.astype(np.float32), sound.rate)


@pytest.fixture(scope="module")
def engine():
    engine = pocketsphinx.PocketSphinx(pocketsphinx.ENGINES[0])
    engine.load()
    return engine


@pytest.fixture(scope="module")
def cleaning_engine():
    engine = rnnoise.RNNoisePocketSphinx(rnnoise.ENGINES[0])
    engine.load()
    return engine


def heard(engine, sound, **how):
    return TASKS["asr"].join(list(engine.run(Transcribe(sound, **how), 60.0)))


def test_most_words_of_a_clear_sentence_are_heard(engine, tmp_path):
    output = heard(engine, speech(tmp_path))
    assert jiwer.wer(SENTENCE, output.text) < 0.25, output.text
    assert output.language == "en"


def test_the_same_words_are_heard_in_stereo_at_another_rate(engine, tmp_path):
    sound = speech(tmp_path).resample(44_100).stereo()
    assert jiwer.wer(SENTENCE, heard(engine, sound).text) < 0.25


def test_hypotheses_grow_before_the_final_text(engine, tmp_path):
    texts = [piece for piece in engine.run(Transcribe(speech(tmp_path)), 60.0) if isinstance(piece, Text)]
    assert [text.final for text in texts] == [False] * (len(texts) - 1) + [True]
    assert len(texts) >= 4
    assert len(texts[0].text) < len(texts[-2].text)


def test_word_times_follow_each_other_inside_the_clip_and_only_when_asked_for(engine, tmp_path):
    sound = speech(tmp_path)
    assert heard(engine, sound).words == ()
    output = heard(engine, sound, word_times=True)
    assert " ".join(word.text for word in output.words) == output.text
    times = [time for word in output.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert 0 <= times[0] < 1 and sound.seconds - 1 < times[-1] <= sound.seconds + 0.05
    assert all(0 <= word.confidence <= 1 for word in output.words)


def test_no_fillers_or_pronunciation_numbers_are_left_in_the_text(engine, tmp_path):
    text = heard(engine, speech(tmp_path, "And into the house, and a dog. And then, into a car.")).text
    assert not set(text) & set("<>[]()0123456789"), text


def test_a_long_clip_becomes_several_final_texts_whose_times_go_on(engine, tmp_path):
    sound = speech(tmp_path)
    pause = Audio(np.zeros((1, sound.rate)), sound.rate)
    long = Audio.join([sound, pause] * 5)
    finals = [p for p in engine.run(Transcribe(long, word_times=True), 60.0) if isinstance(p, Text) and p.final]
    assert len(finals) >= 2
    assert finals[1].words[0].start_s > pocketsphinx.CUT_AFTER_S
    assert jiwer.wer(" ".join([SENTENCE] * 5), " ".join(final.text for final in finals)) < 0.3


def test_silence_is_an_empty_answer_and_no_invented_words(engine):
    pieces = list(engine.run(Transcribe(Audio(np.zeros((1, 48_000)), 16_000)), 60.0))
    assert [piece.text for piece in pieces if isinstance(piece, Text)] == [""]
    with pytest.raises(BadResponse, match="empty text"):
        TASKS["asr"].join(pieces)


def test_a_clip_too_short_for_a_word_is_refused(engine):
    with pytest.raises(BadInput, match=r"pocketsphinx/en-us needs at least 0.1 s"):
        heard(engine, Audio(np.zeros((1, 1)), 44_100))


def test_another_language_is_refused_and_english_accents_are_not(engine, tmp_path):
    with pytest.raises(Unsupported, match="English only, not 'de'"):
        heard(engine, speech(tmp_path), language="de")
    assert heard(engine, speech(tmp_path), language="en-GB").text


def test_an_engine_left_early_can_be_used_again(engine, tmp_path):
    sound = speech(tmp_path)
    pieces = engine.run(Transcribe(sound), 60.0)
    next(pieces)
    pieces.close()
    assert jiwer.wer(SENTENCE, heard(engine, sound).text) < 0.25


def test_what_is_heard_does_not_depend_on_the_clips_before(engine, tmp_path):
    clear = speech(tmp_path).part(0.0, 2.5)
    noise = noisy(clear, 3)
    first = [heard(engine, sound, word_times=True) for sound in (noise, clear)]
    again = [heard(engine, sound, word_times=True) for sound in (clear, noise, noise)]
    assert again[0] == first[1]
    assert again[1] == again[2] == first[0]


def test_getting_ready_for_the_next_clip_is_no_part_of_the_answer(engine, tmp_path):
    pieces = list(engine.run(Transcribe(speech(tmp_path)), 60.0))
    assert pieces[-1] == Mark("answered")


def test_rnnoise_lowers_noise_and_keeps_length_and_timing(cleaning_engine, tmp_path):
    sound = speech(tmp_path)
    clean = cleaning_engine.clean(noisy(sound, 10))
    reference = sound.resample(48_000)
    assert clean.frames == reference.frames

    def error(other):
        return float(((other.samples - reference.samples) ** 2).mean())

    assert error(clean) < 0.5 * error(noisy(sound, 10).resample(48_000))
    spectrum = np.fft.rfft(clean.samples[0], 2**20) * np.conj(np.fft.rfft(reference.samples[0], 2**20))
    lag = int(np.fft.irfft(spectrum).argmax())
    assert min(lag, 2**20 - lag) <= 48, lag  # a millisecond


def test_rnnoise_helps_pocketsphinx_in_steady_noise(engine, cleaning_engine, tmp_path):
    said = [SENTENCE, "the quick brown fox jumps over the lazy dog and speech synthesis turns written words into sound"]
    sounds = [noisy(speech(tmp_path, text), 20) for text in said]
    without, cleaned = (jiwer.wer(said, [heard(each, sound).text for sound in sounds]) for each in (engine, cleaning_engine))
    assert cleaned < without - 0.2, (cleaned, without)


def test_rnnoise_gives_the_same_pieces_and_refusals_as_pocketsphinx(cleaning_engine, tmp_path):
    sound = speech(tmp_path)
    pieces = list(cleaning_engine.run(Transcribe(sound, word_times=True), 60.0))
    text, facts, last = pieces[-3:]
    assert isinstance(facts, Facts) and facts.device == "cpu" and last == Mark("answered")
    assert text.words[-1].end_s <= sound.seconds + 0.05
    for request in (Transcribe(sound, language="fr"), replace(Transcribe(sound), audio=Audio(np.zeros((1, 1)), 44_100))):
        with pytest.raises(EngineError, match="rnnoise/pocketsphinx"):
            list(cleaning_engine.run(request, 60.0))
