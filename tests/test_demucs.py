"""Demucs separates with a small network of random weights, stored as its authors store theirs."""

import json
from fractions import Fraction

import numpy as np
import pytest
from tiny import tone

from engine.audio import Audio
from engine.contract import BadInput, NotReady, Separate, Stem
from engine.worker import Worker, WorkerError
from local_models import demucs

SOURCES = ["drums", "bass", "other", "vocals"]


def save(folder, *, klass="demucs.htdemucs.HTDemucs", parts=1):
    import torch
    from demucs.htdemucs import HTDemucs
    from safetensors.torch import save_file

    settings = dict(sources=SOURCES, channels=16, depth=4, t_layers=1, t_heads=2, bottom_channels=0, nfft=1024)
    names = [f"part{number}" for number in range(parts)]
    for number, name in enumerate(names):
        torch.manual_seed(number)
        model = HTDemucs(**settings, segment=Fraction(2))
        stored = settings | {"segment": {"_type": "fraction", "numerator": 2, "denominator": 1}}
        told = {"klass": klass, "args": "[]", "kwargs": json.dumps(stored)}
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / f"{name}.safetensors", told)
    (folder / "htdemucs.yaml").write_text(json.dumps({"models": names}))
    return folder


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = Worker(demucs.own(str(save(tmp_path_factory.mktemp("demucs")))))
    worker.load()
    yield worker
    worker.close()


def stems(worker, mix):
    return {piece.name: piece.audio for piece in worker.run(Separate(mix), 120) if isinstance(piece, Stem)}


def test_a_mix_longer_than_a_segment_becomes_four_stems_of_its_own_shape(worker):
    mix = tone(5.1, rate=44_100, channels=2)
    found = stems(worker, mix)
    assert list(found) == SOURCES
    assert {(stem.rate, stem.channels, stem.frames) for stem in found.values()} == {(44_100, 2, mix.frames)}
    assert all(np.isfinite(stem.samples).all() for stem in found.values())
    assert max(stem.peak for stem in found.values()) > 0


def test_a_mono_mix_at_another_rate_keeps_rate_channel_and_length(worker):
    mix = tone(1.7, rate=22_050)
    assert {(stem.rate, stem.channels, stem.frames) for stem in stems(worker, mix).values()} == {(22_050, 1, mix.frames)}


def test_the_same_mix_gives_the_same_stems(worker):
    mix = tone(1.0, rate=44_100, channels=2)
    first, second = stems(worker, mix), stems(worker, mix)
    assert all(np.array_equal(first[name].samples, second[name].samples) for name in SOURCES)


def test_silence_and_what_is_too_short_do_not_break_it(worker):
    silent = stems(worker, Audio(np.zeros((2, 44_100), np.float32), 44_100))
    assert all(np.isfinite(stem.samples).all() for stem in silent.values())
    with pytest.raises(WorkerError, match=r"needs at least 0.5 s of sound, got 0.10 s"):
        stems(worker, tone(0.1, rate=44_100))


def test_more_than_two_channels_are_refused():
    engine = demucs.Demucs(demucs.ENGINES[0])
    with pytest.raises(BadInput, match="takes mono or stereo sound, not 6 channels"):
        list(engine.run(Separate(tone(1.0, channels=6)), 60))


def test_a_file_that_names_a_class_of_its_own_is_refused(tmp_path):
    engine = demucs.Demucs(demucs.own(str(save(tmp_path, klass="subprocess.Popen"))))
    with pytest.raises(NotReady, match="is no Demucs model: it names the class 'subprocess.Popen'"):
        engine.load()


def test_a_bag_of_networks_is_averaged(tmp_path):
    engine = demucs.Demucs(demucs.own(str(save(tmp_path, parts=2))))
    engine.load()
    assert len(engine.model.models) == 2
    assert len([piece for piece in engine.run(Separate(tone(0.6, rate=44_100)), 60) if isinstance(piece, Stem)]) == 4


def test_what_was_not_fetched_says_how_to_fetch_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotReady, match=r"run `python -m comparisons prepare demucs/htdemucs`"):
        demucs.Demucs(demucs.ENGINES[0]).load()
