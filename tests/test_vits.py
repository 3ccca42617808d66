"""VITS goes from a checkpoint folder through a worker to sound, from letters and from phonemes, in one voice or several."""

import itertools
import json

import numpy as np
import pytest
from tiny_speech import speaker

from engine.audio import Audio
from engine.worker import WorkerError
from local_models import vits

SENTENCE = "Good morning, quiet world."
CHAPTER = " ".join([SENTENCE] * 30)


def saved(folder, *, speakers, phonemes):
    import torch
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    letters = "_ abcdefghijklmnopqrstuvwxyz'" + ("ɡɔɹŋɪəʊˈˌːɜ,.ʌɐʔθðʃʒæɑɛ" if phonemes else "")
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    tokenizer = VitsTokenizer(
        str(folder / "vocab.json"), pad_token="_", unk_token="_", phonemize=phonemes, normalize=True, language="eng"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    VitsModel(
        VitsConfig(
            vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
            spectrogram_bins=9, num_speakers=speakers, speaker_embedding_size=8 if speakers > 1 else 0,
            upsample_initial_channel=16, upsample_rates=[8, 8], upsample_kernel_sizes=[16, 16], resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1]], prior_encoder_num_flows=1, prior_encoder_num_wavenet_layers=1,
            posterior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=1, duration_predictor_filter_channels=16,
            sampling_rate=16_000,
        )
    ).save_pretrained(folder)  # fmt: skip
    return str(folder)


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    with speaker(vits.own(saved(tmp_path_factory.mktemp("letters"), speakers=1, phonemes=False))) as voice:
        yield voice


@pytest.fixture(scope="module")
def speakers(tmp_path_factory):
    with speaker(vits.own(saved(tmp_path_factory.mktemp("speakers"), speakers=3, phonemes=True))) as voice:
        yield voice


def test_the_same_text_is_said_the_same_way_again(letters):
    first, again = letters.sound(SENTENCE), letters.sound(SENTENCE)
    assert (first.rate, first.channels) == (16_000, 1)
    assert first.frames > 0
    assert np.array_equal(first.samples, again.samples)


def test_half_the_speed_lasts_longer(letters):
    assert letters.sound(SENTENCE, speed=0.5).seconds > 1.2 * letters.sound(SENTENCE).seconds


def test_a_chapter_comes_passage_by_passage(letters):
    sounds = [piece for piece in letters.pieces(CHAPTER) if isinstance(piece, Audio)]
    assert len(sounds) == letters.facts(CHAPTER).sent["passages"] > 1
    assert sum(piece.seconds for piece in sounds) > 5 * letters.sound(SENTENCE).seconds


def test_passages_of_a_chapter_join_in_silence_and_a_single_one_is_left_as_it_is(letters):
    sounds = [piece.samples[0] for piece in letters.pieces(CHAPTER) if isinstance(piece, Audio)]
    jumps = [abs(after[0] - before[-1]) for before, after in itertools.pairwise(sounds)]
    assert max(jumps) == 0.0
    alone = letters.sound(SENTENCE).samples[0]
    assert abs(alone[0]) > 0 and abs(alone[-1]) > 0


def test_what_the_letters_cannot_say_is_named_beside_the_result(letters):
    assert "2, 4" in letters.facts("Room 42").notice
    assert letters.facts(SENTENCE).notice is None


def test_a_text_without_a_single_known_letter_is_refused(letters):
    with pytest.raises(WorkerError, match="found nothing in this text that it can say aloud"):
        letters.pieces("42")


def test_speakers_are_voices_and_an_unknown_one_is_refused_with_the_list(speakers):
    zero, two = speakers.sound(SENTENCE), speakers.sound(SENTENCE, voice="Speaker-2")
    assert zero.samples.shape != two.samples.shape or not np.array_equal(zero.samples, two.samples)
    assert speakers.facts(SENTENCE, voice="speaker-2").sent["voice"] == "speaker-2"
    with pytest.raises(WorkerError, match="has no voice 'Anna'; it has speaker-0, speaker-1, speaker-2"):
        speakers.pieces(SENTENCE, voice="Anna")


def test_phonemes_come_from_the_bundled_library_so_numbers_are_spoken(speakers):
    assert speakers.sound("Room 1234567").seconds > speakers.sound("Room").seconds


def test_every_published_variant_is_what_its_id_says():
    for spec in vits.ENGINES:
        assert spec.needs.downloads[0].source == spec.model
        assert ("voice" in spec.honours) == bool(spec.voices)
    assert [spec.license_weights for spec in vits.ENGINES if "/mms-" in spec.id] == ["CC-BY-NC-4.0"] * 16
