"""CosyVoice 2 in its own environment: a small random model speaks on in a reference voice whose words are given."""

import numpy as np
import pytest
import tiny
import tiny_cosyvoice
from built import built
from isolated import make, own_home

from engine.worker import WorkerError
from local_models import cosyvoice

SPEC = cosyvoice.ENGINES[0]
SAVE = "import sys, tiny_cosyvoice; from pathlib import Path; tiny_cosyvoice.save(Path(sys.argv[1]))"


def test_its_settings_run_code_and_it_says_so_before_it_is_prepared():
    assert SPEC.remote_code and SPEC.requires == ("reference", "reference_text")


@pytest.mark.isolated
def test_it_speaks_in_the_reference_voice_and_refuses_one_without_its_words(tmp_path, monkeypatch):
    with own_home(SPEC):
        tiny_cosyvoice.networks(tmp_path)
        make(SPEC, SAVE, tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    tiny.hub_snapshot(tmp_path / "hub", SPEC.needs.downloads[0].source, tmp_path)
    with built(SPEC) as voice:
        like = {"reference": tiny.tone(2.0), "reference_text": "a tone"}
        first, again = (voice.sound("Hello, world.", **like) for _ in range(2))
        assert (first.rate, first.channels) == (24_000, 1) and first.seconds > 0.1 and first.peak > 0
        assert np.array_equal(first.samples, again.samples)
        with pytest.raises(WorkerError, match="needs the words that are said in the reference voice's recording"):
            voice.sound("Hello.", reference=tiny.tone(2.0))
