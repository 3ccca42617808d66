"""Replicate: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import base64

import numpy as np
import pytest
from fake_clouds import CANARY, Pace, cloud, tone
from fake_outputs import wav

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, BadResponse, Compose, Facts, Mark, Separate, Text, Transcribe, Usage
from engine.tasks import TASKS, usage_of

MUSICGEN = "671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb"
DEMUCS = "5a7041cc9b82e5a558fea6b3d7b12dea89625e89da33f0447bd727c2d0ab9e77"
WHISPER = "8099696689d249cf8b122d833c36ac3f75505c666a395ca40ef26f68e7d3d16e"


class Opened:
    is_error, content = False, wav(0.5)


def test_music_is_predicted_polled_every_half_second_and_fetched_without_the_token():
    request = Compose("Bells over a slow drum", duration_s=2.0, seed=7)
    with cloud("replicate/musicgen") as (engine, api, _):
        pace = Pace(engine)
        sound, usage, facts = engine.run(request, 10.0)
    assert np.array_equal(sound.samples, Audio.decode(wav(2.0)).samples)
    assert usage == Usage({"gpu_seconds": 1.5})
    assert bill(engine.spec, usage_of(request, None), usage.amounts, None, None).cost_usd == pytest.approx(1.5 * 0.0014)
    given = {"model_version": "stereo-large", "output_format": "wav", "duration": 2, "seed": 7}
    assert isinstance(facts, Facts)
    assert (facts.request_id, facts.server_s, facts.poll_s, facts.model) == ("job-1", 1.5, 0.5, MUSICGEN)
    assert facts.sent == {"version": MUSICGEN, **given}
    create, look, fetch = api.journal
    assert (create.path, create.headers["prefer"]) == ("/v1/predictions", "wait")
    assert create.json() == {"version": MUSICGEN, "input": {**given, "prompt": "Bells over a slow drum"}}
    assert (look.method, look.path) == ("GET", "/v1/predictions/job-1")
    assert {seen.headers["authorization"] for seen in (create, look)} == {f"Bearer {CANARY}"}
    assert pace.looks(0.5) == 1
    assert "authorization" not in fetch.headers


def test_a_prediction_that_is_done_within_its_request_is_not_polled():
    with cloud("replicate/musicgen") as (engine, api, vendor):
        vendor.states = ("succeeded",)
        list(engine.run(Compose("Bells", duration_s=None), 20.0))
    assert [seen.method for seen in api.journal] == ["POST", "GET"]
    assert "duration" not in api.journal[0].json()["input"]


@pytest.mark.parametrize(("engine_id", "variant"), [("replicate/demucs", "htdemucs"), ("replicate/demucs-ft", "htdemucs_ft")])
def test_a_mix_is_uploaded_and_its_four_stems_are_fetched(engine_id, variant):
    with cloud(engine_id) as (engine, api, _):
        mark, *stems, usage, facts = engine.run(Separate(tone(1.0)), 10.0)
    assert mark == Mark("uploaded")
    assert [stem.name for stem in stems] == ["bass", "drums", "other", "vocals"], "those that were not made are left out"
    assert {(stem.audio.seconds, stem.audio.rate, stem.audio.channels) for stem in stems} == {(1.0, 44_100, 2)}
    assert TASKS["separation"].join(stems).stems == tuple(stems)
    assert usage == Usage({"gpu_seconds": 1.5})
    upload, create, *_ = api.journal
    assert (upload.path, upload.wav) == ("/v1/files", (1.0, 44_100, 2))
    given = {"model": variant, "stem": "none", "output_format": "wav", "clip_mode": "clamp"}
    assert create.json() == {"version": DEMUCS, "input": {**given, "audio": f"{api.url}/v1/files/file-1"}}
    assert facts.sent == {"version": DEMUCS, **given}


def test_whisper_hears_an_uploaded_sound():
    with cloud("replicate/whisper") as (engine, api, _):
        mark, text, usage, facts = engine.run(Transcribe(tone(2.0, rate=44_100), language="de", prompt="Aura"), 10.0)
    assert mark == Mark("uploaded")
    assert text == Text("The quick brown fox.", language="english")
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == pytest.approx(1.5 * 0.000225)
    upload, create, *_ = api.journal
    assert upload.wav == (2.0, 16_000, 1)
    given = {"transcription": "plain text", "language": "de", "initial_prompt": "Aura"}
    assert create.json() == {"version": WHISPER, "input": {**given, "audio": f"{api.url}/v1/files/file-1"}}
    assert facts.sent == {"version": WHISPER, **given}


@pytest.mark.parametrize("metrics", [None, {}, {"predict_time": None}])
def test_a_prediction_without_its_gpu_time_has_no_cost(metrics):
    request = Compose("Bells")
    with cloud("replicate/musicgen") as (engine, _, vendor):
        vendor.metrics = metrics
        _, facts = engine.run(request, 20.0)
    assert facts.server_s is None
    assert bill(engine.spec, usage_of(request, None), None, 1.0, None).cost_usd is None


@pytest.mark.parametrize(
    ("why", "kind", "words"),
    [
        ("The audio could not be decoded.", "bad_input", "could not be decoded"),
        ("CUDA error", "server", "CUDA error"),
        (None, "server", "failed"),
    ],
)
def test_a_failed_prediction_says_why_and_whose_fault_it_is(why, kind, words):
    with cloud("replicate/whisper") as (engine, _, vendor):
        vendor.states, vendor.job_error = ("processing", "failed"), why
        with pytest.raises(Exception, match=words) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == kind


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/out.wav",
        "https://replicate.delivery.example/out.wav",
        "https://notreplicate.delivery/out.wav",
        "https://replicate.delivery@elsewhere.example/out.wav",
        "https://me:secret@replicate.delivery/out.wav",
        "https://replicate.delivery:8443/out.wav",
        "file:///etc/passwd",
        "http://127.0.0.1:1/out.wav",
        "http://[::1",
        "/files/out.wav",
        {"url": "https://replicate.delivery/out.wav"},
        ["https://replicate.delivery/out.wav"],
        7,
    ],
)
def test_an_output_that_lies_elsewhere_is_not_fetched(address):
    with cloud("replicate/musicgen") as (engine, api, vendor):
        vendor.states, vendor.output = ("succeeded",), address
        with pytest.raises(BadResponse, match=r"not the vendor's|not the address of a file"):
            list(engine.run(Compose("Bells"), 20.0))
    assert len(api.journal) == 1


@pytest.mark.parametrize(
    "address", ["https://replicate.delivery/a.wav", "http://replicate.delivery/a.wav", "HTTPS://pbxt.Replicate.delivery/a.wav"]
)
def test_the_vendors_file_host_is_asked_over_tls(address, monkeypatch):
    asked = []
    with cloud("replicate/musicgen") as (engine, _, vendor):
        vendor.states, vendor.output = ("succeeded",), address
        monkeypatch.setattr(engine.files, "get", lambda url: asked.append(url) or Opened())
        list(engine.run(Compose("Bells"), 20.0))
    assert [url.lower() for url in asked] == [address.lower().replace("http://", "https://")]


def test_an_output_may_come_within_the_answer():
    with cloud("replicate/musicgen") as (engine, api, vendor):
        vendor.states = ("succeeded",)
        vendor.output = f"data:audio/wav;base64,{base64.b64encode(wav(0.5)).decode()}"
        sound, *_ = engine.run(Compose("Bells"), 20.0)
    assert sound.seconds == 0.5
    assert len(api.journal) == 1


def test_an_output_that_no_longer_opens_is_the_vendors_fault_and_not_the_keys():
    with cloud("replicate/musicgen") as (engine, _, vendor):
        vendor.states, vendor.missing = ("succeeded",), True
        with pytest.raises(Exception, match=r"does not open \(404\)") as caught:
            list(engine.run(Compose("Bells"), 20.0))
    assert faults.sort(caught.value).kind == "server"


def test_stems_that_are_no_sound_none_at_all_or_too_many_are_refused():
    for output, words in (
        ({"vocals": "data:text/html;base64,PGh0bWw+"}, "not the stem 'vocals'"),
        ({"vocals": None}, "without stems"),
        ({f"stem {at}": "x" for at in range(17)}, "more than 16 stems"),
        ({"vocals": "x", "vocals\u202e": "y"}, "two stems of one name"),
        (["x"], "not stems"),
    ):
        with cloud("replicate/demucs") as (engine, _, vendor):
            vendor.states, vendor.output = ("succeeded",), output
            with pytest.raises(Exception, match=words) as caught:
                list(engine.run(Separate(tone()), 20.0))
        assert faults.sort(caught.value).kind in ("bad_response", "too_large")


@pytest.mark.parametrize("seconds", [2.5, 0.0, 301.0])
def test_a_length_that_the_model_cannot_have_is_refused_before_anything_is_sent(seconds):
    with cloud("replicate/musicgen") as (engine, api, _), pytest.raises(BadInput, match="whole seconds from 1 to 300"):
        list(engine.run(Compose("Bells", duration_s=seconds), 20.0))
    assert api.journal == []


@pytest.mark.parametrize(
    ("trouble", "kind"), [("wrong_json", "bad_response"), ("rate_limited", "rate_limit"), ("stall", "timeout")]
)
def test_a_prediction_whose_state_cannot_be_read_is_asked_for_once(trouble, kind):
    with cloud("replicate/musicgen") as (engine, api, _):
        api.fail(trouble, path="/predictions/")
        with pytest.raises(Exception) as caught:
            list(engine.run(Compose("Bells"), 1.5))
    assert faults.sort(caught.value, secrets=[CANARY]).kind == kind
    assert len(api.journal) == 2
