"""A local engine in its own process: pieces come through whole, and nothing that the engine does can hurt the parent."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from stub_engines import ENGINES, transcribe

from engine.audio import Audio
from engine.contract import Facts, Separate, Stem, Text, Word
from engine.worker import Worker, WorkerError, decode, encode

SCRIPTED, SOUNDS, BROKEN, _ = ENGINES


@pytest.fixture(autouse=True)
def stubs_importable_by_the_child(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def worker():
    worker = Worker(SCRIPTED)
    worker.load()
    yield worker
    worker.close()


def answers(worker, script, **how):
    return [piece for piece in worker.run(transcribe(script, **how), 10.0) if not isinstance(piece, Facts)]


def test_a_frame_carries_nested_pieces_and_samples_unchanged():
    stereo = Audio(np.random.default_rng(0).standard_normal((2, 7)).astype(np.float32), 44_100)
    value = {
        "pieces": (Text("a\nb", words=(Word("a", 0.0, 0.1),)), Stem("x", stereo)),
        "n": 1.5,
        "none": None,
        "raw": b"\x00\xff",
    }
    back = decode(encode(value))
    assert back["pieces"][0] == value["pieces"][0]
    assert back["pieces"][1].audio.rate == 44_100
    assert np.array_equal(back["pieces"][1].audio.samples, stereo.samples)
    assert (back["n"], back["none"], back["raw"]) == (1.5, None, b"\x00\xff")


def test_a_cut_frame_is_an_error_and_not_a_shorter_sound():
    frame = encode(Audio(np.ones((1, 100), np.float32), 8_000))
    with pytest.raises(ValueError, match="ended after"):
        decode(frame[:-1])


def test_a_frame_refuses_what_it_cannot_carry():
    with pytest.raises(TypeError, match="cannot carry set"):
        encode({"odd": {1, 2}})


def test_pieces_arrive_in_order_with_words(worker):
    pieces = answers(worker, "half words")
    assert pieces[0] == Text("half an ans", final=False)
    assert pieces[1].words[1] == Word("words", 0.5, 1.0, None, "A")


def test_a_long_stereo_sound_reaches_the_child_whole():
    worker = Worker(SOUNDS)
    worker.load()
    sound = Audio(np.random.default_rng(1).uniform(-1, 1, (2, 2_000_000)).astype(np.float32), 48_000)
    stems = [piece for piece in worker.run(Separate(sound), 10.0) if isinstance(piece, Stem)]
    worker.close()
    assert np.array_equal(stems[0].audio.samples, sound.samples)


def test_printing_and_prompting_libraries_do_not_corrupt_frames(worker):
    assert answers(worker, "print hello")[0].text == "hello"
    with pytest.raises(WorkerError, match="EOFError"):
        answers(worker, "prompt")


def test_an_exception_is_one_sentence_and_the_process_lives_on(worker):
    with pytest.raises(WorkerError, match="^RuntimeError: the model said no$") as raised:
        answers(worker, "raise")
    assert raised.value.kind == "crashed"
    with pytest.raises(WorkerError, match="only loud sounds") as raised:
        answers(worker, "refuse")
    assert raised.value.kind == "bad_input"
    with pytest.raises(WorkerError) as raised:
        answers(worker, "memory")
    assert raised.value.kind == "out_of_memory"
    assert answers(worker, "again")[0].text == "again"


@pytest.mark.parametrize(("script", "kind", "sentence"), [
    ("segfault", "crashed", "SIGSEGV"),
    ("exit", "crashed", "exit status 3"),
    ("killed", "out_of_memory", "killed by the system"),
])  # fmt: skip
def test_a_dying_child_is_an_error_that_says_how(worker, script, kind, sentence):
    with pytest.raises(WorkerError, match=sentence) as raised:
        answers(worker, f"half {script}")
    assert raised.value.kind == kind
    assert not worker.alive


def test_a_failing_load_says_why_and_leaves_no_process():
    worker = Worker(BROKEN)
    with pytest.raises(WorkerError, match="weights not found") as raised:
        worker.load()
    assert raised.value.kind == "load"
    assert not worker.alive


def test_close_from_another_thread_ends_a_stalled_run(worker):
    caught = []

    def run():
        try:
            answers(worker, "half stall")
        except WorkerError as error:
            caught.append(error.kind)

    thread = threading.Thread(target=run)
    thread.start()
    while not worker.alive:
        time.sleep(0.01)
    worker.close()
    thread.join(30)
    assert caught == ["cancelled"]


def test_leaving_a_run_early_kills_the_child(worker):
    pieces = worker.run(transcribe("half stall"), 10.0)
    assert next(pieces).text == "half an ans"
    pieces.close()
    assert not worker.alive


def test_a_child_without_its_parent_exits():
    worker = Worker(SCRIPTED)
    worker.load()
    worker._child.stdin.close()
    assert worker._child.wait(30) == 0
    worker.close()


def test_a_child_keeps_its_memory_between_layers_unless_the_person_says_otherwise(monkeypatch):
    told = {name: value for name, value in Worker(SCRIPTED)._environment().items() if name.startswith("MALLOC_")}
    assert told == {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "268435456"}
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert Worker(SCRIPTED)._environment()["MALLOC_TRIM_THRESHOLD_"] == "131072"


def test_no_secret_reaches_the_child(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1234567890")
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    assert not any("canary" in value for value in Worker(SCRIPTED)._environment().values())


def test_facts_say_how_much_memory_and_which_versions(worker):
    facts = [piece for piece in worker.run(transcribe("hello"), 10.0) if isinstance(piece, Facts)][-1]
    assert 0.01 < facts.peak_memory_gb < 0.5
    assert facts.threads >= 1
    assert worker.versions["numpy"] == np.__version__


def test_the_memory_of_a_large_parent_is_not_counted_as_the_engines():
    held = np.ones(120_000_000, np.float64)
    worker = Worker(SCRIPTED)
    worker.load()
    facts = [piece for piece in worker.run(transcribe("hello"), 10.0) if isinstance(piece, Facts)][-1]
    worker.close()
    assert held.nbytes / 1e9 > 0.9
    assert facts.peak_memory_gb < 0.5
