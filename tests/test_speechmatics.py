"""Speechmatics: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import json

import pytest
from fake_clouds import CANARY, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import Facts, Mark, Text, Transcribe, Usage, Word

WORDS = (Word("The", 0.1, 0.2, 0.9, "S1"), Word("quick", 0.2, 0.5, 0.9, "S1"), Word("fox", 0.6, 0.8, 0.9))
TEXT = "The quick, fox."


@pytest.mark.parametrize("model", ["enhanced", "standard"])
def test_a_short_job_is_one_request_that_waits(model):
    with cloud(f"speechmatics/{model}") as (engine, api, _):
        request = Transcribe(tone(2.0, rate=44_100), prompt="Soundcheck, Aura", speakers=True)
        text, usage, facts = engine.run(request, 20.0)
    assert text == Text(TEXT, words=WORDS, language="en")
    assert usage == Usage({"input_audio_seconds": 2.0})
    known = {"enhanced": pytest.approx(2 / 3600 * 0.24), "standard": None}[model]
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == known
    sent = {
        "language": "auto",
        "model": model,
        "additional_vocab": [{"content": "Soundcheck"}, {"content": "Aura"}],
        "diarization": "speaker",
    }
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.poll_s, facts.model, facts.sent) == ("job-1", None, model, sent)
    (seen,) = api.journal
    assert (seen.path, seen.query, seen.headers["authorization"]) == ("/v2/jobs", [("wait", "60")], f"Bearer {CANARY}")
    assert json.loads(dict(seen.fields)["config"]) == {"type": "transcription", "transcription_config": sent}
    assert seen.wav == (2.0, 16_000, 1)


def test_a_job_that_is_not_done_in_time_is_asked_for_again():
    with cloud("speechmatics/enhanced") as (engine, api, vendor):
        pace = Pace(engine)
        vendor.states = ("running", "running", "done")
        text, _, facts = engine.run(Transcribe(tone(), language="de"), 20.0)
    assert text.text == TEXT
    assert facts.poll_s == 0.25
    assert [(seen.path, seen.query) for seen in api.journal[1:]] == [
        ("/v2/jobs/job-1", [("wait", "60")]),
        ("/v2/jobs/job-1", [("wait", "60")]),
        ("/v2/jobs/job-1/transcript", [("format", "json-v2")]),
    ]
    assert pace.looks(0.25) == 2


@pytest.mark.parametrize("states", [("rejected",), ("running", "rejected")])
@pytest.mark.parametrize(("why", "kind"), [("unsupported audio format", "bad_input"), ("no transcriber left", "server")])
def test_a_rejected_job_says_why_and_whose_fault_it_is(states, why, kind):
    with cloud("speechmatics/enhanced") as (engine, _, vendor):
        vendor.states, vendor.job_error = states, why
        with pytest.raises(Exception, match=why) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == kind


def test_the_live_engine_starts_the_session_first_and_answers_once_at_the_end():
    with cloud("speechmatics/enhanced-live") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(0.85), speakers=True), 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert [text.text for text in texts if not text.final][:3] == ["The", "The quick", "The quick,"]
    assert [text for text in texts if text.final] == [Text(TEXT, words=WORDS, language="en")]
    assert pieces.index(texts[0]) < pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    facts = pieces[-1]
    sent = {"language": "en", "model": "enhanced", "diarization": "speaker", "enable_partials": True}
    assert (facts.request_id, facts.sent) == ("sm-live-1", sent)
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/v2", f"Bearer {CANARY}")
    start, *sound, end = seen.messages
    assert json.loads(start) == {
        "message": "StartRecognition",
        "audio_format": {"type": "raw", "encoding": "pcm_s16le", "sample_rate": 16_000},
        "transcription_config": sent,
    }
    assert sound == [3_200] * 8 + [1_600]
    assert json.loads(end) == {"message": "EndOfStream", "last_seq_no": 9}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("not_authorised", "auth"), ("quota_exceeded", "quota"), ("invalid_language", "bad_input"), ("job_error", "server")],
)
def test_an_error_before_the_sound_has_its_kind(kind, expected):
    with cloud("speechmatics/enhanced-live") as (engine, api, vendor):
        vendor.live_error = {"type": kind, "reason": "not today"}
        with pytest.raises(Exception, match="not today") as caught:
            list(engine.run(Transcribe(tone(0.2)), 20.0))
    assert faults.sort(caught.value).kind == expected
    assert len(api.journal[0].messages) == 1


@pytest.mark.parametrize(
    ("trouble", "kind"), [("wrong_json", "bad_response"), ("html", "bad_response"), ("rate_limited", "rate_limit")]
)
def test_a_job_whose_state_cannot_be_read_is_asked_for_once(trouble, kind):
    with cloud("speechmatics/enhanced") as (engine, api, vendor):
        vendor.states = ("running",)
        api.fail(trouble, path="/jobs/job")
        with pytest.raises(Exception) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value, secrets=[CANARY]).kind == kind
    assert len(api.journal) == 2
