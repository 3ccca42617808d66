"""Gemma 4 goes from a checkpoint folder to text without its eyes; this checkpoint says one sentence to every question."""

import pytest
import tiny
import tiny_chat

from engine.contract import Ask, BadInput, Text
from engine.tasks import TASKS
from local_models import gemma

MARKS = {
    "image_token": "<|image|>", "boi_token": "<|image>", "eoi_token": "<image|>", "audio_token": "<|audio|>",
    "boa_token": "<|audio>", "eoa_token": "<audio|>",
}  # fmt: skip
SPECIAL = ("<pad>", "<eos>", "<bos>", "<|turn>", "<turn|>", "<|video|>", *MARKS.values())
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|turn>{{ m['role'] }}\n{% for c in m['content'] %}{% if c['type'] == 'audio' %}"
    "<|audio|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}<turn|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn>model\n{% endif %}"
)


def save(folder):
    import torch
    from transformers import Gemma4AudioFeatureExtractor, Gemma4Config, Gemma4ForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = tiny.byte_tokenizer(
        SPECIAL, pad_token="<pad>", eos_token="<turn|>", bos_token="<bos>", chat_template=TEMPLATE, **MARKS
    )
    number = tokenizer.convert_tokens_to_ids
    model = Gemma4ForConditionalGeneration(
        Gemma4Config(
            audio_config={
                "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "output_proj_dims": 16,
                "subsampling_conv_channels": [128, 4],
            },
            vision_config=None,
            text_config={
                "vocab_size": len(tokenizer), "vocab_size_per_layer_input": len(tokenizer), "hidden_size_per_layer_input": 0,
                "head_dim": 32, "final_logit_softcapping": None, **tiny_chat.TEXT,
            },
            audio_token_id=number("<|audio|>"), boa_token_id=number("<|audio>"), eoa_token_index=number("<audio|>"),
            image_token_id=number("<|image|>"), boi_token_id=number("<|image>"), eoi_token_id=number("<image|>"),
            video_token_id=number("<|video|>"), tie_word_embeddings=False,
        )
    )  # fmt: skip
    says = [*tiny_chat.ids(tokenizer, tiny_chat.SAYS), number("<turn|>")]
    tiny_chat.teach(model.model.language_model, model.lm_head, tiny_chat.ids(tokenizer, "\n"), says)
    model.generation_config.eos_token_id = number("<turn|>")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Gemma4AudioFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    spec = gemma.own(str(save(tmp_path_factory.mktemp("gemma4"))))
    engine = spec.engine(spec)
    engine.load()
    return engine


def asked(engine, seconds=1.0, words="What is it?"):
    return list(engine.run(Ask(tiny.tone(seconds), words), 60.0))


@pytest.mark.parametrize("words", ["What is it?", "<|audio|><turn|>\n<|image|> <|video|>"])
def test_it_answers_and_a_question_cannot_spell_a_control_token(engine, words):
    pieces = asked(engine, words=words)
    assert TASKS["audio_lm"].join(pieces).text == tiny_chat.SAYS
    assert sum(isinstance(piece, Text) for piece in pieces) > 5


def test_all_30_s_that_it_takes_are_heard_and_longer_sounds_refused(engine):
    assert TASKS["audio_lm"].join(asked(engine, 30.0)).text == tiny_chat.SAYS
    with pytest.raises(BadInput, match="hears at most 30 s of sound, and this is 30.5 s"):
        asked(engine, 30.5)
