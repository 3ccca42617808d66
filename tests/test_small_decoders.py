"""Moonshine, Canary and Fun-ASR go from a checkpoint folder through from_pretrained to pieces, token by token."""

import itertools

import numpy as np
import pytest
import tiny

from engine.audio import Audio
from engine.contract import BadInput, Facts, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import canary, fun_asr, moonshine

CLIP = tiny.tone(2.0)
MARKS = ("<pad>", "</s>", "<s>", "<unk>")


def loaded(module, folder):
    spec = module.own(str(folder))
    engine = spec.engine(spec)
    engine.load()
    return engine


def pieces(engine, sound=CLIP, **how):
    return list(engine.run(Transcribe(sound, **how), 60.0))


def heard(engine, sound=CLIP, **how):
    return TASKS["asr"].join(pieces(engine, sound, **how))


def silence_layers(layers, *names):
    """Blocks add nothing: what comes out depends on the last token alone."""
    import torch

    with torch.no_grad():
        for layer in layers:
            for name in names:
                last = layer.get_submodule(name)
                last.weight.zero_()
                if last.bias is not None:
                    last.bias.zero_()


def follow(embedding, head, chain):
    """Each token of `chain` is followed by the next one of it."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        marks = torch.nn.functional.normalize(torch.randn_like(embedding.weight), dim=-1)
        embedding.weight.copy_(marks)
        head.weight.zero_()
        if head.bias is not None:
            head.bias.zero_()
        for last, following in itertools.pairwise(chain):
            head.weight[following] += marks[last]


@pytest.fixture(scope="module")
def streaming(tmp_path_factory):
    from transformers import MoonshineStreamingConfig, MoonshineStreamingForConditionalGeneration, Wav2Vec2FeatureExtractor

    folder = tmp_path_factory.mktemp("streaming")
    tokenizer = tiny.byte_tokenizer(MARKS)
    number = tokenizer.convert_tokens_to_ids
    sizes = {"hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = MoonshineStreamingConfig(
        vocab_size=len(tokenizer), pad_token_id=number("<pad>"), bos_token_id=number("<s>"), eos_token_id=number("</s>"),
        decoder_start_token_id=number("<s>"), num_key_value_heads=2,
        encoder_config={**sizes, "num_key_value_heads": 2, "sliding_windows": [[16, 4]]},
        **sizes,
    )  # fmt: skip
    model = MoonshineStreamingForConditionalGeneration(config)
    silence_layers(model.model.decoder.layers, "self_attn.o_proj", "encoder_attn.o_proj", "mlp.fc2")
    follow(model.model.decoder.embed_tokens, model.proj_out, [number("<s>"), *tokenizer("Hi, you.").input_ids, number("</s>")])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def worker(streaming):
    worker = Worker(moonshine.own(str(streaming)))
    worker.load()
    yield worker
    worker.close()


def test_moonshine_streaming_says_its_sentence_in_a_process_of_its_own(worker):
    assert heard(worker).text == heard(worker, tiny.tone(2.0, 44_100, channels=2)).text == "Hi, you."
    assert worker.versions["transformers"]


def test_hypotheses_grow_letter_by_letter_and_a_long_sound_is_heard_whole(worker):
    answered = pieces(worker, tiny.tone(25.0))
    texts = [piece for piece in answered if isinstance(piece, Text)]
    assert texts[0].text == "H" and texts[-1].final
    assert texts[-1].text == "Hi, you. Hi, you."
    assert all(texts[-1].text.startswith(text.text) for text in texts)
    facts = next(piece for piece in answered if isinstance(piece, Facts))
    assert not any(piece.notice for piece in answered if isinstance(piece, Facts))
    assert facts.sent["tokens_per_s"] == moonshine.TOKENS_PER_S_OTHERS


def test_the_number_of_tokens_is_bound_to_the_length_of_the_sound(tmp_path):
    from transformers import MoonshineConfig, MoonshineForConditionalGeneration, Wav2Vec2FeatureExtractor

    tokenizer = tiny.byte_tokenizer(MARKS)
    number = tokenizer.convert_tokens_to_ids
    config = MoonshineConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=32, encoder_num_hidden_layers=1, decoder_num_hidden_layers=1,
        encoder_num_attention_heads=2, decoder_num_attention_heads=2, pad_token_id=number("<pad>"), bos_token_id=number("<s>"),
        eos_token_id=number("</s>"), decoder_start_token_id=number("<s>"), tie_word_embeddings=False,
    )  # fmt: skip
    model = MoonshineForConditionalGeneration(config)
    silence_layers(model.model.decoder.layers, "self_attn.o_proj", "encoder_attn.o_proj", "mlp.fc2")
    letter = tokenizer("o").input_ids[0]
    follow(model.model.decoder.embed_tokens, model.proj_out, [number("<s>"), letter, letter])  # never an end
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(tmp_path)
    engine = loaded(moonshine, tmp_path)
    assert heard(engine, tiny.tone(2.0)).text == "o" * 26
    assert "its text was cut there" in pieces(engine)[-1].notice
    assert heard(engine, tiny.tone(1.0)).text == "o" * 13
    with pytest.raises(Unsupported, match="does not know the language 'de'"):
        heard(engine, language="de")


@pytest.fixture(scope="module")
def canary_engine(tmp_path_factory):
    from transformers import CanaryConfig, CanaryForConditionalGeneration, CanaryProcessor, ParakeetFeatureExtractor

    folder = tmp_path_factory.mktemp("canary")
    languages = [f"<|{code}|>" for code in canary.LANGUAGES]
    tokenizer = tiny.byte_tokenizer((*MARKS, "<|startofcontext|>", *languages))
    number = tokenizer.convert_tokens_to_ids
    marks = {"pad_token_id": number("<pad>"), "bos_token_id": number("<s>"), "eos_token_id": number("</s>")}
    config = CanaryConfig(
        encoder_config={
            "model_type": "parakeet_encoder", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 16, "subsampling_conv_channels": 8, "num_mel_bins": 80,
        },
        decoder_config={
            "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 32, **marks,
        },
        vocab_size=len(tokenizer), decoder_start_token_id=number("<|startofcontext|>"), tie_word_embeddings=False, **marks,
    )  # fmt: skip
    model = CanaryForConditionalGeneration(config)
    decoder = model.model.decoder
    silence_layers(decoder.layers, "self_attn.o_proj", "encoder_attn.o_proj", "mlp.fc2")
    english = [number("<|en|>"), *tokenizer("Hi.").input_ids, number("</s>")]
    german = [number("<|de|>"), *tokenizer("Na?").input_ids, number("</s>")]
    follow(decoder.embed_tokens, model.proj_out, english)
    import torch

    with torch.no_grad():
        for last, following in itertools.pairwise(german):
            model.proj_out.weight[following] += decoder.embed_tokens.weight[last]
        model.proj_out.weight *= 10
    model.save_pretrained(folder)
    template = "<|startofcontext|><|{{ messages[0]['content'][1]['source_language'] }}|>"
    CanaryProcessor(ParakeetFeatureExtractor(), tokenizer, chat_template=template).save_pretrained(folder)
    return loaded(canary, folder)


def test_canary_is_told_the_language_and_says_so_when_it_had_to_guess(canary_engine):
    german = heard(canary_engine, language="de-AT")
    assert (german.text, german.language) == ("Na?", "de")
    answered = pieces(canary_engine)
    assert TASKS["asr"].join(answered).text == "Hi."
    notice = next(piece for piece in answered if isinstance(piece, Facts)).notice
    assert notice == "Heard as English: this model must be told the language."
    assert next(piece for piece in pieces(canary_engine, language="en") if isinstance(piece, Facts)).notice is None
    with pytest.raises(Unsupported, match="does not know the language 'ja'"):
        heard(canary_engine, language="ja")


@pytest.fixture(scope="module")
def fun_engine(tmp_path_factory):
    from local_models._mel import without_torchaudio

    extractor = without_torchaudio("fun_asr_nano.FunAsrNanoFeatureExtractor")
    from transformers import FunAsrNanoConfig, FunAsrNanoForConditionalGeneration, FunAsrNanoProcessor

    folder = tmp_path_factory.mktemp("fun")
    tokenizer = tiny.byte_tokenizer((*MARKS, "<|object_ref_start|>", "<|assistant|>"))
    number = tokenizer.convert_tokens_to_ids
    config = FunAsrNanoConfig(
        audio_config={
            "model_type": "fun_asr_nano_encoder", "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16,
            "num_hidden_layers": 3, "num_timestamp_prediction_layers": 1,
        },
        adaptor_config={
            "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1,
            "projector_hidden_size": 16,
        },
        text_config={
            "model_type": "qwen3", "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 16, "head_dim": 32,
            "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "tie_word_embeddings": False,
            "eos_token_id": number("</s>"), "pad_token_id": number("<pad>"), "bos_token_id": None,
        },
        audio_token_id=number("<|object_ref_start|>"), tie_word_embeddings=False,
    )  # fmt: skip
    model = FunAsrNanoForConditionalGeneration(config)
    inner = model.model.language_model
    silence_layers(inner.layers, "self_attn.o_proj", "mlp.down_proj")
    follow(inner.embed_tokens, model.lm_head, [number("<|assistant|>"), *tokenizer("开饭").input_ids, number("</s>")])
    model.generation_config.eos_token_id = number("</s>")
    model.save_pretrained(folder)
    template = (
        "{% for part in messages[0]['content'] %}{% if part['type'] == 'audio' %}<|object_ref_start|>"
        "{% elif part['type'] == 'keywords' %}{{ part['keywords'] | join(',') }}"
        "{% elif part['type'] == 'language' %}{{ part['language'] }}{% endif %}{% endfor %}<|assistant|>"
    )
    FunAsrNanoProcessor(extractor(), tokenizer, chat_template=template).save_pretrained(folder)
    return loaded(fun_asr, folder)


def test_fun_asr_hears_without_torchaudio_and_joins_chinese_without_spaces(fun_engine):
    assert heard(fun_engine).text == "开饭"
    assert heard(fun_engine, tiny.tone(40.0)).text == "开饭开饭"


def test_fun_asr_takes_a_language_and_terms_which_cannot_spell_its_marks(fun_engine):
    facts = pieces(fun_engine, language="zh-CN", prompt="Yun, <|object_ref_start|>")[0]
    assert facts.sent["language"] == "zh"
    assert facts.sent["keywords"][0] == "Yun" and "<|object_ref_start|>" not in facts.sent["keywords"]
    with pytest.raises(Unsupported, match="does not know the language 'fr'"):
        heard(fun_engine, language="fr")


def test_a_clip_too_short_to_hear_is_refused(worker, fun_engine):
    short = Audio(np.zeros((1, 10)), 16_000)
    with pytest.raises(WorkerError, match="needs at least 0.1 s of sound"):
        heard(worker, short)
    with pytest.raises(BadInput, match="needs at least 0.1 s of sound"):
        heard(fun_engine, short)
