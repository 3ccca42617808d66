"""AssemblyAI: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import json
import threading

import numpy as np
import pytest
from fake_clouds import CANARY, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadResponse, Facts, Mark, Synthesize, Text, Transcribe, Unsupported, Usage, Word

WORDS = (Word("The", 0.1, 0.2, 0.9), Word("quick", 0.2, 0.5, 0.8))


def test_the_synchronous_engine_makes_one_request_and_reports_the_vendors_time():
    """T4, T18."""
    with cloud("assemblyai/universal-3-5-pro-sync") as (engine, api, _):
        text, usage, facts = engine.run(Transcribe(tone(), language="de", prompt="Soundcheck, Aura", word_times=True), 20.0)
    assert text == Text("The quick brown fox.", words=WORDS, language="de", confidence=0.95)
    assert usage == Usage({"input_audio_seconds": 1.0})
    assert (facts.request_id, facts.server_s, facts.poll_s) == ("sync-1", 0.0875, None)
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/v1/transcribe/live", CANARY)
    assert seen.headers["x-aai-model"] == "universal-3-5-pro"
    config = {"language_codes": ["de"], "keyterms_prompt": ["Soundcheck", "Aura"], "timestamps": True}
    assert json.loads(dict(seen.fields)["config"]) == config
    assert facts.sent == {"model": "universal-3-5-pro", **config}
    assert seen.wav == (1.0, 16_000, 1)


def test_words_without_times_are_left_out():
    with cloud("assemblyai/universal-3-5-pro-sync") as (engine, _, _vendor):
        text, *_ = engine.run(Transcribe(tone()), 20.0)
    assert text.words == ()


@pytest.mark.parametrize("model", ["universal-3-5-pro", "universal-2"])
def test_a_job_is_uploaded_submitted_and_polled_every_quarter_of_a_second(model):
    """T4, T18."""
    with cloud(f"assemblyai/{model}") as (engine, api, _):
        pace = Pace(engine)
        mark, text, usage, facts = engine.run(Transcribe(tone(2.0), prompt="Aura", speakers=True), 20.0)
    assert mark == Mark("uploaded")
    assert text.words[0] == Word("The", 0.1, 0.2, 0.9, "A")
    assert (text.text, text.language) == ("The quick brown fox.", "en")
    assert usage == Usage({"input_audio_seconds": 2.0, "diarized_audio_seconds": 2.0})
    sent = {"speech_models": [model], "language_detection": True, "keyterms_prompt": ["Aura"], "speaker_labels": True}
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.poll_s, facts.model, facts.sent) == ("job-1", 0.25, model, sent)
    upload, submit, *_ = api.journal
    assert [seen.path for seen in api.journal] == ["/v2/upload", "/v2/transcript", "/v2/transcript/job-1", "/v2/transcript/job-1"]
    assert upload.body == tone(2.0).to_wav()
    assert submit.json() == {**sent, "audio_url": "https://cdn.example/upload/2.0"}
    assert all(seen.headers["authorization"] == CANARY for seen in api.journal)
    assert pace.looks(0.25) == 2


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("Transcoding failed. File does not appear to contain audio.", "bad_input"),
        ("Internal trouble, try again", "server"),
        (None, "server"),
    ],
)
def test_a_failed_job_says_why_and_whose_fault_it_is(why, kind):
    with cloud("assemblyai/universal-2") as (engine, _, vendor):
        vendor.states, vendor.job_error = ("queued", "error"), why
        with pytest.raises(Exception, match="could not transcribe") as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    fault = faults.sort(caught.value)
    assert fault.kind == kind
    assert (why or "no reason given") in fault.message


def test_a_job_that_never_ends_is_given_up_at_the_deadline():
    with cloud("assemblyai/universal-2") as (engine, _, vendor):
        vendor.states = ("processing",)
        with pytest.raises(TimeoutError):
            list(engine.run(Transcribe(tone()), 0.6))


def test_speech_is_streamed_and_bills_its_characters():
    """T18."""
    with cloud("assemblyai/assemblyai-tts-1") as (engine, api, vendor):
        *chunks, usage, facts = engine.run(Synthesize("Guten Tag.", voice="aai-vera", language="de"), 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert usage == Usage({"input_characters": 10.0})
    assert (facts.request_id, facts.model) == ("tts-1", "assemblyai-tts-1")
    sent = {"model_id": "assemblyai-tts-1", "voice_id": "aai-vera", "encoding": "pcm_s16le", "container": "raw"}
    sent |= {"sample_rate": 24_000, "language": "german"}
    assert facts.sent == sent
    assert api.journal[0].json() == {**sent, "text": "Guten Tag.", "stream": True}


def test_speech_arrives_before_the_answer_is_complete():
    """T5."""
    with cloud("assemblyai/assemblyai-tts-1") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        assert next(run).frames < 12_000
        vendor.hold.set()
        list(run)


def test_a_language_that_the_voice_does_not_speak_is_refused():
    with cloud("assemblyai/assemblyai-tts-1") as (engine, _, _vendor), pytest.raises(Unsupported, match="'ja'"):
        list(engine.run(Synthesize("Hello.", language="ja"), 20.0))


def test_the_global_settings_of_the_sdk_stay_untouched(monkeypatch):
    import assemblyai

    monkeypatch.setattr(assemblyai.settings, "api_key", "key-of-somebody-else")
    with cloud("assemblyai/universal-3-5-pro-sync") as (engine, api, _):
        list(engine.run(Transcribe(tone()), 20.0))
    assert api.keys() == [CANARY]
    assert assemblyai.settings.api_key == "key-of-somebody-else"


def test_a_live_session_is_billed_for_as_long_as_it_was_open():
    """T9, T18."""
    with cloud("assemblyai/universal-streaming-english-live") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(0.45), prompt="Soundcheck, Aura", word_times=True), 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert texts[0] == Text("the quick", final=False, words=texts[0].words)
    assert [text.text for text in texts if text.final] == ["The quick.", "brown fox"], "once each, and the unended one too"
    assert texts[-1].words[1] == Word("fox", 0.1, 0.2, 0.9)
    assert pieces.index(texts[0]) < pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    usage, facts = pieces[-2:]
    assert usage == Usage({"session_seconds": 1.0, "input_audio_seconds": 0.0})
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(0.15 / 3600)
    assert (facts.request_id, facts.model) == ("live-1", "universal-streaming-english")
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/v3/ws", CANARY)
    assert seen.messages == [3_200] * 4 + [1_600, '{"type": "Terminate"}']
    assert dict(seen.query) == {
        "speech_model": "universal-streaming-english",
        "encoding": "pcm_s16le",
        "sample_rate": "16000",
        "format_turns": "true",
        "keyterms_prompt": '["Soundcheck", "Aura"]',
    }


def test_the_multilingual_live_engine_asks_which_language_it_was():
    with cloud("assemblyai/universal-streaming-multilingual-live") as (engine, api, _):
        texts = [piece for piece in engine.run(Transcribe(tone(0.1)), 20.0) if isinstance(piece, Text)]
    assert dict(api.journal[0].query)["language_detection"] == "true"
    assert texts[-1].language == "en"


def test_a_live_session_without_its_closing_report_is_a_bad_response():
    """T6."""
    with cloud("assemblyai/universal-streaming-english-live") as (engine, _, vendor):
        vendor.terminal = False
        with pytest.raises(BadResponse, match="without the closing report"):
            list(engine.run(Transcribe(tone(0.1)), 20.0))


@pytest.mark.parametrize(
    ("code", "kind"), [(4001, "auth"), (4002, "quota"), (4029, "rate_limit"), (3006, "bad_input"), (None, "server")]
)
def test_an_error_within_a_live_session_has_its_kind(code, kind):
    with cloud("assemblyai/universal-streaming-english-live") as (engine, _, vendor):
        vendor.refusal = {"error_code": code, "error": "Session refused"}
        with pytest.raises(Exception, match="Session refused") as caught:
            list(engine.run(Transcribe(tone(0.1)), 20.0))
    assert faults.sort(caught.value).kind == kind
