"""fal: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import base64
import json

import numpy as np
import pytest
from fake_clouds import CANARY, Pace, cloud, tone
from fake_outputs import wav

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, BadResponse, Compose, Separate, Synthesize, Text, Transcribe, Word
from engine.tasks import TASKS, usage_of


def data_uri(audio):
    return f"data:audio/wav;base64,{base64.b64encode(audio.to_wav()).decode()}"


def test_whisper_is_queued_polled_every_quarter_of_a_second_and_keeps_its_words():
    request = Transcribe(tone(1.0), language="en", prompt="Aura", word_times=True, speakers=True)
    with cloud("fal/whisper") as (engine, api, _):
        pace = Pace(engine)
        text, facts = engine.run(request, 20.0)
    words = (Word("The", 0.1, 0.2, speaker="SPEAKER_00"), Word("quick", 0.2, 0.5, speaker="SPEAKER_00"))
    assert text == Text("The quick fox", words=words, language="en"), "a word without an end has no times"
    sent = {"task": "transcribe", "chunk_level": "word", "language": "en", "prompt": "Aura", "diarize": True}
    assert (facts.request_id, facts.server_s, facts.poll_s, facts.sent) == ("job-1", 0.75, 0.25, sent)
    submit, *looks, result = api.journal
    assert submit.path == "/fal-ai/whisper"
    assert submit.json() == {**sent, "audio_url": data_uri(tone(1.0))}
    assert {seen.headers["authorization"] for seen in api.journal} == {f"Key {CANARY}"}
    assert submit.headers["x-fal-no-retry"] == "1"
    assert json.loads(submit.headers["x-fal-object-lifecycle-preference"]) == {"expiration_duration_seconds": 3_600}
    assert [seen.path for seen in looks] == ["/fal-ai/whisper/requests/job-1/status"] * 2
    assert result.path == "/fal-ai/whisper/requests/job-1", "not the address that the answer named"
    assert pace.looks(0.25) == 2
    assert bill(engine.spec, usage_of(request, None), None, 1.0, None).cost_usd is None, "the price was not found"


def test_whisper_without_word_times_is_asked_for_segments():
    with cloud("fal/whisper") as (engine, api, _):
        text, _ = engine.run(Transcribe(tone()), 20.0)
    assert text.words == ()
    assert api.journal[0].json()["chunk_level"] == "segment"


def test_speech_is_fetched_without_the_key():
    request = Synthesize("Hello there.", voice="am_puck", speed=1.25)
    with cloud("fal/kokoro") as (engine, api, _):
        sound, facts = engine.run(request, 20.0)
    assert (sound.rate, sound.seconds) == (24_000, 1.0)
    assert facts.sent == {"voice": "am_puck", "speed": 1.25}
    submit, *_, result, fetch = api.journal
    assert (submit.path, submit.json()) == ("/fal-ai/kokoro/american-english", {**facts.sent, "prompt": "Hello there."})
    assert result.path == "/fal-ai/kokoro/requests/job-1"
    assert "authorization" not in fetch.headers
    assert bill(engine.spec, usage_of(request, None), None, 1.0, None).cost_usd == pytest.approx(12 / 1000 * 0.02)


def test_music_is_as_long_as_asked_for_and_costs_the_same():
    request = Compose("Bells", duration_s=2.0, seed=7)
    with cloud("fal/stable-audio-2.5") as (engine, api, _):
        sound, facts = engine.run(request, 20.0)
    assert np.array_equal(sound.samples, Audio.decode(wav(2.0)).samples)
    assert facts.sent == {"seconds_total": 2, "seed": 7}
    assert api.journal[0].path == "/fal-ai/stable-audio-25/text-to-audio"
    assert api.journal[0].json() == {"seconds_total": 2, "seed": 7, "prompt": "Bells"}
    assert bill(engine.spec, usage_of(request, None), None, 1.0, None).cost_usd == 0.20


def test_a_length_that_the_model_cannot_have_is_refused_before_anything_is_sent():
    with cloud("fal/stable-audio-2.5") as (engine, api, _), pytest.raises(BadInput, match="whole seconds from 1 to 190"):
        list(engine.run(Compose("Bells", duration_s=191.0), 20.0))
    assert api.journal == []


@pytest.mark.parametrize(("engine_id", "variant"), [("fal/demucs", "htdemucs"), ("fal/demucs-ft", "htdemucs_ft")])
def test_four_stems_come_back(engine_id, variant):
    request = Separate(tone(1.0))
    with cloud(engine_id) as (engine, api, _):
        *stems, facts = engine.run(request, 20.0)
    assert [stem.name for stem in stems] == ["vocals", "drums", "bass", "other"]
    assert {stem.audio.seconds for stem in stems} == {1.0}
    assert TASKS["separation"].join(stems).stems == tuple(stems)
    assert facts.sent == {"model": variant, "stems": ["vocals", "drums", "bass", "other"], "output_format": "wav"}
    assert api.journal[0].wav == (1.0, 44_100, 2)
    assert bill(engine.spec, usage_of(request, None), None, 1.0, None).cost_usd == pytest.approx(0.0007)


def test_an_exhausted_balance_is_a_matter_of_quota_although_the_vendor_says_forbidden():
    with cloud("fal/kokoro") as (engine, _, vendor):
        vendor.locked = True
        with pytest.raises(Exception, match="balance is exhausted") as caught:
            list(engine.run(Synthesize("Hello."), 20.0))
    assert faults.sort(caught.value).kind == "quota"


@pytest.mark.parametrize(
    ("states", "why", "kind"),
    [
        (("COMPLETED",), "Could not decode the audio.", "bad_input"),
        (("COMPLETED",), "Runner died", "server"),
        (("FAILED",), None, "server"),
    ],
)
def test_a_failed_request_says_why_and_whose_fault_it_is(states, why, kind):
    with cloud("fal/whisper") as (engine, _, vendor):
        vendor.states, vendor.job_error = states, why
        with pytest.raises(Exception, match=why or "FAILED") as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == kind


def test_a_file_that_lies_elsewhere_is_not_fetched():
    with cloud("fal/kokoro") as (engine, api, vendor):
        vendor.elsewhere = "https://fal.media.example"
        with pytest.raises(BadResponse, match="not the vendor's"):
            list(engine.run(Synthesize("Hello."), 20.0))
    assert [seen.path for seen in api.journal if "files" in seen.path] == []
