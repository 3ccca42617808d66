"""Deepgram: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import threading

import numpy as np
import pytest
from fake_clouds import CANARY, cloud, tone
from websockets.exceptions import ConnectionClosedError

from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, BadResponse, Facts, Mark, Synthesize, Text, Transcribe, Unsupported, Usage, Word
from engine.tasks import usage_of


def test_nova_3_opts_out_of_training_and_sends_the_wav_as_it_is():
    """T18."""
    with cloud("deepgram/nova-3") as (engine, api, _):
        request = Transcribe(tone(1.0, rate=44_100), language="en", prompt="Soundcheck, Aura", speakers=True)
        text, usage, facts = engine.run(request, 20.0)
    assert text.text == "The quick brown fox."
    assert text.words[0] == Word("The", 0.0, 0.1, 0.9, "0")
    assert (text.language, text.confidence) == ("en", 0.98)
    assert usage == Usage({"input_audio_seconds": 1.0, "diarized_audio_seconds": 1.0})
    assert (facts.request_id, facts.model) == ("dg-1", "general-nova-3 2026-05-01.0")
    (seen,) = api.journal
    assert (seen.path, seen.key) == ("/v1/listen", CANARY)
    assert seen.headers["authorization"] == f"Token {CANARY}"
    assert sorted(seen.query) == [
        ("diarize", "true"),
        ("keyterm", "Aura"),
        ("keyterm", "Soundcheck"),
        ("language", "en"),
        ("mip_opt_out", "true"),
        ("model", "nova-3"),
        ("smart_format", "true"),
    ]
    assert seen.wav == (1.0, 16_000, 1)
    assert seen.body == tone(1.0, rate=44_100).resample(16_000).to_wav()


def test_nova_3_detects_the_language_where_none_is_named():
    with cloud("deepgram/nova-3") as (engine, api, _):
        text, usage, _facts = engine.run(Transcribe(tone()), 20.0)
    assert text.language == "en"
    assert usage.amounts["diarized_audio_seconds"] == 0.0
    assert ("detect_language", "true") in api.journal[0].query


def test_the_live_engine_sends_a_tenth_of_a_second_at_a_time_and_marks_the_end_of_speech():
    """T9, T18."""
    with cloud("deepgram/nova-3-live") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(0.85)), 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert texts[0] == Text("the", final=False)
    assert [text.text for text in texts if text.final] == ["the quick brown fox"]
    assert texts[-1].words[1] == Word("Quick", 0.1, 0.2, 0.9)
    assert pieces.index(texts[0]) < pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    assert pieces[-2] == Usage({"input_audio_seconds": 0.85, "diarized_audio_seconds": 0.0})
    facts = pieces[-1]
    assert isinstance(facts, Facts)
    assert facts.request_id == "dg-3"
    assert facts.connect_s > 0
    (seen,) = api.journal
    assert seen.messages == [3_200] * 8 + [1_600, '{"type": "CloseStream"}']
    assert seen.headers["authorization"] == f"Token {CANARY}"
    assert sorted(seen.query) == [
        ("channels", "1"),
        ("encoding", "linear16"),
        ("interim_results", "true"),
        ("language", "en"),
        ("mip_opt_out", "true"),
        ("model", "nova-3"),
        ("sample_rate", "16000"),
        ("smart_format", "true"),
    ]


def test_a_live_stream_without_its_closing_report_is_a_bad_response():
    """T6."""
    with cloud("deepgram/nova-3-live") as (engine, _, vendor):
        vendor.terminal = False
        with pytest.raises(BadResponse, match="without the closing report"):
            list(engine.run(Transcribe(tone(0.2)), 20.0))


@pytest.mark.parametrize("engine_id", ["deepgram/nova-3", "deepgram/nova-3-live"])
def test_the_dearer_multilingual_mode_is_refused_before_anything_is_sent(engine_id):
    with cloud(engine_id) as (engine, api, _):
        with pytest.raises(Unsupported, match="multi"):
            list(engine.run(Transcribe(tone(), language="multi"), 20.0))
        assert api.journal == []


def test_aura_speaks_with_the_voice_asked_for_and_reports_its_characters():
    """T18."""
    with cloud("deepgram/aura-2") as (engine, api, vendor):
        *chunks, usage, facts = engine.run(Synthesize("Hello there.", voice="aura-2-viktoria-de"), 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert usage == Usage({"input_characters": 12.0})
    assert (facts.request_id, facts.model) == ("dg-2", "aura-2-thalia-en")
    (seen,) = api.journal
    assert (seen.path, seen.json()) == ("/v1/speak", {"text": "Hello there."})
    assert sorted(seen.query) == [
        ("container", "none"),
        ("encoding", "linear16"),
        ("mip_opt_out", "true"),
        ("model", "aura-2-viktoria-de"),
        ("sample_rate", "24000"),
    ]


def test_aura_refuses_a_voice_of_another_model():
    with cloud("deepgram/aura-2") as (engine, api, _):
        with pytest.raises(BadInput, match="'alloy'"):
            list(engine.run(Synthesize("Hello.", voice="alloy"), 20.0))
        assert api.journal == []


def test_speech_arrives_before_the_answer_is_complete():
    """T5."""
    with cloud("deepgram/aura-2") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        assert next(run).frames < 12_000
        vendor.hold.set()
        list(run)


def test_a_proxy_in_the_environment_is_not_used(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for engine_id in ("deepgram/nova-3", "deepgram/nova-3-live"):
        with cloud(engine_id) as (engine, api, _):
            list(engine.run(Transcribe(tone(0.1)), 20.0))
            assert len(api.journal) == 1


def test_several_languages_at_once_are_asked_for_and_billed_as_their_own_engine():
    """T18."""
    with cloud("deepgram/nova-3-multi") as (engine, api, _):
        text, usage, facts = engine.run(Transcribe(tone(), prompt="Soundcheck"), 20.0)
    assert (text.text, text.language) == ("The quick brown fox.", "es")
    assert ("language", "multi") in api.journal[0].query
    assert "detect_language" not in dict(api.journal[0].query)
    assert facts.sent["language"] == "multi"
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(0.0092 / 60)
    with cloud("deepgram/nova-3-multi-live") as (engine, api, _):
        *_, usage, facts = engine.run(Transcribe(tone(0.3)), 20.0)
    assert ("language", "multi") in api.journal[0].query
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(0.3 * 0.0058 / 60)


def test_flux_yields_each_turn_and_takes_the_last_report_for_the_turn_that_the_sound_ends_in():
    """T6, T9, T18."""
    with cloud("deepgram/flux-general-en-live") as (engine, api, vendor):
        vendor.ended_turns = ("hello there",)
        request = Transcribe(tone(0.45), prompt="Soundcheck, Aura", word_times=True)
        pieces = list(engine.run(request, 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert [text.text for text in texts if text.final] == ["hello there", "the quick brown fox"]
    assert texts[1] == Text("hello there the", final=False)
    assert texts[-1].words[1] == Word("quick", 0.1, 0.2, 0.9)
    assert pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    facts = pieces[-1]
    assert (facts.request_id, facts.connect_s > 0) == ("dg-4", True)
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/v2/listen", f"Token {CANARY}")
    assert seen.messages == [3_200] * 4 + [1_600, '{"type": "CloseStream"}']
    assert sorted(seen.query) == [
        ("encoding", "linear16"),
        ("keyterm", "Aura"),
        ("keyterm", "Soundcheck"),
        ("mip_opt_out", "true"),
        ("model", "flux-general-en"),
        ("sample_rate", "16000"),
    ]
    counted = usage_of(request, None)
    assert bill(engine.spec, counted, None, 1.0, None).cost_usd == pytest.approx(0.45 * 0.0065 / 60)


def test_flux_may_hang_up_without_a_closing_frame_once_it_has_heard_everything():
    with cloud("deepgram/flux-general-en-live") as (engine, _, vendor):
        vendor.terminal = False
        *_, text, _facts = engine.run(Transcribe(tone(0.2)), 20.0)
    assert text.text == "the quick brown fox"


def test_a_line_that_breaks_amid_a_conversation_is_not_taken_for_its_end():
    """T6."""
    with cloud("deepgram/flux-general-en-live") as (engine, _, vendor):
        vendor.deaf_after = 6_400
        vendor.terminal = False
        with pytest.raises(ConnectionClosedError):
            list(engine.run(Transcribe(tone(1.0)), 20.0))
