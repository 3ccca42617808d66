"""xAI: what the engine sends and what comes back. Exchanges are from docs, not recorded."""

import pytest
from fake_clouds import CANARY, cloud, tone

from comparisons.cost import bill
from engine.contract import Facts, Text, Transcribe, Usage, Word

WORDS = (Word("The", 0.1, 0.2, 0.9, "0"), Word("fox.", 0.2, 0.5, None, "0"))


def test_a_recording_is_transcribed_in_one_request_with_the_file_last():
    with cloud("xai/grok-voice-transcribe-2.0") as (engine, api, _):
        request = Transcribe(tone(2.0, rate=44_100), language="en", prompt="Soundcheck, Aura", speakers=True)
        text, usage, facts = engine.run(request, 20.0)
    assert text == Text("The fox.", words=WORDS, language="en")
    assert usage == Usage({"input_audio_seconds": 2.0})
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == pytest.approx(2 / 3600 * 0.10)
    assert isinstance(facts, Facts)
    assert facts.request_id == "x-1"
    (seen,) = api.journal
    assert (seen.path, seen.headers["authorization"]) == ("/v1/stt", f"Bearer {CANARY}")
    assert sorted(seen.fields) == [
        ("diarize", "true"),
        ("format", "true"),
        ("keyterm", "Aura"),
        ("keyterm", "Soundcheck"),
        ("language", "en"),
        ("model", "grok-voice-transcribe-2.0"),
    ]
    assert seen.wav == (2.0, 16_000, 1)
    parts = [seen.body.index(f'name="{name}"'.encode()) for name, _ in seen.fields]
    assert seen.body.index(b'name="file"') > max(parts)


def test_without_settings_nothing_but_the_model_is_sent():
    with cloud("xai/grok-voice-transcribe-2.0") as (engine, api, _):
        text, _, facts = engine.run(Transcribe(tone()), 20.0)
    assert (text.language, facts.sent) == (None, {"model": "grok-voice-transcribe-2.0"})
    assert api.journal[0].fields == [("model", "grok-voice-transcribe-2.0")]
