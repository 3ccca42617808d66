"""Rev AI: what the engines send and what comes back. Exchanges are from docs, not recorded."""

import json

import pytest
from fake_clouds import CANARY, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import Facts, Mark, Text, Transcribe, Usage, Word


@pytest.mark.parametrize(
    ("engine_id", "transcriber", "usd_per_hour"), [("revai/reverb", "machine", 0.20), ("revai/reverb-turbo", "low_cost", 0.10)]
)
def test_a_job_is_submitted_with_its_sound_polled_and_billed_for_fifteen_seconds_at_least(engine_id, transcriber, usd_per_hour):
    with cloud(engine_id) as (engine, api, _):
        pace = Pace(engine)
        request = Transcribe(tone(2.0, rate=44_100), language="en", prompt="Soundcheck, Aura", speakers=True)
        mark, text, usage, facts = engine.run(request, 20.0)
    assert mark == Mark("uploaded")
    words = (Word("The", 0.1, 0.2, 0.9, "0"), Word("quick", 0.2, 0.5, 0.8, "0"), Word("Fox", 0.6, 0.8, 0.7, "1"))
    assert text == Text("The quick. Fox?", words=words, language="en")
    assert usage == Usage({"input_audio_seconds": 2.0})
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == pytest.approx(15 / 3600 * usd_per_hour)
    assert bill(engine.spec, {}, {"input_audio_seconds": 60.0}, None, None).cost_usd == pytest.approx(60 / 3600 * usd_per_hour)
    sent = {
        "transcriber": transcriber,
        "delete_after_seconds": 3_600,
        "skip_diarization": False,
        "language": "en",
        "custom_vocabularies": [{"phrases": ["Soundcheck", "Aura"]}],
    }
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.poll_s, facts.model, facts.sent) == ("job-1", 0.5, transcriber, sent)
    submit, *looks, transcript = api.journal
    assert json.loads(dict(submit.fields)["options"]) == sent
    assert submit.wav == (2.0, 16_000, 1)
    assert [seen.path for seen in looks] == ["/speechtotext/v1/jobs/job-1"] * 2
    assert transcript.path == "/speechtotext/v1/jobs/job-1/transcript"
    assert {seen.headers["authorization"] for seen in api.journal} == {f"Bearer {CANARY}"}
    assert pace.looks(0.5) == 2


def test_speakers_are_neither_computed_nor_shown_unless_asked_for():
    with cloud("revai/reverb") as (engine, api, vendor):
        vendor.states = ("transcribed",)
        _, text, *_ = engine.run(Transcribe(tone()), 20.0)
    assert {word.speaker for word in text.words} == {None}
    assert json.loads(dict(api.journal[0].fields)["options"])["skip_diarization"] is True


def test_a_failed_job_says_why():
    with cloud("revai/reverb") as (engine, _, vendor):
        vendor.states = ("in_progress", "failed")
        with pytest.raises(Exception, match="holds no audio") as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == "bad_input"


def test_an_id_that_would_lead_elsewhere_is_not_asked_for():
    with cloud("revai/reverb") as (engine, api, vendor):
        vendor.submit = lambda seen: type(vendor)._state(vendor, "../../account")
        vendor._jobs["../../account"] = {"asked": {}, "looks": 0, "seconds": 1.0}
        with pytest.raises(Exception, match="not a transcription job") as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == "bad_response"
    assert len(api.journal) == 1


@pytest.mark.parametrize(
    ("trouble", "kind"), [("wrong_json", "bad_response"), ("html", "bad_response"), ("rate_limited", "rate_limit")]
)
def test_a_job_whose_state_cannot_be_read_is_asked_for_once(trouble, kind):
    with cloud("revai/reverb") as (engine, api, _):
        api.fail(trouble, path="/jobs/")
        with pytest.raises(Exception) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value, secrets=[CANARY]).kind == kind
    assert len(api.journal) == 2
