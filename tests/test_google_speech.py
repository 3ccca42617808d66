"""Google Cloud Speech-to-Text: what the engine sends and what comes back. Exchanges are from docs, not recorded."""

import base64

import pytest
from fake_clouds import CANARY, SPECS, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import NotReady, Text, Transcribe, Usage, Word


def test_chirp_3_sends_a_locale_and_phrases_and_bills_whole_seconds():
    """T10, T18."""
    with cloud("google_speech/chirp_3") as (engine, api, _):
        request = Transcribe(tone(1.2, rate=44_100).stereo(), language="de", prompt="Soundcheck, Aura", speakers=True)
        text, usage, facts = engine.run(request, 20.0)
    assert text.text == "The quick brown fox."
    assert text.words == (Word("The", 0.0, 0.1), Word("quick", 0.1, 0.5, speaker="1"))
    assert (text.language, text.confidence) == ("en-US", None)
    assert usage == Usage({"input_audio_seconds": 2.0})
    made = bill(SPECS["google_speech/chirp_3"], {"input_audio_seconds": 1.2}, usage.amounts, 1.0, None)
    assert made.cost_usd == pytest.approx(2 / 60 * 0.016)
    assert bill(SPECS["google_speech/chirp_3"], {"input_audio_seconds": 1.2}, None, 1.0, None).cost_usd == made.cost_usd
    assert facts.request_id == "speech-1"
    (seen,) = api.journal
    assert seen.path == "/v2/projects/studio-7/locations/us/recognizers/_:recognize"
    assert seen.headers["x-goog-api-key"] == CANARY
    assert "authorization" not in seen.headers
    body = seen.json()
    assert base64.b64decode(body.pop("content")) == request.audio.mono().resample(16_000).to_wav()
    phrases = [{"value": "Soundcheck"}, {"value": "Aura"}]
    assert body["config"] == facts.sent
    assert body["config"] == {
        "autoDecodingConfig": {},
        "model": "chirp_3",
        "languageCodes": ["de-DE"],
        "features": {"enableAutomaticPunctuation": True, "diarizationConfig": {}},
        "adaptation": {"phraseSets": [{"inlinePhraseSet": {"phrases": phrases}}]},
    }


def test_chirp_2_asks_for_word_times_and_lets_the_model_find_the_language():
    with cloud("google_speech/chirp_2") as (engine, api, _):
        text, *_ = engine.run(Transcribe(tone(), word_times=True), 20.0)
    assert text.words[1] == Word("quick", 0.1, 0.5, speaker="1")
    config = api.journal[0].json()["config"]
    assert (config["model"], config["languageCodes"]) == ("chirp_2", ["auto"])
    assert config["features"]["enableWordTimeOffsets"] is True


def test_an_access_token_goes_out_as_a_bearer_and_not_as_an_api_key():
    with cloud("google_speech/chirp_3", key="ya29.a0AfB_example-token") as (engine, api, _):
        list(engine.run(Transcribe(tone()), 20.0))
    (seen,) = api.journal
    assert seen.headers["authorization"] == "Bearer ya29.a0AfB_example-token"
    assert "x-goog-api-key" not in seen.headers


def test_silence_is_an_empty_text_with_a_bill():
    with cloud("google_speech/chirp_3") as (engine, _, vendor):
        vendor.silent = True
        text, usage, _facts = engine.run(Transcribe(tone(0.4)), 20.0)
    assert text == Text("")
    assert usage == Usage({"input_audio_seconds": 1.0})


def test_a_wrong_key_is_told_apart_from_a_wrong_request_though_both_are_400():
    with cloud("google_speech/chirp_3") as (engine, _, vendor):
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
        vendor.refusal = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}
        with pytest.raises(Exception, match="API key not valid") as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    fault = faults.sort(caught.value)
    assert (fault.kind, fault.status, fault.message) == ("auth", 400, "API key not valid.")


def test_the_address_is_made_of_the_project_and_its_absence_is_explained(monkeypatch):
    spec = SPECS["google_speech/chirp_2"]
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "studio-7")
    engine = spec.engine(spec, CANARY)
    engine.load()
    assert engine.url == "https://us-central1-speech.googleapis.com/v2/projects/studio-7/locations/us-central1"
    engine.close()
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    with pytest.raises(NotReady, match="GOOGLE_CLOUD_PROJECT.*GOOGLE_SPEECH_BASE_URL"):
        spec.engine(spec, CANARY).load()


def test_a_key_that_is_a_path_is_sent_as_a_key_and_no_file_is_opened(tmp_path):
    secret = tmp_path / "credentials.json"
    secret.write_text('{"private_key": "do-not-read"}')
    with cloud("google_speech/chirp_3", key=str(secret)) as (engine, api, _):
        list(engine.run(Transcribe(tone()), 20.0))
    assert api.journal[0].headers["x-goog-api-key"] == str(secret)
