"""Fish Audio: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import threading

import numpy as np
import ormsgpack
import pytest
from fake_clouds import CANARY, cloud, tone

from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, Facts, Synthesize, Text, Transcribe, Usage
from engine.tasks import usage_of

VOICE = "802e3bc2b27e49c2995d23ef70e6ac89"


@pytest.mark.parametrize("model", ["s2.1-pro", "s1"])
def test_speech_is_asked_for_as_raw_sound_and_billed_by_bytes(model):
    with cloud(f"fish/{model}") as (engine, api, vendor):
        request = Synthesize("Guten Tag, 世界.", speed=1.5)
        *chunks, facts = engine.run(request, 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 44_100).samples)
    assert bill(engine.spec, usage_of(request, None), None, None, None).cost_usd == pytest.approx(18 / 1e6 * 15)
    sent = {"format": "pcm", "sample_rate": 44_100, "reference_id": VOICE, "prosody": {"speed": 1.5}}
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.sent) == ("fish-1", {"model": model, **sent})
    (seen,) = api.journal
    assert (seen.path, seen.headers["model"], seen.headers["authorization"]) == ("/v1/tts", model, f"Bearer {CANARY}")
    assert seen.json() == {**sent, "text": "Guten Tag, 世界."}


def test_speech_arrives_before_the_answer_is_complete():
    """T5: the SDK would hold it back."""
    with cloud("fish/s2.1-pro") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello.", voice="a-voice-of-my-own"), 10.0)
        assert api.journal == []
        assert next(run).frames < 22_050
        vendor.hold.set()
        list(run)
    assert api.journal[0].json()["reference_id"] == "a-voice-of-my-own"


@pytest.mark.parametrize("speed", [0.25, 4.0])
def test_a_speed_that_the_vendor_does_not_take_is_refused_before_anything_is_sent(speed):
    with cloud("fish/s1") as (engine, api, _):
        with pytest.raises(BadInput, match="from 0.5 to 2"):
            list(engine.run(Synthesize("Hello.", speed=speed), 20.0))
        assert api.journal == []


def test_a_recording_is_transcribed_in_one_request_and_billed_by_started_seconds():
    with cloud("fish/transcribe-1") as (engine, api, _):
        text, usage, facts = engine.run(Transcribe(tone(1.5, rate=44_100), language="en"), 20.0)
    assert text == Text("The quick brown fox.", language="en")
    assert usage == Usage({"input_audio_seconds": 1.5})
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == pytest.approx(2 / 3600 * 0.36)
    assert (facts.request_id, facts.sent) == ("fish-2", {"include_timestamps": False, "language": "en"})
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/v1/asr", f"Bearer {CANARY}")
    asked = ormsgpack.unpackb(seen.body)
    assert asked.pop("audio") == tone(1.5, rate=44_100).resample(16_000).to_wav()
    assert asked == {"ignore_timestamps": True, "language": "en"}


def test_a_key_in_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("FISH_API_KEY", "key-of-somebody-else")
    with cloud("fish/transcribe-1") as (engine, api, _):
        list(engine.run(Transcribe(tone(0.1)), 20.0))
    assert api.keys() == [CANARY]
