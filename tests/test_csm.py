"""CSM goes from a checkpoint folder through a worker to sampled speech, alone or after a reference and its words."""

import numpy as np
import pytest
import tiny
from tiny_speech import speaker

from engine.audio import Audio
from engine.worker import WorkerError
from local_models import csm

TEXT = "Good morning."
TEMPLATE = (
    "{% for turn in messages %}<s>[{{ turn['role'] }}]{% for part in turn['content'] %}{% if part['type'] == 'audio' %}"
    "<|AUDIO|><|audio_eos|>{% else %}{{ part['text'] }}</s>{% endif %}{% endfor %}{% endfor %}"
)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    import torch
    from transformers import CsmConfig, CsmForConditionalGeneration, CsmProcessor, EncodecFeatureExtractor

    folder = tmp_path_factory.mktemp("csm")
    tokenizer = tiny.byte_tokenizer(("<pad>", "</s>", "<s>", "<unk>", "<|AUDIO|>", "<|audio_eos|>"))
    number = tokenizer.convert_tokens_to_ids
    small = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "initializer_range": 0.5,
    }  # fmt: skip
    codec = {
        "model_type": "mimi", "num_filters": 4, "hidden_size": 16, "codebook_dim": 8, "codebook_size": 64,
        "vector_quantization_hidden_dimension": 8, "num_quantizers": 4, "num_semantic_quantizers": 1, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 16, "upsample_groups": 16,
    }  # fmt: skip
    torch.manual_seed(0)
    model = CsmForConditionalGeneration(
        CsmConfig(
            num_codebooks=4, vocab_size=64, text_vocab_size=len(tokenizer), codebook_pad_token_id=63, codebook_eos_token_id=0,
            pad_token_id=number("<pad>"), bos_token_id=number("<s>"), audio_token_id=number("<|AUDIO|>"),
            audio_eos_token_id=number("<|audio_eos|>"), codec_config=codec, **small,
            depth_decoder_config={
                "num_codebooks": 4, "backbone_hidden_size": 16, "vocab_size": 64, "max_position_embeddings": 5, **small
            },
        )
    )  # fmt: skip
    for name, buffer in model.codec_model.named_buffers():
        if name.endswith("embed_sum"):  # code books start empty: every code would sound the same
            buffer.normal_()
    model.generation_config.update(do_sample=True, depth_decoder_do_sample=True)
    model.save_pretrained(folder)
    CsmProcessor(EncodecFeatureExtractor(sampling_rate=24_000), tokenizer, chat_template=TEMPLATE).save_pretrained(folder)
    with speaker(csm.own(str(folder))) as voice:
        yield voice


def test_the_same_seed_says_the_same_and_never_runs_away(voice):
    first, again = voice.sound(TEXT), voice.sound(TEXT)
    assert first.rate == 24_000
    assert 0 < first.seconds <= 4 + len(TEXT) / 5
    assert np.array_equal(first.samples, again.samples)


def test_a_reference_with_its_words_changes_the_speech(voice):
    followed = voice.sound(TEXT, reference=tiny.tone(2.0), reference_text="A low tone.")
    assert not np.array_equal(followed.samples, voice.sound(TEXT).samples)
    assert voice.facts(TEXT, reference=tiny.tone(2.0), reference_text="A low tone.").sent["voice"] == "reference"


def test_a_reference_without_its_words_is_refused(voice):
    with pytest.raises(WorkerError, match="needs the words that are said in the reference voice's recording"):
        voice.pieces(TEXT, reference=tiny.tone(2.0))


def test_a_long_text_comes_in_passages_that_follow_the_first_voice(voice):
    sounds = [piece for piece in voice.pieces("Good morning to the quiet world of ours. " * 10) if isinstance(piece, Audio)]
    assert len(sounds) == 2
