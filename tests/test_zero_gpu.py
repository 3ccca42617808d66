"""On a ZeroGPU Space engines that want a GPU run in the page's process and borrow it; everywhere else nothing changes."""

import contextvars
import sys
import types

import numpy as np
import pytest
from stub_engines import Scripted, spec

from comparisons import lanes, zero_gpu
from comparisons.catalogue import readiness
from engine.audio import Audio
from engine.contract import Compose, Needs, Text, Transcribe
from engine.worker import Worker, WorkerError

SOUND = Audio(np.zeros((1, 16_000), np.float32), 16_000)


@pytest.fixture
def lent(monkeypatch):
    """A platform that lends a GPU: it writes down what was asked for. The real one works like its package's decorator."""
    asked = []

    def gpu(task=None, *, duration=None):
        def lend(*arguments):
            asked.append(duration(*arguments))
            yield from task(*arguments)

        return (lambda real: gpu(real, duration=duration)) if task is None else lend

    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=gpu))
    return asked


def test_an_engine_that_wants_a_gpu_borrows_it_for_the_length_of_its_sound(lent):
    engine = lanes.Residents(1.0).take(spec(Scripted, devices=("cuda", "cpu")))
    assert isinstance(engine, zero_gpu.ZeroGpuEngine)
    engine.load()
    pieces = list(engine.run(Transcribe(SOUND, prompt="say hello"), 60))
    assert any(isinstance(piece, Text) for piece in pieces)
    assert lent == [zero_gpu.SHORTEST_S]
    assert engine.alive
    assert engine.versions["python"]


def test_what_a_model_raises_arrives_as_its_own_sentence_and_kind(lent):
    class Failing(Scripted):
        def run(self, request, timeout_s):
            raise MemoryError("no room left")
            yield

    engine = zero_gpu.ZeroGpuEngine(spec(Failing, devices=("cuda",)))
    engine.load()
    with pytest.raises(WorkerError, match="no room left") as raised:
        list(engine.run(Transcribe(SOUND), 60))
    assert raised.value.kind == "out_of_memory"


def test_the_time_asked_for_grows_with_the_sound_and_stays_within_the_deadline():
    assert zero_gpu.duration_s(Compose("rain", duration_s=40), 300) == 80
    assert zero_gpu.duration_s(Compose("rain", duration_s=300), 300) == zero_gpu.LONGEST_S
    assert zero_gpu.duration_s(Compose("rain", duration_s=300), 20) == 20


def test_engines_of_the_cpu_keep_their_process_and_isolated_ones_with_a_gpu_say_why_not(lent):
    assert isinstance(lanes.Residents(1.0).take(spec(Scripted)), Worker)
    apart = readiness(spec(Scripted, devices=("cuda", "cpu"), isolated=True))
    assert (apart.status, "has no GPU on ZeroGPU" in apart.needs[0]) == ("unavailable", True)


def test_the_lent_gpu_counts_as_memory(lent, monkeypatch):
    from comparisons.catalogue import gpu_memory_gb

    gpu_memory_gb.cache_clear()
    try:
        fits = readiness(spec(Scripted, devices=("cuda",), needs=Needs(gpu_memory_gb=60)))
        large = readiness(spec(Scripted, devices=("cuda",), needs=Needs(gpu_memory_gb=90)))
    finally:
        gpu_memory_gb.cache_clear()
    assert fits.status == "ready"
    assert large.needs == ("It needs a GPU with 90 GB of memory; this machine has one with 75 GB.",)


def test_a_lane_works_in_the_context_of_whoever_asked():
    visitor, heard = contextvars.ContextVar("visitor"), []
    visitor.set("Ada")
    lane, done = lanes.Lane("cpu"), lanes.threading.Event()
    lane.submit(lambda: (heard.append(visitor.get(None)), done.set()))
    assert done.wait(30)
    assert heard == ["Ada"]


def test_nothing_happens_elsewhere(monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    monkeypatch.setitem(sys.modules, "spaces", None)
    zero_gpu.announce()
    assert isinstance(lanes.Residents(1.0).take(spec(Scripted, devices=("cuda",))), Worker)
