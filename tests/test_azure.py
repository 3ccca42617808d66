"""Azure Speech: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import json
import threading
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from fake_clouds import CANARY, SPECS, cloud, tone

from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadInput, NotReady, Synthesize, Text, Transcribe, Unsupported, Usage, Word
from engine.tasks import usage_of

VOICE = "{http://www.w3.org/2001/10/synthesis}voice"


def test_fast_transcription_sends_one_form_with_locale_phrases_and_speakers():
    """T18."""
    with cloud("azure/fast-transcription") as (engine, api, _):
        request = Transcribe(tone(1.5, rate=44_100).stereo(), language="en", prompt="Soundcheck, Aura", speakers=True)
        text, usage, facts = engine.run(request, 20.0)
    words = (Word("The", 0.1, 0.2, speaker="1"), Word("quick.", 0.25, 0.5, speaker="1"))
    assert text == Text("The quick.", words=words, language="en-US")
    assert usage == Usage({"input_audio_seconds": 1.5})
    made = bill(SPECS["azure/fast-transcription"], {}, usage.amounts, 1.0, None)
    assert made.cost_usd == pytest.approx(1.5 / 3_600 * 0.36)
    assert facts.request_id == "az-1"
    (seen,) = api.journal
    assert (seen.path, seen.query) == ("/speechtotext/transcriptions:transcribe", [("api-version", "2025-10-15")])
    assert seen.headers["ocp-apim-subscription-key"] == CANARY
    assert seen.wav == (1.5, 16_000, 1)
    assert json.loads(dict(seen.fields)["definition"]) == facts.sent
    assert facts.sent == {
        "profanityFilterMode": "None",
        "locales": ["en-US"],
        "phraseList": {"phrases": ["Soundcheck", "Aura"]},
        "diarization": {"enabled": True},
    }


def test_without_a_language_the_vendor_finds_it():
    with cloud("azure/fast-transcription") as (engine, api, _):
        text, *_ = engine.run(Transcribe(tone()), 20.0)
    assert text.words[0].speaker is None
    assert json.loads(dict(api.journal[0].fields)["definition"]) == {"profanityFilterMode": "None"}


def test_speech_is_the_vendors_samples_even_when_chunks_split_them():
    """T18."""
    with cloud("azure/neural") as (engine, api, vendor):
        *chunks, facts = engine.run(Synthesize("Guten Tag.", voice="de-DE-KatjaNeural", speed=1.5), 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert facts.request_id == "az-2"
    (seen,) = api.journal
    assert seen.path == "/tts/cognitiveservices/v1"
    assert seen.headers["x-microsoft-outputformat"] == "raw-24khz-16bit-mono-pcm"
    assert seen.headers["content-type"] == "application/ssml+xml"
    assert seen.headers["ocp-apim-subscription-key"] == CANARY
    assert seen.body.decode() == (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="de-DE">'
        '<voice name="de-DE-KatjaNeural"><prosody rate="1.5">Guten Tag.</prosody></voice></speak>'
    )


@pytest.mark.parametrize(
    "text", ["a < b & c > d", "</voice><voice name='x'>", '<break time="9s"/>', "<![CDATA[x]]>", "&lt;", "\U0001f600 \u4f60"]
)
def test_a_text_is_spoken_as_it_stands_and_never_read_as_markup(text):
    with cloud("azure/neural") as (engine, api, _):
        list(engine.run(Synthesize(text), 20.0))
    voice = ElementTree.fromstring(api.journal[0].body).find(VOICE)
    assert voice.text == text
    assert len(voice) == 0


def test_a_voice_name_cannot_leave_its_attribute():
    with cloud("azure/neural") as (engine, api, _):
        list(engine.run(Synthesize("Hi.", voice='en-US-X" onload="y'), 20.0))
    assert ElementTree.fromstring(api.journal[0].body).find(VOICE).attrib == {"name": 'en-US-X" onload="y'}


@pytest.mark.parametrize("text", ["a\0b", "bell \x07", "\ud800"])
def test_a_character_that_xml_cannot_hold_is_refused_before_anything_is_sent(text):
    with cloud("azure/neural") as (engine, api, _):
        with pytest.raises(BadInput, match="cannot speak a text with the character"):
            list(engine.run(Synthesize(text), 20.0))
        assert api.journal == []


@pytest.mark.parametrize("speed", [0.25, 2.5])
def test_a_speed_that_the_vendor_would_cut_off_is_refused(speed):
    with cloud("azure/neural") as (engine, api, _):
        with pytest.raises(Unsupported, match=r"0\.5 to 2\.0 times"):
            list(engine.run(Synthesize("Hi.", speed=speed), 20.0))
        assert api.journal == []


def test_a_voice_of_another_vendor_is_refused():
    with cloud("azure/neural-hd") as (engine, _, _vendor), pytest.raises(BadInput, match="'alloy'"):
        list(engine.run(Synthesize("Hi.", voice="alloy"), 20.0))


def test_chinese_characters_cost_twice_as_much():
    spec = SPECS["azure/neural"]
    plain, chinese = (bill(spec, usage_of(Synthesize(text), None), None, 1.0, None).cost_usd for text in ("ab", "\u4f60\u597d"))
    assert plain == pytest.approx(2 * 15 / 1e6)
    assert chinese == pytest.approx(4 * 15 / 1e6)


def test_speech_arrives_before_the_answer_is_complete():
    """T5."""
    with cloud("azure/neural-hd") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        assert api.journal == []
        assert next(run).frames < 12_000
        vendor.hold.set()
        list(run)


@pytest.mark.parametrize(
    ("base_url", "region", "ears", "mouth"),
    [
        ("", "westeurope", "https://westeurope.api.cognitive.microsoft.com", "https://westeurope.tts.speech.microsoft.com"),
        (
            "https://eastus.api.cognitive.microsoft.com/",
            "westeurope",
            "https://eastus.api.cognitive.microsoft.com",
            "https://eastus.tts.speech.microsoft.com",
        ),
        ("https://me.cognitiveservices.azure.com", "", *(f"https://me.cognitiveservices.azure.com{end}" for end in ("", "/tts"))),
    ],
)
def test_the_region_comes_from_the_address_or_else_from_the_environment(base_url, region, ears, mouth, monkeypatch):
    monkeypatch.setenv("AZURE_SPEECH_REGION", region)
    for engine_id, url in (("azure/fast-transcription", ears), ("azure/neural", mouth)):
        spec = SPECS[engine_id]
        engine = spec.engine(spec, CANARY, base_url)
        engine.load()
        assert engine.url == url
        engine.close()


@pytest.mark.parametrize("region", ["", "westeurope.evil.example/", "a b"])
def test_a_missing_or_odd_region_is_explained(region, monkeypatch):
    monkeypatch.setenv("AZURE_SPEECH_REGION", region)
    spec = SPECS["azure/neural"]
    with pytest.raises(NotReady, match="AZURE_SPEECH_REGION.*AZURE_BASE_URL"):
        spec.engine(spec, CANARY).load()
