"""Audio Flamingo 3 and Music Flamingo go from a checkpoint folder to text; these say one sentence to every question."""

import pytest
import tiny
import tiny_chat

from engine.contract import Ask, BadInput, Text
from engine.tasks import TASKS
from local_models import audio_flamingo

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<sound>", "<|sound_bos|>", "<|sound_eos|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}{% if c['type'] == 'audio' %}<sound>"
    "{% endif %}{% endfor %}{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save(folder, family):
    import torch
    import transformers

    torch.manual_seed(0)
    tokenizer = tiny.byte_tokenizer(SPECIAL, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    number = tokenizer.convert_tokens_to_ids
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 1200.0}} if family == "MusicFlamingo" else {}
    model = getattr(transformers, f"{family}ForConditionalGeneration")(
        getattr(transformers, f"{family}Config")(
            audio_config={
                "model_type": "audioflamingo3_encoder", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                "intermediate_size": 16,
            },
            text_config={"model_type": "qwen2", "vocab_size": len(tokenizer), **tiny_chat.TEXT},
            audio_token_id=number("<sound>"), **rope,
        )
    )  # fmt: skip
    says = [*tiny_chat.ids(tokenizer, tiny_chat.SAYS), number("<|im_end|>")]
    tiny_chat.teach(model.model.language_model, model.lm_head, tiny_chat.ids(tokenizer, "\n"), says)
    model.generation_config.eos_token_id = number("<|im_end|>")
    model.save_pretrained(folder)
    ears = transformers.WhisperFeatureExtractor(feature_size=128)
    how = {"chat_template": TEMPLATE, "max_audio_len": 60}
    getattr(transformers, f"{family}Processor")(ears, tokenizer, **how).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["AudioFlamingo3", "MusicFlamingo"])
def engine(request, tmp_path_factory):
    spec = audio_flamingo.own(str(save(tmp_path_factory.mktemp(request.param), request.param)))
    assert spec.engine.model_class == f"{request.param}ForConditionalGeneration"
    engine = spec.engine(spec)
    engine.load()
    return engine


def asked(engine, seconds, words="What is it?"):
    return list(engine.run(Ask(tiny.tone(seconds), words), 60.0))


def test_it_answers_about_a_sound_of_several_windows(engine):
    pieces = asked(engine, 45.0, "<sound> What is it?<|im_end|>")
    assert TASKS["audio_lm"].join(pieces).text == tiny_chat.SAYS
    assert sum(isinstance(piece, Text) for piece in pieces) > 5


def test_a_longer_sound_than_its_processor_keeps_is_refused(engine):
    with pytest.raises(BadInput, match="hears at most 60 s of sound, and this is 61.0 s"):
        asked(engine, 61.0)
