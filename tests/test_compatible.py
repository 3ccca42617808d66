"""A person's own OpenAI-shaped server, described at run time. Exchanges follow the protocol; no server was recorded."""

import numpy as np
import pytest
from fake_api import FakeApi
from fake_clouds import CANARY, request_for, tone
from fake_compatible import FakeCompatible

from comparisons import faults
from comparisons.catalogue import readiness
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import Ask, BadInput, Facts, Synthesize, Text, Transcribe, Word
from engine.tasks import usage_of
from providers.compatible import server_spec


def answers(task, request, key=""):
    """What a server without settings answers, and the one request that it saw."""
    with FakeApi(FakeCompatible()) as api:
        spec = server_spec(f"{api.url}/v1", "Systran/faster-whisper-small", task)
        engine = spec.engine(spec, key)
        engine.load()
        pieces = list(engine.run(request, 20.0))
        engine.close()
    (seen,) = api.journal
    return pieces, seen


def test_the_id_names_host_and_model_and_no_two_servers_or_tasks_share_one():
    spec = server_spec("http://Studio.local:8000/v1/", "Systran/faster-whisper-small", "asr", name="The studio")
    assert spec.id.startswith("compatible/studio.local-8000-systran-faster-whisper-small-")
    assert (spec.name, spec.model, spec.extra["base_url"]) == (
        "The studio",
        "Systran/faster-whisper-small",
        "http://Studio.local:8000/v1",
    )
    assert spec == server_spec("http://Studio.local:8000/v1", "Systran/faster-whisper-small", "asr", name="The studio")
    others = [
        server_spec(*how).id
        for how in (
            ("http://studio.local:8000/v1", "a/b", "asr"),
            ("http://studio.local:8000/v1", "a-b", "asr"),
            ("http://studio.local:8000/v2", "a/b", "asr"),
            ("https://studio.local:8000/v1", "a/b", "asr"),
            ("http://studio.local:8000/v1", "a/b", "audio_lm"),
        )
    ]
    assert len(set(others)) == 5


def test_a_server_needs_no_key_and_costs_nothing_that_is_known():
    spec = server_spec("http://localhost:8000/v1", "tts-1", "tts")
    assert readiness(spec).status == "ready"
    assert bill(spec, usage_of(Synthesize("Hello."), None), None, 1.0, None).cost_usd is None


def test_without_a_key_no_authorization_is_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-of-somebody-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-else")
    _, seen = answers("asr", Transcribe(tone()))
    assert not {"authorization", "openai-organization"} & set(seen.headers)
    _, seen = answers("asr", Transcribe(tone()), key="local-key-1")
    assert seen.headers["authorization"] == "Bearer local-key-1"


def test_word_times_change_the_format_that_is_asked_for():
    (text, facts), seen = answers("asr", Transcribe(tone(), language="en"))
    assert text == Text("the quick brown fox")
    assert isinstance(facts, Facts)
    assert sorted(seen.fields) == [("language", "en"), ("model", "Systran/faster-whisper-small"), ("response_format", "json")]
    (text, _facts), seen = answers("asr", Transcribe(tone(), word_times=True))
    assert text.words[0] == Word("the", 0.1, 0.2)
    assert ("response_format", "verbose_json") in seen.fields


def test_speech_is_asked_for_as_a_file_and_without_a_voice_that_nobody_named():
    (*chunks, facts), seen = answers("tts", Synthesize("Hello."))
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(FakeCompatible.pcm, 24_000).samples)
    assert seen.json() == {"model": "Systran/faster-whisper-small", "response_format": "wav", "input": "Hello."}
    assert facts.sent == {"model": "Systran/faster-whisper-small", "response_format": "wav"}
    _, seen = answers("tts", Synthesize("Hello.", voice="af_heart", speed=1.25))
    assert (seen.json()["voice"], seen.json()["speed"]) == ("af_heart", 1.25)


def test_a_chat_answers_a_question_about_a_sound():
    pieces, seen = answers("audio_lm", Ask(tone(), prompt="What is it?"))
    assert Text("A tone.") in pieces
    assert seen.path == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("base_url", "model", "task", "why"),
    [
        ("ftp://localhost/v1", "a", "asr", "not an address"),
        ("localhost:8000", "a", "asr", "not an address"),
        ("http://", "a", "asr", "not an address"),
        ("http://localhost:port/v1", "a", "asr", "not an address"),
        ("http://[::1/v1", "a", "asr", "not an address"),
        ("http://local host/v1", "a", "asr", "not an address"),
        ("http://localhost/v1\r\nx: y", "a", "asr", "not an address"),
        ("http://me:secret@localhost/v1", "a", "asr", "neither a password nor a query"),
        ("http://localhost/v1?key=secret", "a", "asr", "neither a password nor a query"),
        ("http://localhost/v1", "", "asr", "not a model name"),
        ("http://localhost/v1", "a b", "asr", "not a model name"),
        ("http://localhost/v1", "a\nb", "asr", "not a model name"),
        ("http://localhost/v1", "a", "music", "not 'music'"),
    ],
)
def test_what_cannot_be_a_server_is_refused_in_a_sentence(base_url, model, task, why):
    with pytest.raises(BadInput, match=why) as refused:
        server_spec(base_url, model, task)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("task", ["asr", "tts", "audio_lm"])
def test_a_strangers_server_inside_the_network_is_never_sent_a_byte(task):
    with FakeApi(FakeCompatible()) as api:
        spec = server_spec(f"{api.url}/v1", "any-model", task, public_only=True)
        engine = spec.engine(spec, CANARY, "")
        engine.load()
        with pytest.raises(Exception) as caught:
            list(engine.run(request_for(spec), 20.0))
        engine.close()
    assert "public servers" in faults.sort(caught.value).message
    assert api.journal == []
