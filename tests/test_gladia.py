"""Gladia: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import json

import pytest
from fake_clouds import CANARY, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import BadResponse, Facts, Mark, Text, Transcribe, Usage, Word

WORDS = (Word("The", 0.1, 0.2, 0.9), Word("quick", 0.2, 0.5, 0.8))
VOCABULARY = {"custom_vocabulary": True, "custom_vocabulary_config": {"vocabulary": ["Soundcheck", "Aura"]}}
ENGLISH = {"language_config": {"languages": ["en"], "code_switching": False}}


@pytest.mark.parametrize("model", ["solaria-1", "solaria-3"])
def test_a_job_is_uploaded_submitted_and_polled_every_quarter_of_a_second(model):
    with cloud(f"gladia/{model}") as (engine, api, _):
        pace = Pace(engine)
        request = Transcribe(tone(2.0, rate=44_100), language="en", prompt="Soundcheck, Aura", speakers=True)
        mark, text, usage, facts = engine.run(request, 20.0)
    assert mark == Mark("uploaded")
    assert (text.text, text.language) == ("The quick fox.", "en")
    assert text.words == tuple(Word(word.text, word.start_s, word.end_s, word.confidence, "0") for word in WORDS)
    assert usage == Usage({"input_audio_seconds": 2.0})
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == pytest.approx(2 / 3600 * 0.61)
    sent = {"model": model, **ENGLISH, **VOCABULARY, "diarization": True}
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.server_s, facts.poll_s, facts.sent) == ("G-job-1", 0.7, 0.25, sent)
    upload, submit, *looks = api.journal
    assert (upload.path, upload.wav) == ("/v2/upload", (2.0, 16_000, 1))
    assert submit.json() == {**sent, "audio_url": "https://api.example/file/2.0"}
    assert [seen.path for seen in looks] == ["/v2/pre-recorded/job-1"] * 3
    assert {seen.headers["x-gladia-key"] for seen in api.journal} == {CANARY}
    assert pace.looks(0.25) == 3


def test_a_failed_job_names_the_vendors_error():
    with cloud("gladia/solaria-1") as (engine, _, vendor):
        vendor.states = ("processing", "error")
        with pytest.raises(Exception, match="error 422") as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == "server"


def test_the_live_engine_opens_a_session_and_its_socket_never_sees_the_key():
    with cloud("gladia/solaria-1-live") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(0.85), language="en", prompt="Soundcheck, Aura"), 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert [text.text for text in texts if not text.final][:3] == ["The", "The quick", "The quick fox"]
    assert [text for text in texts if text.final] == [Text("The quick fox.", words=WORDS, language="en", confidence=0.85)]
    assert pieces.index(texts[0]) < pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    facts = pieces[-1]
    opened, socket = api.journal
    assert (facts.request_id, facts.sent) == ("live-1", opened.json())
    assert (opened.path, opened.headers["x-gladia-key"]) == ("/v2/live", CANARY)
    sent = opened.json()
    assert sent.pop("messages_config")["receive_partial_transcripts"] is True
    assert sent == {
        "model": "solaria-1",
        "encoding": "wav/pcm",
        "bit_depth": 16,
        "sample_rate": 16_000,
        "channels": 1,
        **ENGLISH,
        "realtime_processing": VOCABULARY,
    }
    assert (socket.path, socket.query) == ("/v2/session", [("token", "1")])
    assert not {"authorization", "x-gladia-key"} & set(socket.headers)
    assert socket.messages == [3_200] * 8 + [1_600, json.dumps({"type": "stop_recording"})]


@pytest.mark.parametrize(
    "address", ["ws://elsewhere.example/v2", "http://127.0.0.1:1/", "file:///etc/passwd", "wss://", 7, "ws://["]
)
def test_sound_is_sent_only_where_it_travels_over_tls(address):
    with cloud("gladia/solaria-1-live") as (engine, api, vendor):
        vendor.session_url = address
        with pytest.raises(BadResponse):
            list(engine.run(Transcribe(tone(0.1)), 20.0))
        assert len(api.journal) == 1


def test_a_live_session_without_its_closing_message_is_a_bad_response():
    with cloud("gladia/solaria-1-live") as (engine, _, vendor):
        vendor.terminal = False
        with pytest.raises(BadResponse, match="without the closing report"):
            list(engine.run(Transcribe(tone(0.1)), 20.0))


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ("bad_key", "auth"),
        ("overloaded", "server"),
        ("redirect", "bad_response"),
        ("html", "bad_response"),
        ("wrong_json", "bad_response"),
        ("truncated_json", "bad_response"),
        ("empty", "bad_response"),
        ("cut", "network"),
        ("reset", "network"),
        ("stall", "timeout"),
        ("stall_midway", "timeout"),
        ("drip_headers", "timeout"),
    ],
)
def test_the_socket_of_a_session_may_fail_in_every_way(trouble, kind):
    with cloud("gladia/solaria-1-live") as (engine, api, _):
        api.fail(trouble, path="/session", redirect_to=api.url)
        with pytest.raises(Exception) as caught:
            list(engine.run(Transcribe(tone(0.2)), 1.0))
        assert faults.sort(caught.value, secrets=[CANARY]).kind == kind
        api.heal()
        assert list(engine.run(Transcribe(tone(0.1)), 20.0))


@pytest.mark.parametrize(
    ("trouble", "kind"), [("wrong_json", "bad_response"), ("html", "bad_response"), ("rate_limited", "rate_limit")]
)
def test_a_job_whose_state_cannot_be_read_is_asked_for_once(trouble, kind):
    with cloud("gladia/solaria-1") as (engine, api, _):
        api.fail(trouble, path="/pre-recorded/")
        with pytest.raises(Exception) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value, secrets=[CANARY]).kind == kind
    assert len(api.journal) == 3
