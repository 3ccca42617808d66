"""Bark goes from a checkpoint folder with voice prompts through a worker to sampled speech that a seed repeats."""

import json

import numpy as np
import pytest
import tiny
from tiny_speech import speaker

from engine.audio import Audio
from engine.worker import WorkerError
from local_models import bark

TEXT = "Good morning."


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    import torch
    from transformers import BarkConfig, BarkModel
    from transformers.models.bark.generation_configuration_bark import (
        BarkCoarseGenerationConfig,
        BarkFineGenerationConfig,
        BarkGenerationConfig,
        BarkSemanticGenerationConfig,
    )

    folder = tmp_path_factory.mktemp("bark")
    torch.manual_seed(0)
    small = {"num_layers": 1, "num_heads": 2, "hidden_size": 8}
    codec = {
        "num_filters": 4, "hidden_size": 8, "codebook_dim": 8, "codebook_size": 1024, "upsampling_ratios": [8, 5, 4, 2],
        "sampling_rate": 24_000, "target_bandwidths": [6.0], "num_lstm_layers": 1,
    }  # fmt: skip
    model = BarkModel(
        BarkConfig(
            semantic_config=small | {"input_vocab_size": 129_600, "output_vocab_size": 10_048},
            coarse_acoustics_config=small | {"input_vocab_size": 12_096, "output_vocab_size": 12_096},
            fine_acoustics_config=small | {"input_vocab_size": 1_056, "output_vocab_size": 1_056},
            codec_config=codec,
        )
    )
    model.save_pretrained(folder)
    semantic = BarkSemanticGenerationConfig(max_new_tokens=12)
    settings = BarkGenerationConfig.from_sub_model_configs(semantic, BarkCoarseGenerationConfig(), BarkFineGenerationConfig())
    (folder / "generation_config.json").write_text(json.dumps(settings.to_dict(), default=str))
    tiny.byte_tokenizer().save_pretrained(folder)
    names = {}
    for number, language in enumerate(("en", "de")):
        draw = np.random.default_rng(number)
        prompts = {
            "semantic_prompt": draw.integers(0, 10_000, 40),
            "coarse_prompt": draw.integers(0, 1024, (2, 60)),
            "fine_prompt": draw.integers(0, 1024, (8, 60)),
        }
        (folder / "speaker_embeddings" / "v2").mkdir(parents=True, exist_ok=True)
        name = f"v2/{language}_speaker_6"
        for part, values in prompts.items():
            np.save(folder / "speaker_embeddings" / f"{name}_{part}.npy", values)
        names[name] = {part: f"speaker_embeddings/{name}_{part}.npy" for part in prompts}
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(names | {"repo_or_path": "elsewhere/bark"}))
    with speaker(bark.own(str(folder))) as voice:
        yield voice


def test_sampled_speech_is_repeated_by_its_seed(voice):
    first, again = voice.sound(TEXT), voice.sound(TEXT)
    assert first.rate == 24_000
    assert first.frames > 0
    assert np.array_equal(first.samples, again.samples)


def test_a_language_picks_a_voice_that_speaks_it(voice):
    assert voice.facts(TEXT, language="de-AT").sent["voice"] == "v2/de_speaker_6"
    with pytest.raises(WorkerError, match="does not speak 'sv'; it speaks de, en, es"):
        voice.pieces(TEXT, language="sv")
    with pytest.raises(WorkerError, match="the voice 'v2/en_speaker_6' does not speak 'de'; leave one of them empty"):
        voice.pieces(TEXT, voice="v2/en_speaker_6", language="de")


def test_an_unknown_voice_is_refused_with_the_list(voice):
    with pytest.raises(WorkerError, match="has no voice 'Anna'; it has v2/en_speaker_6, v2/de_speaker_6"):
        voice.pieces(TEXT, voice="Anna")


def test_a_text_beyond_one_generation_comes_in_passages(voice):
    sounds = [piece for piece in voice.pieces("Good morning to the quiet world of ours. " * 6) if isinstance(piece, Audio)]
    assert len(sounds) == 2


def test_every_published_voice_names_its_language():
    for spec in bark.ENGINES:
        assert len(spec.voices) == 130
        assert {name[3:5] for name in spec.voices} == set(spec.languages)
        assert spec.default_voice in spec.voices
