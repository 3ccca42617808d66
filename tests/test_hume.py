"""Hume: what the engine sends and what comes back. Exchanges are from docs, not recorded."""

import threading

import numpy as np
import pytest
from fake_clouds import CANARY, cloud

from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import Synthesize
from engine.tasks import usage_of


def test_octave_2_speaks_with_a_voice_of_the_library():
    """T18."""
    request = Synthesize("Hello there.", speed=1.2)
    with cloud("hume/octave-2") as (engine, api, vendor):
        *chunks, facts = engine.run(request, 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 48_000).samples)
    assert facts.request_id == "hu-1"
    assert facts.sent == {"voice": "Ava Song", "speed": 1.2, "format": "pcm", "version": "2", "num_generations": 1}
    (seen,) = api.journal
    assert (seen.path, seen.headers["x-hume-api-key"]) == ("/v0/tts/stream/file", CANARY)
    voice = {"name": "Ava Song", "provider": "HUME_AI"}
    assert seen.json() == {
        "utterances": [{"text": "Hello there.", "voice": voice, "speed": 1.2}],
        "format": {"type": "pcm"},
        "version": "2",
        "num_generations": 1,
    }
    assert bill(engine.spec, usage_of(request, None), None, 1.0, None).cost_usd == pytest.approx(12 / 1000 * 0.15)


def test_a_voice_may_be_named_by_its_id():
    own = "5bb7de05-c8fe-426a-8fcc-ba4fc4ce9f9c"
    with cloud("hume/octave-2") as (engine, api, _):
        list(engine.run(Synthesize("Hello.", voice=own), 20.0))
    (utterance,) = api.journal[0].json()["utterances"]
    assert utterance == {"text": "Hello.", "voice": {"id": own}}


def test_speech_arrives_before_the_answer_is_complete():
    """T5."""
    with cloud("hume/octave-2") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        assert next(run).frames < 24_000
        vendor.hold.set()
        list(run)
