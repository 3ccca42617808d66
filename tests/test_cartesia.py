"""Cartesia: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import threading

import numpy as np
import pytest
from fake_clouds import CANARY, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, BadResponse, Synthesize, Text, Transcribe, Usage, Word
from engine.tasks import TASKS, usage_of

KATIE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"


@pytest.mark.parametrize("model", ["sonic-3.5", "sonic-3"])
def test_speech_events_become_sound_that_is_billed_by_its_length(model):
    """T18."""
    request = Synthesize("Guten Tag.", language="de", speed=1.2)
    with cloud(f"cartesia/{model}") as (engine, api, vendor):
        *chunks, facts = engine.run(request, 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert facts.request_id == "ca-1"
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/tts/sse", f"Bearer {CANARY}")
    assert seen.json() == {
        "model_id": model,
        "transcript": "Guten Tag.",
        "voice": {"id": KATIE},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000},
        "language": "de",
        "generation_config": {"speed": 1.2},
    }
    counted = usage_of(request, TASKS["tts"].join(chunks))
    assert bill(engine.spec, counted, None, 1.0, None).cost_usd == pytest.approx(0.5 / 60 * 0.04)


def test_a_voice_of_ones_own_is_sent_by_its_id():
    with cloud("cartesia/sonic-3.5") as (engine, api, _):
        list(engine.run(Synthesize("Hello.", voice="my-own-voice"), 20.0))
        list(engine.run(Synthesize("Hello.", voice="Tessa"), 20.0))
    assert [seen.json()["voice"]["id"] for seen in api.journal] == ["my-own-voice", "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"]


def test_a_stream_that_ends_without_its_last_event_is_a_bad_response():
    """T6."""
    with cloud("cartesia/sonic-3.5") as (engine, _, vendor):
        vendor.last = None
        with pytest.raises(BadResponse, match="before the speech was complete"):
            list(engine.run(Synthesize("Hello."), 20.0))


@pytest.mark.parametrize(("status", "kind"), [(402, "quota"), (429, "rate_limit"), (422, "bad_input"), (500, "server")])
def test_an_error_amid_the_stream_has_its_kind(status, kind):
    with cloud("cartesia/sonic-3.5") as (engine, _, vendor):
        vendor.last = {"type": "error", "done": True, "status_code": status, "title": "Stopped", "message": "no more speech"}
        with pytest.raises(Exception, match="no more speech") as caught:
            list(engine.run(Synthesize("Hello."), 20.0))
    assert faults.sort(caught.value).kind == kind


def test_speech_arrives_before_the_answer_is_complete():
    """T5."""
    with cloud("cartesia/sonic-3.5") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        assert next(run).frames < 12_000
        vendor.hold.set()
        list(run)


def test_a_speed_that_the_vendor_does_not_take_is_refused_before_anything_is_sent():
    with cloud("cartesia/sonic-3") as (engine, api, _):
        with pytest.raises(BadInput, match=r"0\.6 to 1\.5"):
            list(engine.run(Synthesize("Hello.", speed=2.0), 20.0))
        assert api.journal == []


def test_ink_whisper_sends_one_wav_and_reports_what_was_heard():
    """T18."""
    with cloud("cartesia/ink-whisper") as (engine, api, _):
        text, usage, facts = engine.run(Transcribe(tone(1.0, rate=44_100), language="de", word_times=True), 20.0)
    assert text == Text("The quick brown fox.", words=(Word("The", 0.1, 0.2), Word("quick", 0.2, 0.5)), language="de")
    assert usage == Usage({"input_audio_seconds": 1.0})
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(0.003 / 60)
    assert facts.request_id == "ca-2"
    (seen,) = api.journal
    assert (seen.path, seen.key, seen.wav) == ("/stt", CANARY, (1.0, 16_000, 1))
    assert sorted(seen.fields) == [("language", "de"), ("model", "ink-whisper"), ("timestamp_granularities[]", "word")]


def test_headers_from_the_environment_are_not_sent(monkeypatch):
    monkeypatch.setenv("CARTESIA_CUSTOM_HEADERS", "authorization: Bearer key-of-somebody-else")
    with cloud("cartesia/ink-whisper") as (engine, api, _):
        list(engine.run(Transcribe(tone(0.1)), 20.0))
    assert api.keys() == [CANARY]
