"""Stability AI: what the engine sends and what comes back. Exchanges are from docs, not recorded."""

import numpy as np
import pytest
from fake_clouds import CANARY, cloud
from fake_outputs import wav

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, Compose
from engine.tasks import usage_of


def test_a_description_goes_out_as_a_form_and_music_comes_back():
    request = Compose("Bells over a slow drum", duration_s=2.0, seed=7)
    with cloud("stability/stable-audio-2.5") as (engine, api, _):
        *chunks, facts = engine.run(request, 20.0)
    sound = Audio.join(chunks)
    assert (sound.rate, sound.channels) == (44_100, 2)
    assert np.array_equal(sound.samples, Audio.decode(wav(2.0)).samples)
    sent = {"model": "stable-audio-2.5", "output_format": "wav", "duration": 2, "seed": 7}
    assert (facts.request_id, facts.sent) == ("st-1", sent)
    (seen,) = api.journal
    assert (seen.path, seen.headers["accept"]) == ("/v2beta/audio/stable-audio-2/text-to-audio", "audio/*")
    assert seen.headers["authorization"] == f"Bearer {CANARY}"
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert dict(seen.fields) == {name: str(value) for name, value in sent.items()} | {"prompt": "Bells over a slow drum"}
    assert bill(engine.spec, usage_of(request, None), None, None, None).cost_usd == 0.20


def test_what_is_not_asked_for_is_not_sent():
    with cloud("stability/stable-audio-2.5") as (engine, api, _):
        list(engine.run(Compose("Bells", duration_s=None), 20.0))
    assert {name for name, _ in api.journal[0].fields} == {"model", "output_format", "prompt"}


@pytest.mark.parametrize("seconds", [0.5, 2.5, 191.0])
def test_a_length_that_the_model_cannot_have_is_refused_before_anything_is_sent(seconds):
    with cloud("stability/stable-audio-2.5") as (engine, api, _):
        run = engine.run(Compose("Bells", duration_s=seconds), 20.0)
        with pytest.raises(BadInput, match="whole seconds from 1 to 190"):
            list(run)
    assert api.journal == []


def test_a_flagged_description_is_the_inputs_fault_and_not_the_keys():
    with cloud("stability/stable-audio-2.5") as (engine, _, vendor):
        vendor.flagged = True
        with pytest.raises(BadInput, match="moderation") as caught:
            list(engine.run(Compose("Bells"), 20.0))
    assert faults.sort(caught.value).kind == "bad_input"
