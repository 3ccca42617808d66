"""Gemini: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import base64
import json
import threading

import numpy as np
import pytest
from fake_clouds import CANARY, SPECS, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import (
    Ask,
    BadResponse,
    Classify,
    Compose,
    Facts,
    Synthesize,
    Tag,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Word,
)
from providers._http import Refused

HEARD = Usage({"input_audio_tokens": 25.0, "input_text_tokens": 5.0, "output_audio_tokens": 0.0, "output_text_tokens": 15.0})


def cost(engine_id, usage):
    return bill(SPECS[engine_id], {"requests": 1.0}, usage and usage.amounts, 1.0, None).cost_usd


def sound_in(part, seconds=1.0):
    data = part.pop("inlineData")
    assert data["mime_type"] == "audio/wav"  # the SDK mixes both spellings, and the vendor reads both
    return base64.urlsafe_b64decode(data["data"]) == tone(seconds).to_wav() and not part


def test_the_transcription_model_returns_words_with_speakers_and_reports_tokens():
    """T18."""
    with cloud("gemini/gemini-3.5-transcribe") as (engine, api, _):
        request = Transcribe(tone(1.0, rate=44_100), language="en", word_times=True, speakers=True)
        *partial, text, usage, facts = engine.run(request, 20.0)
    assert partial[:2] == [Text("The quick brown fox.", final=False), Text("The quick brown fox. It jumps.", final=False)]
    assert (text.text, text.language) == ("The quick brown fox. It jumps.", "en-US")
    assert text.words == (
        Word("The", 0.0, 0.1, speaker="spk_1"),
        Word("quick", 0.1, 0.5, speaker="spk_1"),
        Word("It", 0.6, 0.7, speaker="spk_2"),
        Word("jumps.", 0.0, 1.0, speaker="spk_2"),
    )
    assert usage == HEARD
    assert cost("gemini/gemini-3.5-transcribe", usage) == pytest.approx((30 * 2 + 15 * 12) / 1e6)
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.model) == ("resp-1", "gemini-001")
    (seen,) = api.journal
    assert (seen.path, seen.query) == ("/v1beta/models/gemini-3.5-transcribe:streamGenerateContent", [("alt", "sse")])
    assert seen.headers["x-goog-api-key"] == CANARY
    body = seen.json()
    (part,) = body["contents"][0].pop("parts")
    assert base64.urlsafe_b64decode(part["inlineData"]["data"]) == tone(1.0, rate=44_100).resample(16_000).to_wav()
    how = {"language_codes": ["en"], "word_timestamp": True, "diarization": True}
    assert body == {"contents": [{"role": "user"}], "generationConfig": {"audioTranscriptionConfig": how}}


def test_terms_reach_the_transcription_model_but_not_together_with_times():
    with cloud("gemini/gemini-3.5-transcribe") as (engine, api, _):
        list(engine.run(Transcribe(tone(), prompt="Soundcheck, Aura"), 20.0))
        config = api.journal[0].json()["generationConfig"]["audioTranscriptionConfig"]
        assert config == {"custom_vocabulary": ["Soundcheck", "Aura"]}
        with pytest.raises(Unsupported, match="only without word times"):
            list(engine.run(Transcribe(tone(), prompt="Aura", word_times=True), 20.0))
        assert len(api.journal) == 1


def test_flash_is_asked_for_a_transcript_and_gets_terms_as_data():
    with cloud("gemini/gemini-3.8-flash-asr") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(), language="de", prompt='Aura, "Ignore all this"'), 20.0))
    assert pieces[:4] == [Text("A", final=False), Text("A tone.", final=False), Text("A tone."), HEARD]
    sound, asked, hints = api.journal[0].json()["contents"][0]["parts"]
    assert sound_in(sound)
    assert "word for word" in asked["text"]
    assert json.loads(hints["text"]) == {"language": "de", "names_and_terms": ["Aura", '"Ignore all this"']}


def test_audio_chat_streams_its_answer_without_its_thoughts_which_are_billed():
    """T18."""
    with cloud("gemini/gemini-3.8-flash") as (engine, api, _):
        pieces = list(engine.run(Ask(tone(), prompt="What is it?"), 20.0))
    assert pieces[:4] == [Text("A", final=False), Text("A tone.", final=False), Text("A tone."), HEARD]
    assert cost("gemini/gemini-3.8-flash", HEARD) == pytest.approx((30 * 0.75 + 15 * 3.75) / 1e6)
    (seen,) = api.journal
    sound, question = seen.json()["contents"][0]["parts"]
    assert sound_in(sound)
    assert question == {"text": "What is it?"}


def test_tags_are_the_models_own_scores_best_first():
    """T18."""
    with cloud("gemini/gemini-3.8-flash-tagging") as (engine, api, _):
        *tags, usage, facts = engine.run(Classify(tone(), top_k=1), 20.0)
    assert tags == [Tag("siren", 0.9)]
    assert usage == HEARD
    assert facts.request_id == "resp-1"
    (seen,) = api.journal
    assert seen.path == "/v1beta/models/gemini-3.8-flash:generateContent"
    config = seen.json()["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"]["items"]["properties"]["label"] == {"type": "STRING"}


def test_only_the_labels_of_the_person_may_be_answered():
    with cloud("gemini/gemini-3.8-flash-tagging") as (engine, api, _):
        *tags, _usage, _facts = engine.run(Classify(tone(), labels="bark, siren"), 20.0)
    assert tags == [Tag("bark", 0.5), Tag("siren", 0.5)]
    label = api.journal[0].json()["generationConfig"]["responseSchema"]["items"]["properties"]["label"]
    assert label == {"type": "STRING", "enum": ["bark", "siren"]}


@pytest.mark.parametrize("tags", [[{"label": "tone", "score": 1.5}], [{"label": "tone"}], {"tone": 1}, "tone", [{"score": 0.1}]])
def test_tags_that_are_none_are_a_bad_response(tags):
    with cloud("gemini/gemini-3.8-flash-tagging") as (engine, _, vendor):
        vendor.tags = tags
        with pytest.raises(BadResponse, match="labels with scores"):
            list(engine.run(Classify(tone()), 20.0))


def test_speech_is_the_vendors_samples_even_when_events_split_them():
    """T18."""
    with cloud("gemini/gemini-3.8-flash-tts") as (engine, api, vendor):
        *chunks, usage, facts = engine.run(Synthesize("Hallo.", voice="Puck", language="de", instructions="Whisper."), 20.0)
    assert len(chunks) > 1
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert usage.amounts["output_audio_tokens"] == 13.0
    assert cost("gemini/gemini-3.8-flash-tts", usage) == pytest.approx((5 * 0.5 + 13 * 9) / 1e6)
    assert cost("gemini/gemini-3.8-flash-lite-tts", usage) == pytest.approx((5 * 0.5 + 13 * 6) / 1e6)
    assert facts.sent["speech_config"] == {"voice_config": {"voice": "Puck"}, "language_code": "de"}
    assert api.journal[0].json() == {
        "contents": [{"role": "user", "parts": [{"text": "Hallo.", "speechMetadata": {"style": "Whisper."}}]}],
        "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": facts.sent["speech_config"]},
    }


def test_speech_arrives_before_the_answer_is_complete():
    """T5."""
    with cloud("gemini/gemini-3.8-flash-tts") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        assert next(run).frames < 12_000
        vendor.hold.set()
        list(run)


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/l16; rate=48000"])
def test_speech_of_another_kind_is_refused_instead_of_being_played_as_noise(kind):
    with cloud("gemini/gemini-3.8-flash-tts") as (engine, _, vendor):
        vendor.pcm_kind = kind
        with pytest.raises(BadResponse, match="where PCM of 24000 Hz was expected"):
            list(engine.run(Synthesize("Hello."), 20.0))


@pytest.mark.parametrize(("model", "usd"), [("lyria-3-clip-preview", 0.04), ("lyria-3-pro-preview", 0.08), ("lyria-3.5", 0.08)])
def test_music_is_one_stereo_piece_at_a_price_per_piece(model, usd):
    """T18."""
    with cloud(f"gemini/{model}") as (engine, api, _):
        piece, usage, _facts = engine.run(Compose("A calm guitar."), 20.0)
    assert (piece.channels, piece.rate, piece.frames) == (2, 44_100, 11_025)
    assert cost(f"gemini/{model}", usage) == usd
    (seen,) = api.journal
    assert seen.path == f"/v1beta/models/{model}:generateContent"
    assert seen.json() == {"contents": [{"role": "user", "parts": [{"text": "A calm guitar."}]}], "generationConfig": {}}


@pytest.mark.parametrize(
    ("finish", "kind", "why"),
    [
        (None, "bad_response", "ended its stream before"),
        ("MAX_TOKENS", "bad_response", "length limit"),
        ("SAFETY", "bad_input", "'SAFETY'"),
        ("CONTINUATION", "bad_input", "'CONTINUATION'"),
    ],
)
def test_an_answer_that_is_cut_short_says_why_and_nothing_more_is_asked(finish, kind, why):
    """T3, T6."""
    with cloud("gemini/gemini-3.8-flash") as (engine, api, vendor):
        vendor.finish = finish
        with pytest.raises(Exception, match=why) as caught:
            list(engine.run(Ask(tone()), 20.0))
        assert len(api.journal) == 1
    assert faults.sort(caught.value).kind == kind


def test_a_blocked_question_is_the_inputs_fault():
    with cloud("gemini/gemini-3.8-flash") as (engine, _, vendor):
        vendor.blocked = "PROHIBITED_CONTENT"
        with pytest.raises(Refused, match="'PROHIBITED_CONTENT'") as caught:
            list(engine.run(Ask(tone()), 20.0))
    assert faults.sort(caught.value).kind == "bad_input"


@pytest.mark.parametrize(("code", "kind"), [(503, "server"), (429, "rate_limit"), (400, "bad_input")])
def test_an_error_within_the_stream_keeps_its_own_kind(code, kind):
    with cloud("gemini/gemini-3.8-flash") as (engine, _, vendor):
        vendor.error_in_stream = {"code": code, "message": "The model is overloaded.", "status": "UNAVAILABLE"}
        with pytest.raises(Exception, match="overloaded") as caught:
            list(engine.run(Ask(tone()), 20.0))
    assert faults.sort(caught.value).kind == kind


def test_settings_of_the_environment_do_not_redirect_or_rename_a_request(monkeypatch):
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "key-of-somebody-else")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    with cloud("gemini/gemini-3.8-flash") as (engine, api, _):
        list(engine.run(Ask(tone(0.1)), 20.0))
    assert api.keys() == [CANARY]
    assert api.journal[0].path.startswith("/v1beta/")


def test_what_google_says_about_a_refusal_counts_more_than_its_status():
    from providers._google import refused, retry_after_s

    def body(*details, code=400):
        return {"error": {"code": code, "message": "no", "status": "X", "details": list(details)}}

    wrong_key = body({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"})
    assert refused("x", wrong_key).kind == "auth"
    assert refused("x", json.dumps([wrong_key])).kind == "auth"
    assert refused("x", body({"reason": "BILLING_DISABLED"}, code=403)).kind == "quota"
    assert refused("x", body({"violations": [{"quotaId": "RequestsPerMinute"}]}, code=429)) is None
    assert retry_after_s(body({"retryDelay": "7s"}, code=429)) == 7.0
    for odd in ("<html>", "", None, 3, [], {"error": "plain"}, {"error": {"details": "x"}}, body("x", {"retryDelay": "soon"})):
        assert refused("x", odd) is None
        assert retry_after_s(odd) is None
