"""Hugging Face: what the engines send and what comes back. Exchanges are from docs, not recorded."""

import base64

import pytest
from fake_api import Reply
from fake_clouds import CANARY, SPECS, cloud, tone

from engine.contract import BadResponse, Classify, Tag, Text, Transcribe

ROUTER = "https://router.huggingface.co/hf-inference/models"


@pytest.mark.parametrize("model", ["whisper-large-v3", "whisper-large-v3-turbo"])
def test_a_sound_goes_out_as_it_is_and_a_text_comes_back(model):
    with cloud(f"huggingface/{model}") as (engine, api, _):
        text, facts = engine.run(Transcribe(tone(1.0, rate=44_100)), 20.0)
    assert text == Text("The quick brown fox jumps over the lazy dog.")
    assert (facts.request_id, facts.sent) == ("hf-1", {"model": f"openai/{model}"})
    (seen,) = api.journal
    assert (seen.path, seen.wav, seen.headers["content-type"]) == ("/", (1.0, 16_000, 1), "audio/wav")
    assert seen.headers["authorization"] == f"Bearer {CANARY}"


def test_tags_come_back_as_many_as_asked_for():
    with cloud("huggingface/ast-audioset") as (engine, api, _):
        *tags, facts = engine.run(Classify(tone(1.0), top_k=2), 20.0)
    assert tags == [Tag("Music", 0.75), Tag("Guitar", 0.5)]
    assert facts.sent == {"model": "MIT/ast-finetuned-audioset-10-10-0.4593", "top_k": 2}
    (seen,) = api.journal
    assert base64.b64decode(seen.json()["inputs"]) == tone(1.0).to_wav()
    assert seen.json()["parameters"] == {"top_k": 2}


@pytest.mark.parametrize("engine_id", [engine_id for engine_id in SPECS if engine_id.startswith("huggingface/")])
def test_without_an_endpoint_of_ones_own_the_models_page_at_the_router_is_asked(engine_id):
    spec = SPECS[engine_id]
    engine = spec.engine(spec, CANARY)
    engine.load()
    assert engine.url == f"{ROUTER}/{spec.model}"
    engine.close()


@pytest.mark.parametrize("answer", [{"label": "Music", "score": 0.5}, ["Music"], [{"label": "Music"}], None])
def test_tags_that_are_no_list_of_tags_are_a_bad_response(answer):
    with cloud("huggingface/ast-audioset") as (engine, _, vendor):
        vendor.infer = lambda seen: Reply.of_json(answer)
        with pytest.raises(BadResponse, match="not tags"):
            list(engine.run(Classify(tone()), 20.0))
