"""Moshi goes from a checkpoint folder to words and a voice; this checkpoint is random, and says the same every time."""

import numpy as np
import pytest
import tiny

from engine.contract import Ask, BadInput, Unsupported
from engine.tasks import TASKS
from local_models import moshi


def save(folder):
    import torch
    from transformers import MoshiConfig, MoshiForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = tiny.byte_tokenizer()
    small = {
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "ffn_dim": 16, "num_codebooks": 8,
        "audio_vocab_size": 32,
    }  # fmt: skip
    model = MoshiForConditionalGeneration(
        MoshiConfig(
            vocab_size=len(tokenizer), hidden_size=16, head_dim=8, **small,
            depth_decoder_config={"vocab_size": len(tokenizer), "hidden_size": 16, "input_size": 16, "head_dim": 8, **small},
            audio_encoder_config={
                "model_type": "mimi", "hidden_size": 16, "num_filters": 4, "codebook_size": 32, "codebook_dim": 8,
                "num_quantizers": 8, "num_semantic_quantizers": 1, "vector_quantization_hidden_dimension": 8,
                "upsample_groups": 16, "num_hidden_layers": 1, "intermediate_size": 16, "num_attention_heads": 2,
                "num_key_value_heads": 2,
            },
        )
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    spec = moshi.own(str(save(tmp_path_factory.mktemp("moshi"))))
    engine = spec.engine(spec)
    engine.load()
    engine.most = 25
    return engine


def asked(engine, seconds=1.0, words="What do you hear?"):
    return TASKS["audio_lm"].join(list(engine.run(Ask(tiny.tone(seconds), words), 120.0)))


def test_it_speaks_after_the_sound_has_ended_and_writes_what_it_says(engine):
    output = asked(engine)
    assert output.audio.rate == 24_000 and 1.8 <= output.audio.seconds <= 2.1  # 25 frames of 80 ms
    again = asked(engine)
    assert output.text == again.text and np.array_equal(output.audio.samples, again.audio.samples)


def test_a_written_question_and_a_long_sound_are_refused(engine):
    with pytest.raises(Unsupported, match="takes no written question: ask it aloud"):
        asked(engine, words="Who is speaking?")
    with pytest.raises(BadInput, match="hears at most 228 s of sound"):
        asked(engine, seconds=229.0)
