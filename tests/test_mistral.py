"""Mistral: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import base64
import threading

import numpy as np
import pytest
from fake_api import Reply
from fake_clouds import CANARY, SPECS, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import Ask, BadResponse, Synthesize, Text, Transcribe, Usage, Word

FOX = "the quick brown fox"
WHY = "The model is overloaded."


@pytest.mark.parametrize(("size", "usd"), [("mini", 0.0035), ("small", 0.004)])
def test_a_transcription_sends_its_terms_and_returns_words_with_speakers(size, usd):
    """T18."""
    engine_id = f"mistral/voxtral-{size}-transcribe-3-0"
    with cloud(engine_id) as (engine, api, _):
        request = Transcribe(
            tone(1.0, rate=44_100).stereo(), language="en", prompt="Soundcheck, Aura", word_times=True, speakers=True
        )
        text, usage, facts = engine.run(request, 20.0)
    words = (Word("the", 0.0, 0.2, 0.9, "speaker_1"), Word("quick", 0.25, 0.45, 0.9, "speaker_1"))
    assert text == Text(FOX, words=words, language="en")
    assert usage == Usage({"input_audio_seconds": 1.0})
    assert bill(SPECS[engine_id], {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(usd / 60)
    assert (facts.request_id, facts.model) == ("mi-1", f"voxtral-{size}-transcribe-3-0")
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/v1/audio/transcriptions", f"Bearer {CANARY}")
    assert sorted(seen.fields) == [
        ("context_bias", "Aura"),
        ("context_bias", "Soundcheck"),
        ("diarize", "true"),
        ("language", "en"),
        ("model", f"voxtral-{size}-transcribe-3-0"),
        ("stream", "false"),
        ("timestamp_granularities", "word"),
    ]
    assert seen.wav == (1.0, 16_000, 1)


def test_speakers_alone_come_as_turns_and_nothing_asked_for_as_no_words():
    with cloud("mistral/voxtral-mini-transcribe-3-0") as (engine, _, _vendor):
        turns, *_ = engine.run(Transcribe(tone(), speakers=True), 20.0)
        plain, *_ = engine.run(Transcribe(tone()), 20.0)
    assert turns.words == (Word(FOX, 0.0, 0.2, 0.9, "speaker_1"),)
    assert plain == Text(FOX, language="en")


def test_the_streamed_engine_yields_its_text_as_it_is_written():
    """T5, T18."""
    with cloud("mistral/voxtral-mini-transcribe-3-0-stream") as (engine, api, _):
        *said, usage, _facts = engine.run(Transcribe(tone(), language="en"), 20.0)
    assert said == [
        Text("the quick", final=False),
        Text("the quick brown", final=False),
        Text(FOX, final=False),
        Text(FOX, language="en"),
    ]
    assert usage == Usage({"input_audio_seconds": 1.0})
    assert ("stream", "true") in api.journal[0].fields


def test_speech_is_the_vendors_float_samples_even_when_events_split_them():
    """T18."""
    with cloud("mistral/voxtral-mini-tts-3-0") as (engine, api, vendor):
        *chunks, facts = engine.run(Synthesize("Bonjour.", voice="voice_592"), 20.0)
    assert len(chunks) == 2
    joined = Audio.join(chunks)
    assert joined.rate == 24_000
    assert np.array_equal(joined.samples[0], vendor.samples)
    sent = {"model": "voxtral-mini-tts-3-0", "voice_id": "voice_592", "response_format": "pcm", "stream": True}
    assert facts.sent == sent
    (seen,) = api.journal
    assert (seen.path, seen.json()) == ("/v1/audio/speech", {**sent, "input": "Bonjour."})
    made = bill(SPECS["mistral/voxtral-mini-tts-3-0"], {"input_characters": 8.0}, None, 1.0, None)
    assert made.cost_usd == pytest.approx(8 * 13 / 1e6)


def test_speech_arrives_before_the_answer_is_complete():
    """T5."""
    with cloud("mistral/voxtral-mini-tts-3-0") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        assert next(run).frames < 12_000
        vendor.hold.set()
        list(run)


@pytest.mark.parametrize(
    ("speech", "why"),
    [
        (np.full(64, 16_000, "<i2").tobytes() + np.arange(-99, 99, dtype="<i2").tobytes(), "32-bit float PCM"),
        (np.full(8, np.nan, "<f4").tobytes(), "32-bit float PCM"),
        (b"RIFF" + bytes(96), "32-bit float PCM"),
        (b"", "without any"),
        (bytes(7), "in the middle of a sample"),
    ],
)
def test_bytes_that_are_not_float_samples_are_refused_instead_of_being_played_as_noise(speech, why):
    with cloud("mistral/voxtral-mini-tts-3-0") as (engine, _, vendor):
        vendor.speech = speech
        with pytest.raises(BadResponse, match=why):
            list(engine.run(Synthesize("Hello."), 20.0))


def test_audio_chat_sends_the_sound_before_the_question_and_reports_tokens():
    """T18."""
    with cloud("mistral/voxtral-small-latest") as (engine, api, _):
        *said, usage, facts = engine.run(Ask(tone(), prompt="What is it?"), 20.0)
    assert said == [Text("A", final=False), Text("A tone.", final=False), Text("A tone.")]
    assert usage == Usage({"input_tokens": 30.0, "output_text_tokens": 5.0})
    made = bill(SPECS["mistral/voxtral-small-latest"], {}, usage.amounts, 1.0, None)
    assert made.cost_usd == pytest.approx((30 * 0.10 + 5 * 0.40) / 1e6)
    assert facts.model == "voxtral-2507"
    body = api.journal[0].json()
    sound, question = body["messages"][0]["content"]
    assert base64.b64decode(sound["input_audio"]) == tone().to_wav()
    assert question == {"type": "text", "text": "What is it?"}
    assert (body["model"], body["stream"]) == ("voxtral-small-latest", True)


@pytest.mark.parametrize(
    ("engine_id", "request_"),
    [
        ("mistral/voxtral-mini-transcribe-3-0-stream", Transcribe(tone())),
        ("mistral/voxtral-mini-tts-3-0", Synthesize("Hello.")),
        ("mistral/voxtral-small-latest", Ask(tone())),
    ],
)
def test_a_stream_without_its_last_event_is_a_bad_response(engine_id, request_):
    """T6."""
    with cloud(engine_id) as (engine, _, vendor):
        vendor.terminal = False
        with pytest.raises(BadResponse, match="ended its stream"):
            list(engine.run(request_, 20.0))


@pytest.mark.parametrize("engine_id", ["voxtral-mini-transcribe-3-0-stream", "voxtral-mini-tts-3-0"])
@pytest.mark.parametrize("event", [{"object": "error", "message": WHY}, {"type": "error", "error": {"message": WHY, "code": 3}}])
def test_an_error_within_the_stream_is_the_vendors_fault_in_its_own_words(engine_id, event):
    with cloud(f"mistral/{engine_id}") as (engine, _, vendor):
        vendor.stray = ("error", event)
        with pytest.raises(Exception, match="stopped: The model is overloaded") as caught:
            list(engine.run(Synthesize("Hi.") if "tts" in engine_id else Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == "server"


def test_an_event_of_a_kind_that_came_later_is_passed_over():
    with cloud("mistral/voxtral-mini-transcribe-3-0-stream") as (engine, _, vendor):
        vendor.stray = ("transcription.mood", {"type": "transcription.mood", "mood": "calm"})
        *_said, text, _usage, _facts = engine.run(Transcribe(tone()), 20.0)
    assert text.text == FOX


def test_a_refusal_without_a_word_keeps_its_status():
    with cloud("mistral/voxtral-small-latest") as (engine, api, vendor):
        vendor.error = lambda status, name, key: Reply(status)
        api.fail("overloaded")
        with pytest.raises(Exception) as caught:
            list(engine.run(Ask(tone()), 20.0))
    fault = faults.sort(caught.value)
    assert (fault.kind, fault.status, fault.retryable) == ("server", 503, True)


@pytest.mark.parametrize(
    "engine_id", ["voxtral-mini-transcribe-3-0-stream", "voxtral-small-latest", "voxtral-mini-transcribe-3-0"]
)
def test_a_notice_of_deprecation_does_not_break_an_answer(engine_id):
    with cloud(f"mistral/{engine_id}") as (engine, _, vendor):
        vendor.deprecated = True
        assert list(engine.run(Transcribe(tone()) if "transcribe" in engine_id else Ask(tone()), 20.0))


def test_settings_of_the_environment_do_not_reach_a_request(monkeypatch, tmp_path, capfd, caplog):
    token = tmp_path / "token"
    token.write_text("token-of-somebody-else")
    monkeypatch.setenv("MISTRAL_SA_TOKEN_PATH", str(token))
    monkeypatch.setenv("MISTRAL_API_KEY", "key-of-somebody-else")
    monkeypatch.setenv("MISTRAL_DEBUG", "true")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with cloud("mistral/voxtral-small-latest") as (engine, api, _):
        list(engine.run(Ask(tone(0.1)), 20.0))
    assert api.keys() == [CANARY]
    written = "".join(capfd.readouterr()) + caplog.text
    assert CANARY not in written
