"""OpenAI's Realtime websocket: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import json

import numpy as np
import pytest
from fake_clouds import CANARY, cloud, tone

from comparisons.cost import bill
from comparisons.faults import sort
from engine.audio import Audio
from engine.contract import Ask, BadInput, BadResponse, Facts, Mark, Synthesize, Text, Transcribe, Usage
from providers._realtime import READ_ALOUD


def sent_events(seen):
    return [message if isinstance(message, int) else json.loads(message) for message in seen.messages]


def sound_of(pieces):
    return Audio.join([piece for piece in pieces if isinstance(piece, Audio)])


def test_live_transcription_sends_a_tenth_of_a_second_at_a_time_and_commits_at_the_end_of_speech():
    with cloud("openai/gpt-live-transcribe") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(0.85), language="en", prompt="Soundcheck, Aura"), 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert texts[0] == Text("the", final=False)
    assert texts[-2] == Text("the quick brown fox", final=False)
    assert texts[-1] == Text("the quick brown fox", language="en")
    assert pieces.index(texts[0]) < pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    usage, facts = pieces[-2:]
    assert usage == Usage({"input_audio_seconds": 0.85})
    assert (facts.request_id, facts.model) == ("sess_1", None)
    assert facts.connect_s > 0
    assert facts.sent == {"model": "gpt-live-transcribe", "languages": ["en"], "keywords": ["Soundcheck", "Aura"]}
    (seen,) = api.journal
    assert (seen.path, seen.query, seen.key) == ("/v1/realtime", [("intent", "transcription")], CANARY)
    heard = {"format": {"type": "audio/pcm", "rate": 24_000}, "transcription": facts.sent, "turn_detection": None}
    assert sent_events(seen) == [
        {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}},
        *[4_800] * 8,
        2_400,
        {"type": "input_audio_buffer.commit"},
    ]
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(0.85 / 60 * 0.017)


def test_reading_aloud_sends_the_text_as_a_message_and_yields_the_vendors_samples():
    with cloud("openai/gpt-realtime-2.1-mini") as (engine, api, vendor):
        *chunks, usage, facts = engine.run(Synthesize("Hello there.", voice="cedar", speed=1.2, instructions="Whisper."), 20.0)
    assert np.array_equal(sound_of(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert all(isinstance(chunk, Audio) for chunk in chunks)
    amounts = {"input_audio_tokens": 0.0, "input_text_tokens": 10.0, "output_audio_tokens": 8.0, "output_text_tokens": 4.0}
    assert usage == Usage(amounts)
    assert bill(engine.spec, {}, amounts, 1.0, None).cost_usd == pytest.approx((10 * 0.6 + 8 * 20 + 4 * 2.4) / 1e6)
    told = f"{READ_ALOUD} Whisper."
    assert facts.sent == {"model": "gpt-realtime-2.1-mini", "instructions": told, "voice": "cedar", "speed": 1.2}
    assert facts.model == "gpt-realtime-2.1-mini-2026"
    (seen,) = api.journal
    assert seen.query == [("model", "gpt-realtime-2.1-mini")]
    update, create = sent_events(seen)
    assert update["session"] == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": told,
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "cedar", "speed": 1.2}},
    }
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello there."}]}
    assert create == {"type": "response.create", "response": {"conversation": "none", "input": [message]}}


@pytest.mark.parametrize(("said", "shown"), [("hello there", None), ("Hi! How can I help?", "Hi! How can I help?")])
def test_what_was_said_instead_of_the_text_stands_in_the_row(said, shown):
    with cloud("openai/gpt-realtime-2.1-mini") as (engine, _, vendor):
        vendor.said = said
        facts = list(engine.run(Synthesize("Hello, there."), 20.0))[-1]
    assert isinstance(facts, Facts)
    assert facts.sent.get("spoken_text") == shown


def test_a_speed_beyond_the_vendors_is_refused_before_anything_is_sent():
    with cloud("openai/gpt-realtime-2.1-mini") as (engine, api, _):
        with pytest.raises(BadInput, match=r"0\.25 to 1\.5, not 2\.0"):
            list(engine.run(Synthesize("Hello.", speed=2.0), 20.0))
        assert api.journal == []


def test_a_question_goes_out_after_the_whole_sound_and_is_answered_in_writing():
    with cloud("openai/gpt-realtime-2.1") as (engine, api, _):
        pieces = list(engine.run(Ask(tone(11.0), prompt="What is it?"), 20.0))
    assert pieces[:4] == [Mark("uploaded"), Text("A ", final=False), Text("A tone.", final=False), Text("A tone.")]
    amounts = {"input_audio_tokens": 20.0, "input_text_tokens": 10.0, "output_audio_tokens": 0.0, "output_text_tokens": 4.0}
    assert pieces[4] == Usage(amounts)
    assert bill(engine.spec, {}, amounts, 1.0, None).cost_usd == pytest.approx((20 * 32 + 10 * 4 + 4 * 24) / 1e6)
    update, *sound, commit, item, create = sent_events(api.journal[0])
    pcm = {"type": "audio/pcm", "rate": 24_000}
    assert update["session"] == {
        "type": "realtime",
        "output_modalities": ["text"],
        "audio": {"input": {"format": pcm, "turn_detection": None}},
    }
    assert sound == [480_000, 48_000]
    assert commit == {"type": "input_audio_buffer.commit"}
    assert item["item"]["content"] == [{"type": "input_text", "text": "What is it?"}]
    assert create == {"type": "response.create"}


def test_a_spoken_answer_comes_with_its_transcript():
    with cloud("openai/gpt-realtime-2.1-spoken") as (engine, api, vendor):
        pieces = list(engine.run(Ask(tone()), 20.0))
    assert np.array_equal(sound_of(pieces).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert Text("A tone.") in pieces
    assert sent_events(api.journal[0])[0]["session"]["audio"]["output"]["voice"] == "marin"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "invalid_request_error", "code": "invalid_api_key", "message": "Incorrect API key."}, "auth"),
        ({"type": "insufficient_quota", "code": "insufficient_quota", "message": "No quota."}, "quota"),
        ({"type": "rate_limit_error", "code": None, "message": "Slow down."}, "rate_limit"),
        ({"type": "invalid_request_error", "code": "invalid_value", "message": "No such voice."}, "bad_input"),
        ({"type": "server_error", "code": None, "message": "Oops."}, "server"),
    ],
)
@pytest.mark.parametrize("engine_id", ["openai/gpt-live-transcribe", "openai/gpt-realtime-2.1-mini"])
def test_an_error_inside_the_session_has_its_kind_and_the_vendors_words(engine_id, error, kind):
    with cloud(engine_id) as (engine, _, vendor):
        vendor.error_event = error
        with pytest.raises(Exception) as failed:
            list(engine.run(Transcribe(tone(0.1)) if "transcribe" in engine_id else Synthesize("Hello."), 20.0))
    fault = sort(failed.value)
    assert fault.kind == kind
    assert error["message"] in fault.message


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"status": "incomplete", "status_details": {"reason": "max_output_tokens"}}, "incomplete .max_output_tokens"),
        ({"status": "cancelled"}, "cancelled"),
    ],
)
def test_half_an_answer_is_a_bad_response(status, why):
    with cloud("openai/gpt-realtime-2.1-mini") as (engine, _, vendor):
        vendor.status = status
        with pytest.raises(BadResponse, match=why):
            list(engine.run(Synthesize("Hello."), 20.0))


def test_a_failed_answer_is_the_vendors_failure():
    with cloud("openai/gpt-realtime-2.1-mini") as (engine, _, vendor):
        vendor.status = {"status": "failed", "status_details": {"error": {"type": "server_error", "message": "Oops."}}}
        with pytest.raises(Exception, match="Oops") as failed:
            list(engine.run(Synthesize("Hello."), 20.0))
    assert sort(failed.value).kind == "server"


@pytest.mark.parametrize("pcm", [b"", b"\1\2\3"])
def test_an_answer_without_whole_samples_is_a_bad_response(pcm):
    with cloud("openai/gpt-realtime-2.1-mini") as (engine, _, vendor):
        vendor.pcm = pcm
        with pytest.raises(BadResponse, match="without any audio|in the middle of a sample"):
            list(engine.run(Synthesize("Hello."), 20.0))


@pytest.mark.parametrize("engine_id", ["openai/gpt-live-transcribe", "openai/gpt-realtime-2.1", "openai/gpt-realtime-2.1-mini"])
def test_a_session_without_its_last_event_is_a_bad_response(engine_id):
    requests = {"asr": Transcribe(tone(0.1)), "tts": Synthesize("Hello."), "audio_lm": Ask(tone(0.1))}
    with cloud(engine_id) as (engine, _, vendor):
        vendor.terminal = False
        with pytest.raises(BadResponse, match="ended its stream"):
            list(engine.run(requests[engine.spec.task], 20.0))


def test_a_proxy_in_the_environment_is_not_used(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with cloud("openai/gpt-realtime-2.1-mini") as (engine, api, _):
        list(engine.run(Synthesize("Hello."), 20.0))
        assert len(api.journal) == 1
