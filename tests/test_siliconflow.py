"""SiliconFlow: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import numpy as np
import pytest
from fake_clouds import CANARY, cloud

from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import Synthesize
from engine.tasks import usage_of


@pytest.mark.parametrize(
    ("engine_id", "model", "usd"),
    [
        ("siliconflow/cosyvoice2-0.5b", "FunAudioLLM/CosyVoice2-0.5B", 7.15),
        ("siliconflow/indextts-2", "IndexTeam/IndexTTS-2", 7.15),
        ("siliconflow/fish-speech-1.5", "fishaudio/fish-speech-1.5", 15.0),
    ],
)
def test_each_voice_is_named_with_its_model_and_bills_utf8_bytes(engine_id, model, usd):
    request = Synthesize("你好, hello.", voice=f"{model}:claire", speed=1.5)
    with cloud(engine_id) as (engine, api, vendor):
        *chunks, facts = engine.run(request, 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert facts.sent == {
        "model": model,
        "response_format": "pcm",
        "voice": f"{model}:claire",
        "speed": 1.5,
        "sample_rate": 24_000,
        "stream": True,
    }
    (seen,) = api.journal
    assert (seen.path, seen.key, seen.json()) == ("/v1/audio/speech", CANARY, {**facts.sent, "input": "你好, hello."})
    made = bill(engine.spec, usage_of(request, None), None, 1.0, None)
    assert made.raw == {"input_utf8_bytes": 14.0}
    assert made.cost_usd == pytest.approx(14 * usd / 1e6)


def test_without_a_voice_the_models_own_first_is_sent():
    with cloud("siliconflow/indextts-2") as (engine, api, _):
        list(engine.run(Synthesize("Hello."), 20.0))
    assert api.journal[0].json()["voice"] == "IndexTeam/IndexTTS-2:alex"
