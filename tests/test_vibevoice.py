"""VibeVoice goes from a checkpoint folder through a worker to speech by diffusion, alone or in a reference's voice."""

import numpy as np
import pytest
import tiny
from tiny_speech import speaker

from engine.worker import WorkerError
from local_models import vibevoice

TEXT = "Good morning."
TEMPLATE = (
    "{% for turn in messages %}Speaker {{ turn['role'] }}:{% for part in turn['content'] %}{% if part['type'] == 'audio' %}"
    "<|vision_start|><|vision_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}<|vision_start|>"
)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    import torch
    from transformers import (
        VibeVoiceAcousticTokenizerFeatureExtractor,
        VibeVoiceConfig,
        VibeVoiceForConditionalGeneration,
        VibeVoiceProcessor,
    )

    folder = tmp_path_factory.mktemp("vibevoice")
    tokenizer = tiny.byte_tokenizer(("<|vision_pad|>", "<pad>", "</s>", "<s>", "<unk>", "<|vision_start|>", "<|vision_end|>"))
    number = tokenizer.convert_tokens_to_ids
    sound = {"hidden_size": 8, "num_filters": 4, "downsampling_ratios": [2, 4, 8], "depths": [1, 1, 1, 1]}
    torch.manual_seed(0)
    model = VibeVoiceForConditionalGeneration(
        VibeVoiceConfig(
            text_config={
                "model_type": "qwen2", "vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 16,
                "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 8192,
            },
            diffusion_head_config={"num_hidden_layers": 1, "intermediate_size": 16, "frequency_embedding_size": 16},
            audio_config={"model_type": "vibevoice_acoustic_tokenizer", **sound},
            semantic_model_config={"model_type": "vibevoice_acoustic_tokenizer_encoder", **sound, "hidden_size": 12},
            pad_token_id=number("<pad>"), eos_token_id=number("</s>"), audio_bos_token_id=number("<|vision_start|>"),
            audio_eos_token_id=number("<|vision_end|>"), audio_token_id=number("<|vision_pad|>"),
        )
    )  # fmt: skip
    # Of equal scores the lowest token wins, which is the one that makes sound: it speaks until it is stopped.
    torch.nn.init.zeros_(model.lm_head.weight)
    model.save_pretrained(folder)
    extractor = VibeVoiceAcousticTokenizerFeatureExtractor(pad_to_multiple_of=64)
    VibeVoiceProcessor(extractor, tokenizer, chat_template=TEMPLATE).save_pretrained(folder)
    with speaker(vibevoice.own(str(folder))) as voice:
        yield voice


def test_the_same_seed_says_the_same_and_a_run_away_is_stopped(voice):
    first, again = voice.sound(TEXT), voice.sound(TEXT)
    frames = int(vibevoice.FRAMES_PER_S * (4 + len(TEXT) / 5))
    assert (first.rate, first.frames) == (24_000, frames * 64)
    assert np.array_equal(first.samples, again.samples)


def test_a_reference_voice_changes_the_speech(voice):
    low, high = (voice.sound(TEXT, reference=tiny.tone(1.5, hz=hz)) for hz in (110.0, 880.0))
    assert not np.array_equal(low.samples, high.samples)
    assert voice.facts(TEXT, reference=tiny.tone(1.5)).sent["voice"] == "reference"
    with pytest.raises(WorkerError, match="needs 1 to 30 s of the reference voice, not 0.2 s"):
        voice.pieces(TEXT, reference=tiny.tone(0.2))
