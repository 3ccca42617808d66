"""Alibaba DashScope: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import json

import numpy as np
import pytest
from fake_clouds import CANARY, cloud, tone

from comparisons.cost import bill
from comparisons.faults import sort
from engine.audio import Audio
from engine.contract import Ask, BadResponse, Synthesize, Text, Transcribe, Unsupported, Usage
from engine.tasks import usage_of


def test_hearing_sends_one_message_of_sound_and_bills_the_seconds_that_the_vendor_reports():
    with cloud("dashscope/qwen3-asr-flash") as (engine, api, _):
        *said, usage, facts = engine.run(Transcribe(tone(0.4), language="en", prompt="Aura"), 20.0)
    assert said == [
        Text("the quick", final=False),
        Text("the quick brown fox", final=False),
        Text("the quick brown fox", language="en"),
    ]
    assert usage == Usage({"input_audio_seconds": 1.0})
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(0.000035)
    assert (facts.request_id, facts.model) == ("ds-chat", "qwen3-asr-flash")
    (seen,) = api.journal
    assert (seen.path, seen.key) == ("/compatible-mode/v1/chat/completions", CANARY)
    asked = seen.json()
    system, user = asked.pop("messages")
    assert system == {"role": "system", "content": [{"type": "text", "text": "Aura"}]}
    assert [part["type"] for part in user["content"]] == ["input_audio"]
    assert asked == {
        "model": "qwen3-asr-flash",
        "stream": True,
        "stream_options": {"include_usage": True},
        "asr_options": {"enable_itn": False, "language": "en"},
    }


def test_speech_streams_and_bills_what_the_vendor_counted():
    request = Synthesize("你好 there", voice="Ethan", language="zh")
    with cloud("dashscope/qwen3-tts-flash") as (engine, api, vendor):
        *chunks, usage, facts = engine.run(request, 20.0)
    assert len(chunks) == 2
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert usage == Usage({"input_double_byte_characters": 8.0})
    assert facts.request_id == "ds-1"
    assert facts.sent == {"model": "qwen3-tts-flash", "voice": "Ethan", "language_type": "Chinese"}
    (seen,) = api.journal
    assert (seen.path, seen.key) == ("/api/v1/services/aigc/multimodal-generation/generation", CANARY)
    assert seen.json() == {
        "model": "qwen3-tts-flash",
        "input": {"text": "你好 there", "voice": "Ethan", "language_type": "Chinese"},
    }
    counted = bill(engine.spec, usage_of(request, None), None, 1.0, None)
    assert counted.raw == {"input_double_byte_characters": 10.0}
    assert counted.cost_usd == pytest.approx(10 * 0.10 / 10_000)
    assert bill(engine.spec, usage_of(request, None), usage.amounts, 1.0, None).cost_usd == pytest.approx(8 * 0.10 / 10_000)


def test_a_refusal_amid_the_stream_of_an_answer_that_began_well_has_its_kind():
    with cloud("dashscope/qwen3-tts-flash") as (engine, _, vendor):
        vendor.refused_midway = {"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded", "request_id": "r"}
        with pytest.raises(Exception, match="rate limit exceeded") as failed:
            list(engine.run(Synthesize("Hello."), 20.0))
    assert sort(failed.value).kind == "rate_limit"


def test_the_websocket_sends_the_whole_text_and_adds_up_what_its_answers_bill():
    with cloud("dashscope/qwen3-tts-flash-realtime") as (engine, api, vendor):
        *chunks, usage, facts = engine.run(Synthesize("Hello there."), 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert usage == Usage({"input_double_byte_characters": 12.0})
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd is None
    assert (facts.request_id, facts.model) == ("sess_ds", "qwen3-tts-flash-realtime")
    (seen,) = api.journal
    assert (seen.path, seen.query, seen.key) == ("/api-ws/v1/realtime", [("model", "qwen3-tts-flash-realtime")], CANARY)
    session = {
        "mode": "server_commit",
        "voice": "Cherry",
        "language_type": "Auto",
        "response_format": "pcm",
        "sample_rate": 24_000,
    }
    assert [json.loads(message) for message in seen.messages] == [
        {"type": "session.update", "event_id": "event_1", "session": session},
        {"type": "input_text_buffer.append", "event_id": "event_2", "text": "Hello there."},
        {"type": "session.finish", "event_id": "event_3"},
    ]


def test_omni_gets_its_sound_as_a_data_address_and_keeps_its_thoughts_to_itself():
    with cloud("dashscope/qwen3.8-omni-flash") as (engine, api, _):
        pieces = list(engine.run(Ask(tone(), prompt="What is it?"), 20.0))
    assert pieces[:3] == [Text("A", final=False), Text("A tone.", final=False), Text("A tone.")]
    usage = pieces[3]
    assert usage.amounts["input_audio_tokens"] == 20.0
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx((30 * 0.15 + 12 * 0.47) / 1e6)
    question, sound = api.journal[0].json()["messages"][0]["content"]
    assert question == {"type": "text", "text": "What is it?"}
    assert sound["input_audio"]["data"].startswith("data:;base64,")


@pytest.mark.parametrize("engine_id", ["dashscope/qwen3-tts-flash", "dashscope/qwen3-tts-flash-realtime"])
def test_a_language_that_it_does_not_speak_is_refused_before_anything_is_sent(engine_id):
    with cloud(engine_id) as (engine, api, _):
        with pytest.raises(Unsupported, match="'fi'"):
            list(engine.run(Synthesize("Hei.", language="fi"), 20.0))
        assert api.journal == []


@pytest.mark.parametrize(
    "engine_id", ["dashscope/qwen3-asr-flash", "dashscope/qwen3-tts-flash", "dashscope/qwen3-tts-flash-realtime"]
)
def test_a_stream_without_its_last_event_is_a_bad_response(engine_id):
    with cloud(engine_id) as (engine, _, vendor):
        vendor.terminal = False
        with pytest.raises(BadResponse, match="ended its stream"):
            list(engine.run(Transcribe(tone(0.1)) if engine.spec.task == "asr" else Synthesize("Hello."), 20.0))


def test_the_address_may_be_written_as_the_vendor_writes_it_for_chat(monkeypatch):
    with cloud("dashscope/qwen3-tts-flash") as (engine, api, _):
        again = engine.spec.engine(engine.spec, CANARY, f"{api.url}/compatible-mode/v1/")
        again.load()
        list(again.run(Synthesize("Hello."), 5.0))
        again.close()
        assert api.journal[0].path.startswith("/api/v1/services/")
