"""Pocket TTS goes from checkpoint folders of model and codec through a worker to speech in a reference's voice."""

import numpy as np
import pytest
import tiny
from tiny_speech import hub_with, speaker

from comparisons.catalogue import blocked
from engine.audio import Audio
from engine.contract import Synthesize
from local_models import pocket_tts

TEXT = "Good morning, quiet world."
TEMPLATE = (
    "{% for turn in messages %}{% for part in turn['content'] %}{% if part['type'] == 'audio' %}<|voice_start|><|voice|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}<|speech|>"
)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    import torch
    from transformers import (
        PocketTTSAudioTokenizerConfig,
        PocketTTSAudioTokenizerModel,
        PocketTTSConfig,
        PocketTTSFeatureExtractor,
        PocketTTSForConditionalGeneration,
        PocketTTSProcessor,
        PreTrainedTokenizerFast,
    )

    root = tmp_path_factory.mktemp("pocket")
    folder, codec_folder = root / "pocket", root / "codec"
    signs = {
        "audio_prompt_token": "<|voice|>", "audio_latent_token": "<|latent|>", "audio_prompt_bos_token": "<|voice_start|>",
        "audio_bos_token": "<|speech|>",
    }  # fmt: skip
    letters = tiny.byte_tokenizer(("<pad>", "</s>", "<s>", "<unk>", *signs.values())).backend_tokenizer
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", extra_special_tokens=signs
    )
    numbers = {f"{name}_id": tokenizer.convert_tokens_to_ids(sign) for name, sign in signs.items()}
    torch.manual_seed(0)
    codec = PocketTTSAudioTokenizerModel(
        PocketTTSAudioTokenizerConfig(
            hidden_size=16, num_filters=4, upsampling_ratios=[6, 5, 4], num_hidden_layers=1, intermediate_size=16,
            num_attention_heads=2, num_key_value_heads=2, head_dim=8, upsample_groups=16, latent_dim=8,
        )
    )  # fmt: skip
    codec.save_pretrained(codec_folder)
    model = PocketTTSForConditionalGeneration(
        PocketTTSConfig(
            vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            latent_dim=8, pad_token_id=tokenizer.pad_token_id, **numbers,
            flow_head_config={
                "hidden_size": 16, "num_hidden_layers": 1, "latent_dim": 8, "condition_dim": 16, "frequency_embedding_size": 16
            },
        )
    )  # fmt: skip
    model.generation_config.update(do_sample=True, temperature=0.3, return_dict_in_generate=True)
    model.save_pretrained(folder)
    extractor = PocketTTSFeatureExtractor()
    PocketTTSProcessor(extractor, tokenizer, audio_tokenizer=codec, chat_template=TEMPLATE).save_pretrained(folder)
    with hub_with(root, {"eustlb/pocket-tts-audio-tokenizer": codec_folder}), speaker(pocket_tts.own(str(folder))) as voice:
        yield voice


def test_the_same_seed_says_the_same_in_the_voice_of_the_reference(voice):
    reference = tiny.tone(2.0, rate=44_100, channels=2)
    first, again = (voice.sound(TEXT, reference=reference) for _ in range(2))
    assert first.rate == 24_000
    assert first.frames > 0
    assert np.array_equal(first.samples, again.samples)
    other = voice.sound(TEXT, reference=tiny.tone(2.0, hz=880.0))
    assert first.frames != other.frames or not np.array_equal(first.samples, other.samples)


def test_a_long_text_comes_in_passages(voice):
    answered = voice.pieces("Good morning to the quiet world of ours. " * 8, reference=tiny.tone(2.0))
    assert len([piece for piece in answered if isinstance(piece, Audio)]) == 2


def test_without_a_reference_voice_it_is_blocked_before_it_runs():
    assert "needs 'reference voice'" in blocked(pocket_tts.ENGINES[0], Synthesize(TEXT))
    assert blocked(pocket_tts.ENGINES[0], Synthesize(TEXT, reference=tiny.tone(2.0))) is None
