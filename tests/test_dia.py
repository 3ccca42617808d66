"""Dia goes from checkpoint folders of model and codec through a worker to sampled speech, alone or after a reference."""

import numpy as np
import pytest
import tiny
from tiny_speech import hub_with, speaker

from engine.audio import Audio
from engine.worker import WorkerError
from local_models import dia

TEXT = "Good morning."


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    import torch
    from transformers import DacConfig, DacModel, DiaConfig, DiaFeatureExtractor, DiaForConditionalGeneration, DiaTokenizer

    root = tmp_path_factory.mktemp("dia")
    folder, codec = root / "dia", root / "dac"
    torch.manual_seed(0)
    DacModel(
        DacConfig(
            encoder_hidden_size=4, downsampling_ratios=[2, 4, 8, 8], upsampling_ratios=[8, 8, 4, 2], decoder_hidden_size=32,
            n_codebooks=9, codebook_dim=4, sampling_rate=44_100,
        )
    ).save_pretrained(codec)  # fmt: skip
    small = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8,
    }  # fmt: skip
    across = {"cross_num_attention_heads": 2, "cross_head_dim": 8, "cross_num_key_value_heads": 2, "cross_hidden_size": 16}
    model = DiaForConditionalGeneration(
        DiaConfig(encoder_config=small, decoder_config=small | across | {"max_position_embeddings": 1400})
    )
    model.generation_config.update(
        do_sample=True, guidance_scale=3.0, top_k=45, temperature=1.8, pad_token_id=1025, eos_token_id=1024, bos_token_id=1026,
        max_length=1400,
    )  # fmt: skip
    model.save_pretrained(folder)
    DiaTokenizer().save_pretrained(folder)
    DiaFeatureExtractor(sampling_rate=44_100, hop_length=512).save_pretrained(folder)
    with hub_with(root, {"descript/dac_44khz": codec}), speaker(dia.own(str(folder))) as voice:
        yield voice


def test_the_same_seed_says_the_same_at_44_khz(voice):
    first, again = voice.sound(TEXT), voice.sound(TEXT)
    assert first.rate == 44_100
    assert first.frames > 0
    assert np.array_equal(first.samples, again.samples)
    assert voice.facts(TEXT).sent["voice"] == "its own"


def test_a_reference_with_its_words_changes_the_speech_and_is_not_played_back(voice):
    reference = tiny.tone(2.0)
    spoken = voice.sound(TEXT, reference=reference, reference_text="A low tone.")
    assert not np.array_equal(spoken.samples, voice.sound(TEXT).samples)
    # 1400 frames of 512 samples hold the reference and the speech.
    assert spoken.seconds <= 1400 * 512 / 44_100 - 1.9


def test_a_reference_that_it_cannot_use_is_refused_before_any_sound(voice):
    with pytest.raises(WorkerError, match="needs the words that are said in the reference voice's recording"):
        voice.pieces(TEXT, reference=tiny.tone(2.0))
    with pytest.raises(WorkerError, match="got the words of a reference voice without its recording"):
        voice.pieces(TEXT, reference_text="A low tone.")
    with pytest.raises(WorkerError, match="needs 1 to 15 s of the reference voice, not 0.5 s"):
        voice.pieces(TEXT, reference=tiny.tone(0.5), reference_text="A tone.")
    with pytest.raises(WorkerError, match="hears nothing in the reference voice's recording"):
        voice.pieces(TEXT, reference=Audio(np.zeros((1, 32_000)), 16_000), reference_text="Silence.")


def test_a_long_dialogue_comes_in_passages(voice):
    answered = voice.pieces("[S1] Good morning to you all. [S2] And to you, my friend. " * 4)
    assert len([piece for piece in answered if isinstance(piece, Audio)]) == 2
