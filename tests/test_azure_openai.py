"""Azure OpenAI: what is sent to a person's own resource. Exchanges are from docs, not recorded."""

import pytest
from fake_clouds import CANARY, SPECS, cloud, tone

from comparisons.cost import bill
from comparisons.faults import sort
from engine.contract import Ask, NotReady, Synthesize, Text, Transcribe, Usage


def test_the_deployment_is_asked_for_by_the_models_name_under_the_v1_path():
    with cloud("azure_openai/gpt-transcribe") as (engine, api, _):
        *_, text, usage, facts = engine.run(Transcribe(tone(), language="en", prompt="Aura"), 20.0)
    assert text == Text("the quick brown fox", language="en")
    assert usage == Usage({"input_audio_seconds": 1.0})
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(0.0045 / 60)
    assert facts.sent["model"] == "gpt-transcribe"
    (seen,) = api.journal
    assert (seen.path, seen.key) == ("/openai/v1/audio/transcriptions", CANARY)
    assert seen.headers["authorization"] == f"Bearer {CANARY}"
    assert {("model", "gpt-transcribe"), ("languages[]", "en"), ("keywords[]", "Aura"), ("stream", "true")} <= set(seen.fields)


def test_speech_and_chat_go_to_the_same_resource():
    for engine_id, request, path in (
        ("azure_openai/gpt-4o-mini-tts", Synthesize("Hello."), "/openai/v1/audio/speech"),
        ("azure_openai/gpt-audio-1.5", Ask(tone()), "/openai/v1/chat/completions"),
        ("azure_openai/gpt-audio-1.5-spoken", Ask(tone()), "/openai/v1/chat/completions"),
    ):
        with cloud(engine_id) as (engine, api, _):
            list(engine.run(request, 20.0))
        assert [seen.path for seen in api.journal] == [path]


@pytest.mark.parametrize("written", ["https://me.openai.azure.com", "https://me.openai.azure.com/openai/v1/"])
def test_the_address_may_be_written_with_and_without_its_path(written):
    spec = SPECS["azure_openai/gpt-transcribe"]
    assert spec.engine(spec, CANARY, written).address() == "https://me.openai.azure.com/openai/v1"


def test_without_an_address_it_says_which_variable_to_set():
    spec = SPECS["azure_openai/gpt-transcribe"]
    with pytest.raises(NotReady, match="set AZURE_OPENAI_BASE_URL") as failed:
        spec.engine(spec, CANARY).load()
    assert sort(failed.value).kind == "not_ready"
