"""OpenAI: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import threading

import numpy as np
import pytest
from fake_clouds import CANARY, cloud, tone

from engine.audio import Audio
from engine.contract import Ask, BadResponse, Facts, Synthesize, Text, Transcribe, Usage, Word


def test_gpt_transcribe_sends_lists_and_streams_its_text():
    """T18."""
    with cloud("openai/gpt-transcribe") as (engine, api, _):
        request = Transcribe(tone(1.0, rate=44_100).stereo(), language="en", prompt="Soundcheck, Aura")
        *said, usage, facts = engine.run(request, 20.0)
    assert said == [
        Text("the quick", final=False),
        Text("the quick brown", final=False),
        Text("the quick brown fox", final=False),
        Text("the quick brown fox", language="en"),
    ]
    assert usage == Usage({"input_audio_seconds": 1.0})
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.server_s, facts.poll_s) == ("req_1", 0.321, None)
    assert 0 < facts.connect_s < 5  # seconds, not milliseconds
    assert facts.sent == {
        "model": "gpt-transcribe",
        "response_format": "json",
        "languages": ["en"],
        "keywords": ["Soundcheck", "Aura"],
        "stream": True,
    }
    (seen,) = api.journal
    assert (seen.method, seen.path, seen.key) == ("POST", "/v1/audio/transcriptions", CANARY)
    assert sorted(seen.fields) == [
        ("keywords[]", "Aura"),
        ("keywords[]", "Soundcheck"),
        ("languages[]", "en"),
        ("model", "gpt-transcribe"),
        ("response_format", "json"),
        ("stream", "true"),
    ]
    assert seen.wav == (1.0, 16_000, 1)


def test_gpt_4o_transcribe_reports_tokens_and_takes_one_language():
    with cloud("openai/gpt-4o-transcribe") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(), language="de", prompt="Aura"), 20.0))
    assert Usage({"input_audio_tokens": 10.0, "input_text_tokens": 4.0, "output_text_tokens": 6.0}) in pieces
    assert {("language", "de"), ("prompt", "Aura")} <= set(api.journal[0].fields)


def test_whisper_asks_for_word_times_only_where_they_are_wanted():
    with cloud("openai/whisper-1") as (engine, api, _):
        text, *_ = engine.run(Transcribe(tone(), word_times=True), 20.0)
        plain, *_ = engine.run(Transcribe(tone()), 20.0)
    assert text == Text("the quick brown fox", words=(Word("the", 0.1, 0.2), Word("quick", 0.2, 0.5)), language="english")
    assert plain.words == ()
    asked = [[value for name, value in seen.fields if name == "timestamp_granularities[]"] for seen in api.journal]
    assert asked == [["word"], ["segment"]]


def test_the_diarizing_model_returns_turns_with_speakers():
    with cloud("openai/gpt-4o-transcribe-diarize") as (engine, api, _):
        text, *_ = engine.run(Transcribe(tone(), speakers=True), 20.0)
    assert text.words == (Word("the quick brown fox", 0.0, 0.9, speaker="A"),)
    assert {("response_format", "diarized_json"), ("chunking_strategy", "auto")} <= set(api.journal[0].fields)


def test_speech_is_the_vendors_samples_even_when_chunks_split_them():
    with cloud("openai/gpt-4o-mini-tts") as (engine, api, vendor):
        *chunks, facts = engine.run(Synthesize("Hello.", voice="cedar", instructions="Whisper."), 20.0)
    assert len(chunks) > 2
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    sent = {"model": "gpt-4o-mini-tts", "voice": "cedar", "response_format": "pcm", "instructions": "Whisper."}
    assert facts.sent == sent
    (seen,) = api.journal
    assert (seen.path, seen.key, seen.json()) == ("/v1/audio/speech", CANARY, {**sent, "input": "Hello."})


def test_tts_1_sends_its_default_voice_and_the_speed():
    with cloud("openai/tts-1") as (engine, api, _):
        list(engine.run(Synthesize("Hello.", speed=1.5), 20.0))
    assert api.journal[0].json() == {
        "model": "tts-1",
        "voice": "alloy",
        "response_format": "pcm",
        "speed": 1.5,
        "input": "Hello.",
    }


def test_audio_chat_sends_the_sound_and_reports_tokens_by_kind():
    with cloud("openai/gpt-audio-1.5") as (engine, api, _):
        pieces = list(engine.run(Ask(tone(), prompt="What is it?"), 20.0))
    assert pieces[:3] == [Text("A", final=False), Text("A tone.", final=False), Text("A tone.")]
    assert pieces[3] == Usage(
        {"input_audio_tokens": 20, "input_text_tokens": 10, "output_audio_tokens": 0, "output_text_tokens": 12}
    )
    assert pieces[4].model == "gpt-audio-1.5-2026"
    asked = api.journal[0].json()
    content = asked.pop("messages")[0]["content"]
    assert content[0] == {"type": "text", "text": "What is it?"}
    assert content[1]["input_audio"]["format"] == "wav"
    assert asked == {"model": "gpt-audio-1.5", "modalities": ["text"], "stream": True, "stream_options": {"include_usage": True}}


def test_the_spoken_chat_yields_its_sound_and_its_transcript():
    with cloud("openai/gpt-audio-1.5-spoken") as (engine, api, vendor):
        pieces = list(engine.run(Ask(tone()), 20.0))
    sound = Audio.join([piece for piece in pieces if isinstance(piece, Audio)])
    assert np.array_equal(sound.samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert Text("A tone.") in pieces
    assert api.journal[0].json()["audio"] == {"voice": "alloy", "format": "pcm16"}


def test_nothing_is_sent_before_the_first_piece_is_asked_for_and_sound_comes_before_the_answer_is_complete():
    """T5."""
    with cloud("openai/tts-1") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        first = next(run)
        assert isinstance(first, Audio)
        assert first.frames < 12_000
        vendor.hold.set()
        assert sum(piece.frames for piece in run if isinstance(piece, Audio)) + first.frames == 12_000


@pytest.mark.parametrize(
    "engine_id", ["openai/gpt-transcribe", "openai/gpt-4o-transcribe", "openai/gpt-audio-1.5", "openai/gpt-audio-1.5-spoken"]
)
def test_a_stream_without_its_last_event_is_a_bad_response(engine_id):
    """T6."""
    with cloud(engine_id) as (engine, _, vendor):
        vendor.terminal = False
        request = Transcribe(tone()) if "transcribe" in engine_id else Ask(tone())
        with pytest.raises(BadResponse, match="ended its stream"):
            list(engine.run(request, 20.0))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "without any audio"),
        (b"\1\2\3", "in the middle of a sample"),
        (b"RIFF" + bytes(100), "a WAV file where raw PCM"),
        (b'{"error": "overloaded"}', "with text where audio"),
        (b"x" * 5_000, "with text where audio"),
    ],
)
def test_a_body_that_is_not_pcm_is_never_taken_for_speech(body, why):
    with cloud("openai/tts-1") as (engine, _, vendor):
        vendor.pcm, vendor.pcm_chunk = body, 64
        with pytest.raises(BadResponse, match=why):
            list(engine.run(Synthesize("Hello."), 20.0))


def test_nothing_of_the_environment_reaches_the_vendor(monkeypatch):
    for name, value in {
        "OPENAI_API_KEY": "sk-of-somebody-else",
        "OPENAI_ORG_ID": "org-else",
        "OPENAI_PROJECT_ID": "proj-else",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    with cloud("openai/gpt-transcribe") as (engine, api, _):
        list(engine.run(Transcribe(tone()), 20.0))
    (seen,) = api.journal
    assert seen.key == CANARY
    assert not {"openai-organization", "openai-project"} & set(seen.headers)


def test_a_second_run_reuses_the_connection():
    with cloud("openai/gpt-transcribe") as (engine, _, _vendor):
        connects = [
            next(piece.connect_s for piece in engine.run(Transcribe(tone()), 20.0) if isinstance(piece, Facts)) for _ in range(3)
        ]
    assert connects[0] > 0
    assert connects[1:] == [0.0, 0.0]
