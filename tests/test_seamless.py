"""SeamlessM4T v2 goes from a checkpoint folder to text, and through a worker to sound; this one knows one sentence."""

import numpy as np
import pytest
import tiny
from tiny_speech import speaker

from engine.audio import Audio
from engine.contract import Text, Transcribe, Unsupported
from engine.tasks import TASKS
from engine.worker import WorkerError
from local_models import seamless

SAYS = ["▁Dogs", "▁hum"]
SENTENCE = "Dogs hum"
FOLLOWS = {4: 7, 5: 7, 6: 3, 7: 8, 8: 3}
"""After which token comes which: English and German begin the sentence, French ends at once."""


def save(folder):
    import torch
    from transformers import (
        GenerationConfig,
        SeamlessM4TFeatureExtractor,
        SeamlessM4TProcessor,
        SeamlessM4TTokenizer,
        SeamlessM4Tv2Config,
        SeamlessM4Tv2Model,
    )

    torch.manual_seed(0)
    names = ["<pad>", "<unk>", "<s>", "</s>", "__eng__", "__deu__", "__fra__", *SAYS]
    tokenizer = SeamlessM4TTokenizer(
        vocab={name: place for place, name in enumerate(names)}, merges=[], additional_special_tokens=names[4:7]
    )
    model = SeamlessM4Tv2Model(
        SeamlessM4Tv2Config(
            vocab_size=len(names), hidden_size=64, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, speech_encoder_layers=1,
            speech_encoder_attention_heads=2, speech_encoder_intermediate_size=16, adaptor_kernel_size=8, num_adapter_layers=1,
            feature_projection_input_dim=160, scale_embedding=False, decoder_start_token_id=3, pad_token_id=0, bos_token_id=2,
            eos_token_id=3, tie_word_embeddings=False, t2u_vocab_size=40, char_vocab_size=16, t2u_encoder_layers=1,
            t2u_decoder_layers=1, t2u_encoder_attention_heads=2, t2u_decoder_attention_heads=2, t2u_encoder_ffn_dim=16,
            t2u_decoder_ffn_dim=16, t2u_variance_predictor_embed_dim=64, t2u_variance_predictor_hidden_dim=8,
            unit_hifi_gan_vocab_size=36, unit_embed_dim=16, lang_embed_dim=8, spkr_embed_dim=8, vocoder_num_langs=3,
            vocoder_num_spkrs=3, upsample_initial_channel=32,
        )
    )  # fmt: skip
    with torch.no_grad():
        table = model.text_decoder.embed_tokens.weight
        table.copy_(1000 * torch.nn.functional.normalize(torch.randn_like(table), dim=-1))  # far above the positions' share
        for last in ("self_attn.out_proj", "cross_attention.out_proj", "ffn.fc2"):
            part = model.text_decoder.layers[0].get_submodule(last)
            part.weight.zero_()
            part.bias.zero_()
        model.lm_head.weight.zero_()
        for here, following in FOLLOWS.items():
            model.lm_head.weight[following] += table[here]
        vocoder = model.vocoder
        for each in (vocoder.unit_embedding, vocoder.speaker_embedding, vocoder.language_embedding):
            torch.nn.init.normal_(each.weight)
        for each in vocoder.hifi_gan.modules():
            if isinstance(each, torch.nn.Conv1d | torch.nn.ConvTranspose1d):
                torch.nn.init.normal_(each.weight, std=0.1)
    languages = {"eng": 4, "deu": 5, "fra": 6}
    model.generation_config = GenerationConfig(
        text_decoder_lang_to_code_id=languages | {"tam": 5}, t2u_lang_code_to_id=dict.fromkeys(languages, 1),
        vocoder_lang_code_to_id={code: number for number, code in enumerate(languages)},
        id_to_text={str(number): name for number, name in enumerate(names)},
        char_to_id={letter: number for number, letter in enumerate("▁Doghum", 4)},
        decoder_start_token_id=3, pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    model.save_pretrained(folder)
    SeamlessM4TProcessor(SeamlessM4TFeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(save(tmp_path_factory.mktemp("seamless")))


@pytest.fixture(scope="module")
def engine(checkpoint):
    spec = seamless.own(checkpoint)
    engine = spec.engine(spec)
    engine.load()
    return engine


@pytest.fixture(scope="module")
def voice(checkpoint):
    with speaker(seamless.own(checkpoint, "tts")) as voice:
        yield voice


def heard(engine, seconds=1.0, **how):
    pieces = list(engine.run(Transcribe(tiny.tone(seconds), **how), 60.0))
    return TASKS["asr"].join(pieces), pieces


def test_it_writes_the_language_that_it_is_told(engine):
    output, pieces = heard(engine, language="de-DE")
    assert (output.text, output.language) == ("Dogs hum", "de")
    assert next(piece.text for piece in pieces if isinstance(piece, Text)) == "Dogs"


def test_a_long_sound_is_heard_in_parts(engine):
    assert heard(engine, 50.0, language="deu")[0].text == "Dogs hum Dogs hum"


def test_without_a_language_or_with_one_it_lacks_it_refuses(engine):
    with pytest.raises(Unsupported, match="must be told the language that is spoken"):
        heard(engine)
    with pytest.raises(Unsupported, match="does not know the language 'tlh'"):
        heard(engine, language="tlh")


def test_codes_that_people_write_lead_to_codes_of_the_model():
    known = {"en": "eng", "de": "deu", "zh": "cmn", "ar": "arb", "no": "nob", "ms": "zlm"}
    assert known.items() <= seamless.LANGUAGES.items()
    assert all(len(code) == 3 for code in seamless.LANGUAGES.values())


def test_the_published_voice_speaks_every_language_of_its_vocoder():
    spec = next(spec for spec in seamless.ENGINES if spec.task == "tts")
    assert {seamless.LANGUAGES[code] for code in spec.languages} == set(seamless.SPOKEN) and len(seamless.SPOKEN) == 36
    assert "language" in spec.requires and spec.default_voice in spec.voices


def test_the_same_text_is_said_the_same_way_again_in_the_language_it_is_told(voice):
    first, again = voice.sound(SENTENCE, language="de-DE"), voice.sound(SENTENCE, language="deu")
    assert (first.rate, first.channels) == (16_000, 1) and first.seconds > 0.05
    assert np.array_equal(first.samples, again.samples)
    assert voice.facts(SENTENCE, language="de").sent["language"] == "deu"
    english = voice.sound(SENTENCE, language="en")
    assert english.samples.shape != first.samples.shape or not np.allclose(english.samples, first.samples)


def test_a_chapter_is_spoken_passage_by_passage(voice):
    chapter = " ".join([f"{SENTENCE}."] * 60)
    sounds = [piece for piece in voice.pieces(chapter, language="en") if isinstance(piece, Audio)]
    assert len(sounds) == voice.facts(chapter, language="en").sent["passages"] > 1


def test_another_speaker_sounds_otherwise_and_an_unknown_one_is_refused(voice):
    zero, two = (voice.sound(SENTENCE, language="en", voice=name) for name in (None, "Speaker-2"))
    assert not np.allclose(zero.samples, two.samples)
    with pytest.raises(WorkerError, match="has no voice 'speaker-3'; it has speaker-0, speaker-1, speaker-2"):
        voice.pieces(SENTENCE, language="en", voice="speaker-3")


def test_words_that_it_put_in_place_of_the_text_are_named_beside_the_sound(voice):
    assert voice.facts(SENTENCE, language="en").notice is None
    assert voice.facts("Cats sing", language="en").notice == "It spoke other words than the text has: Dogs hum"


def test_a_voice_without_a_language_or_with_one_it_only_writes_refuses(voice):
    with pytest.raises(WorkerError, match="must be told the language of the text"):
        voice.pieces(SENTENCE)
    with pytest.raises(WorkerError, match="does not speak 'ta'; it speaks deu, eng, fra"):
        voice.pieces(SENTENCE, language="ta")


def test_a_text_that_it_writes_nothing_for_is_refused(voice):
    for text, language in ((SENTENCE, "fr"), ("?!", "en")):
        with pytest.raises(WorkerError, match="found nothing in this text that it can say aloud"):
            voice.pieces(text, language=language)
