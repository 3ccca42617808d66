"""FastSpeech 2 reads words from a dictionary and the rest by eSpeak NG, and goes from a checkpoint folder to sound."""

import json

import numpy as np
import pytest
from tiny_speech import hub_with, speaker

from engine import weights
from engine.audio import Audio
from engine.worker import WorkerError
from local_models import _arpabet, fastspeech2

SPEC = fastspeech2.ENGINES[0]
VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z",
    "ZH",
)  # fmt: skip
SOUNDS = (*(vowel + stress for vowel in VOWELS for stress in "012"), *CONSONANTS)
SIGNS = ("<blank>", "<unk>", *SOUNDS, ".", ",", "?", "!", "<sos/eos>")
SENTENCE = "Good morning, quiet Soundcheck 42."


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory):
    file = tmp_path_factory.mktemp("words") / "cmudict.dict"
    file.write_text("good G UH1 D # comment\nmorning M AO1 R N IH0 NG\nquiet K W AY1 AH0 T\nquiet(2) K W AY1 IH0 T\n")
    return file


@pytest.fixture(scope="module")
def voice(tmp_path_factory, dictionary):
    import torch
    from transformers import FastSpeech2ConformerWithHifiGan, FastSpeech2ConformerWithHifiGanConfig

    root = tmp_path_factory.mktemp("fastspeech2")
    folder = root / "model"
    torch.manual_seed(0)
    FastSpeech2ConformerWithHifiGan(
        FastSpeech2ConformerWithHifiGanConfig(
            model_config={
                "hidden_size": 16, "vocab_size": len(SIGNS), "num_mel_bins": 80, "encoder_layers": 1, "decoder_layers": 1,
                "encoder_linear_units": 16, "decoder_linear_units": 16, "encoder_num_attention_heads": 2,
                "decoder_num_attention_heads": 2, "encoder_kernel_size": 3, "decoder_kernel_size": 3,
                "duration_predictor_channels": 8, "pitch_predictor_channels": 8, "energy_predictor_channels": 8,
                "speech_decoder_postnet_units": 8, "speech_decoder_postnet_layers": 1, "num_speakers": None,
                "num_languages": None, "speaker_embed_dim": None,
            },
            vocoder_config={
                "upsample_initial_channel": 16, "upsample_rates": [8, 8], "upsample_kernel_sizes": [16, 16],
                "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1]], "sampling_rate": 22_050,
            },
        )
    ).save_pretrained(folder)  # fmt: skip
    (folder / "vocab.json").write_text(json.dumps({sign: number for number, sign in enumerate(SIGNS)}))
    with hub_with(root, {}):
        place = weights._address_path(SPEC.needs.downloads[1].source)
        place.parent.mkdir(parents=True)
        place.write_bytes(dictionary.read_bytes())
        with speaker(fastspeech2.own(str(folder))) as voice:
            yield voice


def test_a_sentence_is_said_the_same_way_each_time(voice):
    first, again = voice.sound(SENTENCE), voice.sound(SENTENCE)
    assert first.rate == 22_050
    assert first.frames > 0
    assert np.array_equal(first.samples, again.samples)


def test_half_the_speed_lasts_longer(voice):
    assert voice.sound(SENTENCE, speed=0.5).seconds > 1.5 * voice.sound(SENTENCE).seconds


def test_a_chapter_comes_passage_by_passage_and_signs_alone_are_refused(voice):
    sounds = [piece for piece in voice.pieces("Good quiet morning to you. " * 25) if isinstance(piece, Audio)]
    assert len(sounds) == 3
    with pytest.raises(WorkerError, match="found nothing in this text that it can say aloud"):
        voice.pieces("... !")


@pytest.fixture(scope="module")
def reader(dictionary):
    from local_models._phonemes import use_bundled_espeak

    use_bundled_espeak()
    engine = fastspeech2.FastSpeech2(SPEC)
    engine.words = _arpabet.dictionary(dictionary)
    return engine


def test_words_come_from_the_dictionary_first_pronunciation_first(reader):
    assert reader.phonemes("Quiet, good!") == ["K", "W", "AY1", "AH0", "T", ",", "G", "UH1", "D", "!"]


def test_what_no_dictionary_holds_is_spelt_by_espeak(reader):
    assert reader.phonemes("Soundcheck") == ["S", "AW1", "N", "D", "CH", "EH0", "K"]
    assert {"F", "AY1", "V", "D", "AA1", "L", "ER0"} == set(reader.phonemes("$5"))
    assert reader.phonemes("a “(3)” b") == [*reader.phonemes("a"), "TH", "R", "IY1", *reader.phonemes("b")]


@pytest.mark.parametrize("word", ["thorough", "xylophone", "measure", "Hughes", "fire", "1234", "bird", "joyous", "vision"])
def test_every_sound_that_espeak_makes_is_a_sign_of_the_model(reader, word):
    signs = reader.phonemes(word)
    assert signs and set(signs) <= set(SIGNS)
