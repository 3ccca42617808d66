"""pyannoteAI: what the engine sends and what comes back. Exchanges are from docs, not recorded."""

import pytest
from fake_api import Reply
from fake_clouds import CANARY, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import BadResponse, Facts, Mark, Text, Transcribe, Word


def test_the_sound_goes_to_the_storage_without_the_key_and_comes_back_as_words_with_speakers():
    with cloud("pyannoteai/precision-2") as (engine, api, _):
        pace = Pace(engine)
        mark, text, facts = engine.run(Transcribe(tone(2.0, rate=44_100), speakers=True), 20.0)
    assert mark == Mark("uploaded")
    words = (Word("The", 0.1, 0.2, speaker="SPEAKER_00"), Word("quick", 0.2, 0.5, speaker="SPEAKER_00"))
    assert text == Text("The quick fox?", words=(*words, Word("fox?", 0.6, 0.8, speaker="SPEAKER_01")))
    assert bill(engine.spec, {"input_audio_seconds": 2.0}, None, None, None).cost_usd is None
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.poll_s) == ("job-1", 0.5)
    assert facts.sent == {"model": "precision-2", "transcription": True}
    place, store, submit, *looks = api.journal
    media = place.json()["url"]
    assert media.startswith("media://soundcheck/")
    assert (store.method, store.wav) == ("PUT", (2.0, 16_000, 1))
    assert "authorization" not in store.headers
    assert submit.json() == {"model": "precision-2", "transcription": True, "url": media}
    assert [seen.path for seen in looks] == ["/v1/jobs/job-1"] * 3
    assert {seen.headers["authorization"] for seen in (place, submit, *looks)} == {f"Bearer {CANARY}"}
    assert pace.looks(0.5) == 3


def test_no_two_uploads_share_a_name():
    with cloud("pyannoteai/precision-2") as (engine, api, vendor):
        vendor.states = ("succeeded",)
        for _ in range(2):
            list(engine.run(Transcribe(tone()), 20.0))
    assert len({seen.json()["url"] for seen in api.journal if seen.path == "/v1/media/input"}) == 2


@pytest.mark.parametrize("address", ["http://elsewhere.example/put", "ftp://elsewhere.example", "https://", None])
def test_sound_is_stored_only_where_it_travels_over_tls(address):
    with cloud("pyannoteai/precision-2") as (engine, api, vendor):
        vendor.place = lambda seen: Reply.of_json({"url": address})
        with pytest.raises(BadResponse):
            list(engine.run(Transcribe(tone(0.1)), 20.0))
        assert len(api.journal) == 1


def test_a_storage_that_refuses_is_an_error_of_its_own():
    with cloud("pyannoteai/precision-2") as (engine, api, _):
        api.fail("broken", path="/storage")
        with pytest.raises(Exception) as caught:
            list(engine.run(Transcribe(tone(0.1)), 20.0))
        assert faults.sort(caught.value, secrets=[CANARY]).kind == "server"
        assert len(api.journal) == 2


@pytest.mark.parametrize(("why", "kind"), [("Could not decode the audio.", "bad_input"), ("Something broke", "server")])
def test_a_failed_job_says_why_and_whose_fault_it_is(why, kind):
    with cloud("pyannoteai/precision-2") as (engine, _, vendor):
        vendor.states, vendor.job_error = ("running", "failed"), why
        with pytest.raises(Exception, match=why) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == kind


@pytest.mark.parametrize(
    ("trouble", "kind"), [("wrong_json", "bad_response"), ("html", "bad_response"), ("rate_limited", "rate_limit")]
)
def test_a_job_whose_state_cannot_be_read_is_asked_for_once(trouble, kind):
    with cloud("pyannoteai/precision-2") as (engine, api, _):
        api.fail(trouble, path="/jobs/")
        with pytest.raises(Exception) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value, secrets=[CANARY]).kind == kind
    assert len(api.journal) == 4
