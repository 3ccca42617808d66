"""Basic Pitch hears the notes that were played; its file carries an environment in which it runs apart from the app."""

import ast
import os
import sys
import tomllib

import numpy as np
import pytest

from engine import environment
from engine.audio import Audio
from engine.contract import Classify, NotReady
from engine.tasks import TASKS
from engine.worker import Worker
from local_models import basic_pitch

SPEC = basic_pitch.ENGINES[0]
FILE = environment.script_of(SPEC)
RATE = 44_100
# Each test gets an empty home; built environments are registered in the person's own.
OWN_HOME = os.environ.get("SOUNDCHECK_HOME")


def test_its_environment_pins_what_decides_the_result_and_leaves_tensorflow_out():
    lines = environment.header_of(FILE).splitlines()[1:-1]
    header = tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines))
    pinned = {entry.split("==")[0] for entry in header["dependencies"] if "==" in entry}
    assert {"basic-pitch", "onnxruntime", "numpy", "librosa", "scipy", "soxr"} <= pinned
    left_out = [entry for entry in header["tool"]["uv"]["override-dependencies"] if "'never'" in entry]
    assert {entry.split()[0] for entry in left_out} == {"tensorflow", "tensorflow-macos", "tflite-runtime", "coremltools"}
    assert "index" not in header["tool"]["uv"]


def test_the_file_opens_with_nothing_but_the_standard_library_numpy_and_the_engine_floor():
    tree = ast.parse(FILE.read_text(), feature_version=(3, 10))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"numpy", "engine"}


def test_before_its_environment_is_built_it_says_how_to_build_it():
    with pytest.raises(NotReady, match=r"run `python -m comparisons prepare basic_pitch/icassp-2022`"):
        Worker(SPEC).load()


@pytest.fixture
def worker(monkeypatch):
    if OWN_HOME is None:
        monkeypatch.delenv("SOUNDCHECK_HOME")
    else:
        monkeypatch.setenv("SOUNDCHECK_HOME", OWN_HOME)
    if not environment.is_prepared(SPEC):
        pytest.skip(f"the environment is not built: run `python -m comparisons prepare {SPEC.id}`")
    worker = Worker(SPEC)
    worker.load()
    yield worker
    worker.close()


def played(notes, seconds):
    """Plucked notes (MIDI pitch, start_s, end_s) of four harmonics."""
    sound = np.zeros(round(seconds * RATE))
    for pitch, start_s, end_s in notes:
        t = np.arange(round((end_s - start_s) * RATE)) / RATE
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(0.1 / k * np.sin(2 * np.pi * hertz * k * t) for k in (1, 2, 3, 4))
        sound[round(start_s * RATE) :][: len(t)] += tone * np.exp(-1.5 * t) * np.minimum(1, t / 0.005)
    return Audio(sound, RATE)


def heard(worker, audio, top_k=None):
    return TASKS["tagging"].join(list(worker.run(Classify(audio, top_k=top_k), 60.0))).tags


@pytest.mark.isolated
def test_it_hears_a_broken_chord_with_the_times_of_its_notes(worker):
    notes = [(60, 0.5, 1.5), (64, 1.5, 2.5), (67, 2.5, 3.5)]
    tags = heard(worker, played(notes, 4.0), top_k=3)
    assert sorted((tag.label, round(tag.start_s, 1)) for tag in tags) == [("C4", 0.5), ("E4", 1.5), ("G4", 2.5)]
    assert all(0.3 < tag.score <= 1 and tag.start_s < tag.end_s <= 4.0 for tag in tags)
    assert worker.versions["basic-pitch"] == "0.4.0"


@pytest.mark.isolated
def test_notes_that_sound_together_are_all_heard(worker):
    tags = heard(worker, played([(57, 0.2, 2.0), (61, 0.2, 2.0), (64, 0.2, 2.0)], 2.2).stereo())
    assert {"A3", "C#4", "E4"} <= {tag.label for tag in tags if tag.start_s == pytest.approx(0.2, abs=0.05)}


@pytest.mark.isolated
def test_silence_and_a_sound_too_short_for_a_note_have_no_notes(worker):
    for seconds in (3.0, 0.001):
        (tag,) = heard(worker, Audio(np.zeros(round(seconds * RATE)), RATE))
        assert tag.label == "no notes" and 0.5 < tag.score <= 1
