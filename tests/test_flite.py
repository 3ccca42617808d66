"""Flite speaks plain English at the asked-for speed, and its text can neither be an option nor reach a shell."""

import shutil
import threading
from pathlib import Path

import jiwer
import pytest

from engine.contract import BadInput, NotReady, Synthesize, Transcribe, Unsupported
from engine.tasks import TASKS
from engine.worker import Worker
from local_models import flite, pocketsphinx

needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="the program flite is missing: apt-get install flite")
TEXT = "Please call Stella, and ask her to bring these things with her from the store."


def loaded(spec):
    engine = flite.Flite(spec)
    engine.load()
    return engine


@pytest.fixture(scope="module")
def engine():
    return loaded(flite.ENGINES[0])


def spoken(engine, text=TEXT, **how):
    return TASKS["tts"].join(list(engine.run(Synthesize(text, **how), 30.0))).audio


@needs_flite
def test_pocketsphinx_hears_most_of_what_every_voice_says():
    hearer = pocketsphinx.PocketSphinx(pocketsphinx.ENGINES[0])
    hearer.load()
    references, hypotheses = [], []
    for spec in flite.ENGINES:
        sound = spoken(loaded(spec))
        assert sound.rate == 16_000 and sound.seconds > 2
        references.append("please call stella and ask her to bring these things with her from the store")
        hypotheses.append(TASKS["asr"].join(list(hearer.run(Transcribe(sound), 60.0))).text)
    assert jiwer.wer(references, hypotheses) < 0.35, hypotheses


@needs_flite
def test_the_four_voices_differ():
    assert len({spoken(loaded(spec), "One.").samples.tobytes() for spec in flite.ENGINES}) == 4


@needs_flite
def test_speed_stretches_the_speech_and_impossible_speeds_are_refused(engine):
    normal, double, half = (spoken(engine, speed=speed).seconds for speed in (None, 2.0, 0.5))
    assert 1.8 < normal / double < 2.2
    assert 1.8 < half / normal < 2.2
    with pytest.raises(Unsupported, match="speeds from 0.25 to 4.0, not 5.0"):
        spoken(engine, speed=5.0)


@needs_flite
@pytest.mark.parametrize(
    "text",
    [
        "-o {trap}",
        "--help",
        "; touch {trap}",
        "$(touch {trap}) `touch {trap}`",
        "one\ntwo\r\nthree",
        "<speak>x</speak>",
        "a\x00b",
    ],
)
def test_hostile_text_is_only_spoken(engine, text, tmp_path):
    trap = tmp_path / "trap"
    assert spoken(engine, text.format(trap=trap)).seconds > 0.3
    assert not trap.exists()


@needs_flite
def test_five_thousand_characters_are_spoken_whole(engine):
    assert spoken(engine, "word " * 1000).seconds > 100


@needs_flite
def test_typographic_signs_and_accents_are_read_as_their_plain_forms(engine):
    assert spoken(engine, "“It’s a café”").samples.tobytes() == spoken(engine, '"It\'s a cafe"').samples.tobytes()


@needs_flite
@pytest.mark.parametrize(("text", "sentence"), [
    ("ok 🙂", "would skip '🙂'"), ("Привет", "would skip 'П', 'р'"), ("5 €", "would skip '€'"), ("", "this one is empty"),
    ("...", "nothing in this text"), ("a\ud800b", "broken character"),
])  # fmt: skip
def test_what_flite_would_skip_is_refused_instead(engine, text, sentence):
    with pytest.raises(BadInput, match=sentence):
        spoken(engine, text)


@needs_flite
def test_another_language_is_refused(engine):
    with pytest.raises(Unsupported, match="English only, not 'fr'"):
        spoken(engine, language="fr")


@needs_flite
def test_a_deadline_kills_flite_and_leaves_no_files(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(TimeoutError, match=r"flite/slt had not finished after 0.05 s"):
        list(engine.run(Synthesize("word " * 1000), 0.05))
    assert engine.speaking.returncode is not None
    assert list(Path(tmp_path).glob("flite-*")) == []


@needs_flite
def test_close_from_another_thread_ends_a_long_run(engine):
    ended = []

    def run():
        try:
            list(engine.run(Synthesize("word " * 4000), 60.0))
        except Exception as error:
            ended.append(error)

    engine.speaking = None
    thread = threading.Thread(target=run)
    thread.start()
    while engine.speaking is None:
        pass
    engine.close()
    thread.join(30)
    assert not thread.is_alive() and "status -9" in str(ended[0])


@needs_flite
def test_it_speaks_the_same_in_a_process_of_its_own(engine):
    worker = Worker(flite.ENGINES[0])
    worker.load()
    try:
        assert spoken(worker).samples.tobytes() == spoken(engine).samples.tobytes()
    finally:
        worker.close()


def test_a_machine_without_flite_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotReady, match="flite/slt needs the program flite: `apt-get install flite`"):
        loaded(flite.ENGINES[0])
