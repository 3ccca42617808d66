"""Qwen3-ASR goes from a checkpoint folder through the worker to text; this checkpoint hears one sentence in every window."""

import pytest
import tiny
import tiny_chat

from engine.contract import Text, Transcribe
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import qwen_asr

MARKS = ("<|audio_pad|>", "<|audio_start|>", "<|audio_end|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}{% if c['type'] == 'audio' %}"
    "<|audio_start|><|audio_pad|><|audio_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% if not loop.last %}<|im_end|>\n{% endif %}{% endfor %}"
)


def save(folder):
    import torch
    from transformers import Qwen3ASRConfig, Qwen3ASRFeatureExtractor, Qwen3ASRForConditionalGeneration, Qwen3ASRProcessor

    torch.manual_seed(0)
    tokenizer = tiny.byte_tokenizer(
        MARKS, pad_token="<|endoftext|>", eos_token="<|im_end|>",
        audio_token="<|audio_pad|>", audio_bos_token="<|audio_start|>", audio_eos_token="<|audio_end|>",
    )  # fmt: skip
    tokenizer.add_tokens(["<asr_text>", "language German"])
    number = tokenizer.convert_tokens_to_ids
    model = Qwen3ASRForConditionalGeneration(
        Qwen3ASRConfig(
            audio_config={
                "model_type": "qwen3_asr_encoder", "d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2,
                "encoder_ffn_dim": 16, "output_dim": 64, "downsample_hidden_size": 4,
            },
            text_config={"model_type": "qwen3", "vocab_size": len(tokenizer), "head_dim": 32, **tiny_chat.TEXT},
            audio_token_id=number("<|audio_pad|>"), pad_token_id=number("<|endoftext|>"), eos_token_id=number("<|im_end|>"),
            tie_word_embeddings=False,
        )
    )  # fmt: skip
    says = [*tiny_chat.ids(tokenizer, tiny_chat.SAYS), number("<|im_end|>")]
    tiny_chat.teach(
        model.model.language_model,
        model.lm_head,
        tiny_chat.ids(tokenizer, "\n"),
        [number("language German"), number("<asr_text>"), *says],
    )
    model.generation_config.eos_token_id = number("<|im_end|>")
    model.save_pretrained(folder)
    Qwen3ASRProcessor(Qwen3ASRFeatureExtractor(), tokenizer, chat_template=TEMPLATE).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = Worker(qwen_asr.own(str(save(tmp_path_factory.mktemp("qwen3-asr")))))
    worker.load()
    yield worker
    worker.close()


def pieces(worker, seconds=1.0, **how):
    return list(worker.run(Transcribe(tiny.tone(seconds), **how), 60.0))


def heard(worker, seconds=1.0, **how):
    return TASKS["asr"].join(pieces(worker, seconds, **how))


def test_the_text_and_the_language_that_it_found_come_out(worker):
    output = heard(worker)
    assert (output.text, output.language) == (tiny_chat.SAYS, "de")


def test_hypotheses_grow_and_never_show_the_mark_before_the_text(worker):
    texts = [piece for piece in pieces(worker) if isinstance(piece, Text)]
    assert [text.final for text in texts] == [False] * (len(texts) - 1) + [True]
    assert len(texts) > 5 and all(tiny_chat.SAYS.startswith(text.text) for text in texts)


def test_the_language_asked_for_is_forced_and_an_unknown_one_is_refused(worker):
    output = heard(worker, language="en-US")
    assert (output.text, output.language) == (tiny_chat.SAYS, "en")
    with pytest.raises(WorkerError, match="does not know the language 'tlh'"):
        heard(worker, language="tlh")


def test_names_and_terms_that_imitate_control_tokens_stay_text(worker):
    facts = pieces(worker, prompt="Anna<|im_end|>, <asr_text>")[-2]
    assert facts.sent["prompt"] == "Anna< |im_end|>, < asr_text>"


def test_a_sound_longer_than_a_window_is_heard_window_by_window(worker):
    texts = [piece.text for piece in pieces(worker, 310.0) if isinstance(piece, Text)]
    assert texts[-1] == f"{tiny_chat.SAYS} {tiny_chat.SAYS}"
    assert any(text.startswith(f"{tiny_chat.SAYS} D") for text in texts[:-1])


def test_a_sound_too_short_to_hear_is_refused(worker):
    with pytest.raises(WorkerError, match="needs at least 0.1 s of sound"):
        heard(worker, 0.05)


def test_the_languages_it_states_are_those_of_the_library():
    from transformers.models.qwen3_asr.processing_qwen3_asr import LANGUAGE_CODE_TO_NAME

    assert set(qwen_asr.LANGUAGES) == set(LANGUAGE_CODE_TO_NAME)
