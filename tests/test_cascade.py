"""The rule-based answerer says what it measured, hears words through PocketSphinx, and admits what it cannot tell."""

import itertools
import re

import numpy as np
import pytest

from comparisons.intake import take_in
from comparisons.samples import for_task
from comparisons.words import word_errors
from engine.audio import Audio
from engine.contract import Ask, BadInput, Text
from engine.tasks import TASKS
from local_models import cascade

RATE = 16_000
CLEAR = for_task("asr")[0]


@pytest.fixture(scope="module")
def engine():
    engine = cascade.Cascade(cascade.ENGINES[0])
    engine.load()
    return engine


@pytest.fixture(scope="module")
def speech():
    return take_in(CLEAR.path).audio.resample(RATE)


def silence(seconds):
    return Audio(np.zeros((1, round(seconds * RATE))), RATE)


def tone(hertz, seconds):
    return Audio(0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE), RATE)


def noise(seconds, level=0.1):
    return Audio(np.random.default_rng(0).normal(0, level, round(seconds * RATE)), RATE)


def music(bpm, seconds=12.0, roots=(261.63, 349.23, 392.0, 261.63)):
    """Major triads on C, F, G, C with a decaying pulse on every beat: C major."""
    t = np.arange(round(seconds * RATE)) / RATE
    beat = (t * bpm / 60) % 1
    chord = np.array(roots)[(t // 2).astype(int) % len(roots)]
    tones = sum(np.sin(2 * np.pi * np.cumsum(chord * ratio) / RATE) for ratio in (1, 1.25992, 1.49831))
    return Audio(0.12 * tones * (0.4 + 0.6 * np.exp(-4 * beat)), RATE)


def answer(engine, sound, question=""):
    return TASKS["audio_lm"].join(list(engine.run(Ask(sound, question), 60.0))).text


def number_in(text, pattern):
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])


@pytest.mark.parametrize(("sound", "what"), [
    (noise(4), "noise"), (noise(4, 0.01), "noise"), (tone(440, 4), "tone"), (music(120), "music"), (music(90), "music"),
])  # fmt: skip
def test_noise_tone_and_music_are_told_apart(engine, sound, what):
    assert re.search(rf"It sounds like {what} \(\d+\.\d s\)\.", answer(engine, sound, "Describe this."))


def test_speech_is_told_from_music_in_one_clip_and_when_it_occurs(engine, speech):
    mix = Audio.join([silence(2), speech, silence(2), music(120, 6.0)])
    text = answer(engine, mix, "When does someone speak?")
    spans = [(float(start), float(end)) for start, end in re.findall(r"from (\d+\.\d) to (\d+\.\d) s", text)]
    assert len(spans) == 1, text
    assert spans[0] == (pytest.approx(2.0, abs=0.4), pytest.approx(2 + speech.seconds, abs=0.6))
    assert "music" in answer(engine, mix, "Describe this.")


def test_a_question_about_presence_gets_yes_or_no(engine, speech):
    assert answer(engine, speech, "Is there any music?") == "No, I find no music."
    assert answer(engine, speech, "Is anyone speaking?").startswith("Yes, there is speech from 0.0")
    assert answer(engine, tone(300, 3), "Is anyone speaking?") == "No, I find no speech."


def test_what_is_said_is_what_pocketsphinx_hears(engine, speech):
    text = answer(engine, speech, "What is being said?")
    heard = re.fullmatch('PocketSphinx hears: "(.+)".', text)[1]
    assert word_errors(re.sub(r"[^a-z ]", "", CLEAR.reference.lower()), heard).rate <= 0.15, text


def test_no_words_are_invented_where_nobody_speaks(engine):
    for sound in (silence(3), noise(3), tone(440, 3)):
        assert answer(engine, sound, "Transcribe this.") == "I find no speech to write down."
        assert answer(engine, sound, "How many words are there?") == "I find no speech, so no words."


@pytest.mark.parametrize("bpm", [80, 100, 120, 140])
def test_the_tempo_is_right_to_two_beats_per_minute(engine, bpm):
    assert number_in(answer(engine, music(bpm), "What is the tempo?"), r"about (\d+) beats") == pytest.approx(bpm, abs=2)


@pytest.mark.parametrize(("steps", "key"), [(0, "C major"), (2, "D major"), (7, "G major")])
def test_the_key_follows_the_transposition(engine, steps, key):
    roots = tuple(root * 2 ** (steps / 12) for root in (261.63, 349.23, 392.0, 261.63))
    assert answer(engine, music(100, roots=roots), "Which key is it in?") == f"The key is probably {key}."


def test_length_level_and_pitch_are_measured(engine, speech):
    text = answer(engine, tone(440, 2.5).stereo(), "How long and how loud is it?")
    assert "2.5 seconds long, stereo, at 16 kHz" in text
    assert number_in(text, r"(-\d+) dB RMS") == pytest.approx(-13, abs=1)
    assert number_in(answer(engine, tone(440, 2.5), "Which pitch?"), r"at (\d+) Hz") == pytest.approx(440, abs=1)
    assert 80 < number_in(answer(engine, speech, "What pitch is the voice?"), r"of (\d+) Hz") < 130


def test_a_silent_clip_is_called_silent_and_nothing_more(engine):
    assert answer(engine, silence(3), "What do you hear?").endswith("It is silent.")


@pytest.mark.parametrize(
    "question", ["Who is talking?", "What is her mood?", "Summarise the argument.", "Which language is this?"]
)
def test_what_rules_cannot_know_is_refused(engine, speech, question):
    assert answer(engine, speech, question).startswith("I cannot tell")


def test_a_question_it_does_not_understand_is_said_to_be_so_before_the_description(engine, speech):
    text = answer(engine, speech, "Colourless green ideas?")
    assert text.startswith("There is no language model here, so I do not understand this question; I can tell what is said")
    assert "seconds long" in text


def test_sentences_arrive_one_by_one_and_the_final_text_holds_them_all(engine, speech):
    texts = [piece for piece in engine.run(Ask(speech, "Describe this."), 60.0) if isinstance(piece, Text)]
    assert len(texts) >= 5
    assert [text.final for text in texts] == [False] * (len(texts) - 1) + [True]
    assert all(after.text.startswith(before.text) for before, after in itertools.pairwise(texts))


def test_two_questions_in_one_get_two_answers_without_a_transcript(engine):
    text = answer(engine, music(120), "What are the tempo and the key?")
    assert "beats per minute" in text and "key is probably" in text and "PocketSphinx" not in text


def test_answers_do_not_depend_on_the_clip_before(engine, speech):
    before = answer(engine, speech, "When is there speech?")
    answer(engine, noise(5), "Describe this.")
    assert answer(engine, speech, "When is there speech?") == before


def test_a_clip_without_sound_to_measure_is_refused(engine):
    with pytest.raises(BadInput, match=r"cascade/describe needs at least 0.1 s of sound, not 0.010 s"):
        answer(engine, silence(0.01), "Describe this.")
    assert "0.2 seconds" in answer(engine, noise(0.2), "Describe this.")


def test_its_name_and_summary_say_that_there_is_no_language_model():
    spec = cascade.ENGINES[0]
    assert "no language model" in spec.name and "without a language model" in spec.summary and spec.tier == "baseline"
