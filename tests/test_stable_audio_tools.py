"""Stability's own library in its own environment: a small random model writes stereo sound of the length asked for."""

import numpy as np
import pytest
import tiny
from isolated import make, own_home, working

from engine.contract import Compose
from engine.tasks import TASKS
from engine.worker import WorkerError
from local_models import stable_audio_tools

SPEC = stable_audio_tools.ENGINES[0]
SAVE = "import sys, tiny_stable_audio; from pathlib import Path; tiny_stable_audio.save(*map(Path, sys.argv[1:]))"


def composed(worker, **asked):
    return TASKS["music"].join(list(worker.run(Compose("rain on a tin roof", **asked), 300.0)))


@pytest.mark.isolated
def test_a_small_model_writes_stereo_of_the_length_asked_for_and_the_same_seed_writes_the_same(tmp_path, monkeypatch):
    model, text = tmp_path / "model", tmp_path / "text"
    with own_home(SPEC):
        for folder in (model, text):
            folder.mkdir()
        make(SPEC, SAVE, model, text)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        for download, folder in zip(SPEC.needs.downloads, (model, text), strict=True):
            tiny.hub_snapshot(tmp_path / "hub", download.source, folder)
        with working(SPEC) as worker:
            first, same, other = (composed(worker, duration_s=1.5, seed=seed).audio for seed in (1, 1, 2))
            assert (first.rate, first.channels, first.seconds) == (44_100, 2, pytest.approx(1.5, abs=0.001))
            assert 0 < first.peak <= 1
            assert np.array_equal(first.samples, same.samples) and not np.array_equal(first.samples, other.samples)
            with pytest.raises(WorkerError, match=r"stable_audio_tools/open-small composes .* to 11 s, not 12"):
                composed(worker, duration_s=12)
            with pytest.raises(WorkerError, match="64"):
                list(worker.run(Compose("rain " * 100), 60.0))
