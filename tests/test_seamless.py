"""SeamlessM4T v2 goes from a checkpoint folder to text in the language that it was told; this one says one sentence."""

import itertools

import pytest
import tiny

from engine.contract import Text, Transcribe, Unsupported
from engine.tasks import TASKS
from local_models import seamless

SAYS = ["▁Dogs", "▁hum"]


def save(folder):
    import torch
    from transformers import (
        GenerationConfig,
        SeamlessM4TFeatureExtractor,
        SeamlessM4TProcessor,
        SeamlessM4TTokenizer,
        SeamlessM4Tv2Config,
        SeamlessM4Tv2ForSpeechToText,
    )

    torch.manual_seed(0)
    names = ["<pad>", "<unk>", "<s>", "</s>", "__eng__", "__deu__", "__fra__", *SAYS]
    tokenizer = SeamlessM4TTokenizer(
        vocab={name: place for place, name in enumerate(names)}, merges=[], additional_special_tokens=names[4:7]
    )
    model = SeamlessM4Tv2ForSpeechToText(
        SeamlessM4Tv2Config(
            vocab_size=len(names), hidden_size=64, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, speech_encoder_layers=1,
            speech_encoder_attention_heads=2, speech_encoder_intermediate_size=16, adaptor_kernel_size=8, num_adapter_layers=1,
            feature_projection_input_dim=160, scale_embedding=False, decoder_start_token_id=3, pad_token_id=0, bos_token_id=2,
            eos_token_id=3, tie_word_embeddings=False,
        )
    )  # fmt: skip
    chain = [5, 7, 8, 3]
    with torch.no_grad():
        table = model.text_decoder.embed_tokens.weight
        table.copy_(1000 * torch.nn.functional.normalize(torch.randn_like(table), dim=-1))  # far above the positions' share
        for last in ("self_attn.out_proj", "cross_attention.out_proj", "ffn.fc2"):
            part = model.text_decoder.layers[0].get_submodule(last)
            part.weight.zero_()
            part.bias.zero_()
        model.lm_head.weight.zero_()
        for here, following in itertools.pairwise(chain):
            model.lm_head.weight[following] += table[here]
    model.generation_config = GenerationConfig(
        text_decoder_lang_to_code_id={"eng": 4, "deu": 5, "fra": 6}, decoder_start_token_id=3, pad_token_id=0, bos_token_id=2,
        eos_token_id=3,
    )  # fmt: skip
    model.save_pretrained(folder)
    SeamlessM4TProcessor(SeamlessM4TFeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    spec = seamless.own(str(save(tmp_path_factory.mktemp("seamless"))))
    engine = spec.engine(spec)
    engine.load()
    return engine


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
    assert {seamless.LANGUAGES[code] for code in ("en", "de", "zh", "ar", "no")} == {"eng", "deu", "cmn", "arb", "nob"}
    assert all(len(code) == 3 for code in seamless.LANGUAGES.values())
