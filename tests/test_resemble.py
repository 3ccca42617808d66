"""Resemble AI: what the engines send and what comes back. Exchanges are from docs, not recorded."""

import threading

import numpy as np
import pytest
from fake_clouds import CANARY, cloud

from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, Synthesize
from engine.tasks import TASKS, usage_of


@pytest.mark.parametrize(("model", "named"), [("chatterbox", {}), ("chatterbox-turbo", {"model": "chatterbox-turbo"})])
def test_speech_is_streamed_behind_a_header_full_of_cue_points(model, named):
    request = Synthesize("Hello there.")
    with cloud(f"resemble/{model}") as (engine, api, vendor):
        *chunks, facts = engine.run(request, 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 48_000).samples)
    sent = {"voice_uuid": "55592656", "precision": "PCM_16", "sample_rate": 48_000, **named}
    assert (facts.request_id, facts.sent) == ("res-1", sent)
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/stream", f"Bearer {CANARY}")
    assert seen.json() == {**sent, "data": "Hello there."}
    counted = usage_of(request, TASKS["tts"].join(chunks))
    assert bill(engine.spec, counted, None, None, None).cost_usd == pytest.approx(0.5 * 0.0005)


def test_speech_arrives_before_the_answer_is_complete():
    with cloud("resemble/chatterbox") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello.", voice="my-voice"), 10.0)
        assert api.journal == []
        assert next(run).frames < 24_000
        vendor.hold.set()
        list(run)
    assert api.journal[0].json()["voice_uuid"] == "my-voice"


def test_a_voice_that_no_account_has_is_refused_before_anything_is_sent():
    with cloud("resemble/chatterbox") as (engine, api, _), pytest.raises(BadInput, match="no voice 'a voice'"):
        list(engine.run(Synthesize("Hello.", voice="a voice"), 20.0))
    assert api.journal == []
