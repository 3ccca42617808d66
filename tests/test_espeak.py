"""eSpeak NG speaks in chunks, in the voice, language and speed that were asked for, whatever the text."""

import threading

import numpy as np
import pytest

from engine.audio import Audio
from engine.contract import BadInput, EngineError, Facts, Synthesize, Unsupported
from engine.tasks import TASKS
from engine.worker import Worker
from local_models import espeak

TEXT = "Hello there. This is a sentence to be spoken."
HOSTILE = [
    "-o /tmp/x",
    "; rm -rf $(id) `id`",
    "one\ntwo\r\nthree\rfour",
    "🙂",
    "<speak><voice name='x'/>hi</speak>",
    "[[h@l'oU]]",
    "a\x0150Pb\x00c",
    "%s%n%x",
]


@pytest.fixture(scope="module")
def engine():
    engine = espeak.ESpeak(espeak.ENGINES[0])
    engine.load()
    return engine


def spoken(engine, text=TEXT, **how):
    return TASKS["tts"].join(list(engine.run(Synthesize(text, **how), 10.0))).audio


def test_a_sentence_comes_in_several_chunks_that_join_to_audible_speech(engine):
    chunks = [piece for piece in engine.run(Synthesize(TEXT), 10.0) if isinstance(piece, Audio)]
    assert len(chunks) > 3
    assert all(0 < chunk.seconds < 0.5 for chunk in chunks)
    whole = Audio.join(chunks)
    assert whole.rate == 22_050 and whole.seconds > 0.5 and whole.peak > 0.1


def test_a_chunk_arrives_before_a_long_text_is_spoken_to_its_end(engine):
    pieces = engine.run(Synthesize("One more sentence to say. " * 400), 10.0)
    assert next(pieces).seconds < 0.5
    speaking = [thread for thread in threading.enumerate() if "speak" in thread.name]
    pieces.close()
    assert speaking and not any(thread.is_alive() for thread in speaking)
    assert spoken(engine).seconds > 0.5


def test_speed_two_is_about_half_as_long_and_impossible_speeds_are_refused(engine):
    normal, double, half = (spoken(engine, speed=speed).seconds for speed in (1.0, 2.0, 0.5))
    assert 1.7 < normal / double < 2.6
    assert 1.6 < half / normal < 2.4
    with pytest.raises(Unsupported, match=r"espeak/en speaks at speeds from 0\.46 to 4\.00, not 0\.25"):
        spoken(engine, speed=0.25)


def test_every_listed_voice_speaks(engine):
    spec = espeak.ENGINES[0]
    for voice in spec.voices:
        assert spoken(engine, "one two three", voice=voice).seconds > 0.2, voice
    assert spec.default_voice in spec.voices


def test_voices_sound_different(engine):
    sounds = [spoken(engine, voice=voice).samples[0] for voice in ("en-us", "en-us+f3", "en-gb")]
    assert len({(len(sound), float(np.abs(sound).sum())) for sound in sounds}) == 3


@pytest.mark.parametrize(("how", "file"), [
    (dict(), "gmw/en-US"), (dict(language="en"), "gmw/en-US"), (dict(language="en-GB"), "gmw/en"),
    (dict(language="de"), "gmw/de"),
    (dict(language="de_AT"), "gmw/de"), (dict(language="zh"), "sit/cmn"), (dict(voice="en-gb", language="en-US"), "gmw/en"),
    (dict(voice="fr+f2"), "roa/fr+f2"),
])  # fmt: skip
def test_language_and_voice_choose_the_voice_that_is_reported(engine, how, file):
    facts = [piece for piece in engine.run(Synthesize("one two", **how), 10.0) if isinstance(piece, Facts)]
    assert facts[0].sent["voice"] == file


@pytest.mark.parametrize(("how", "sentence"), [
    (dict(voice="../../etc/passwd"), "no voice '../../etc/passwd'; it has en-us, en-us"),
    (dict(voice="en-us+../../../x"), "no voice variant"),
    (dict(voice="en-us+nobody"), "no voice variant 'nobody'; it has Alex, Alicia"),
    (dict(language="xx"), "no voice for the language 'xx'; it has af, am"),
    (dict(voice="de", language="en"), "the voice 'de' does not speak 'en'"),
])  # fmt: skip
def test_unknown_voices_are_refused_with_some_that_exist(engine, how, sentence):
    with pytest.raises(Unsupported, match=sentence):
        spoken(engine, **how)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_spoken(engine, text):
    assert spoken(engine, text).seconds > 0.2


def test_markup_and_control_codes_are_read_and_not_obeyed(engine):
    assert spoken(engine, "[[h@l'oU]]").seconds > 1.5 * spoken(engine, "hello").seconds
    slow, plain = spoken(engine, "\x0150Sgood morning to all"), spoken(engine, " 50Sgood morning to all")
    assert abs(slow.seconds - plain.seconds) < 0.05


def test_five_thousand_characters_are_spoken_whole(engine):
    assert spoken(engine, "word " * 1000).seconds > 100


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "this one is empty"), (" \n\t", "this one is empty"), ("\x00\x01", "this one is empty"),
    ("...", "nothing in this text"), ("a\ud800b", "broken character"),
])  # fmt: skip
def test_a_text_without_words_is_refused(engine, text, sentence):
    with pytest.raises(BadInput, match=sentence):
        spoken(engine, text)


def test_it_speaks_as_well_in_a_process_of_its_own(engine):
    worker = Worker(espeak.ENGINES[0])
    worker.load()
    try:
        away = spoken(worker)
        with pytest.raises(EngineError, match="no voice 'nobody'"):
            spoken(worker, voice="nobody")
    finally:
        worker.close()
    # Its flutter has a memory, so not sample by sample.
    assert abs(away.seconds - spoken(engine).seconds) < 0.02
    assert away.peak == pytest.approx(spoken(engine).peak, rel=0.1)
    assert worker.versions["espeakng-loader"]
