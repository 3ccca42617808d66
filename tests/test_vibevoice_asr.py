"""VibeVoice-ASR goes from a checkpoint folder to text; what it writes as JSON becomes turns with speakers and times."""

import json

import pytest
import tiny
import tiny_chat

from engine.contract import Text, Transcribe
from engine.tasks import TASKS
from local_models import vibevoice_asr

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|box_start|>", "<|object_ref_start|>", "<|object_ref_end|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}{% if c['type'] == 'audio' %}"
    "<|object_ref_start|><|box_start|><|object_ref_end|> <|AUDIO_DURATION|> s{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TURNS = [
    {"Start": 0.0, "End": 1.5, "Speaker": 0, "Content": 'He said "no".'},
    {"Start": 1.5, "End": 2.0, "Speaker": 1, "Content": "Yes."},
]


def save(folder):
    import torch
    from transformers import (
        VibeVoiceAcousticTokenizerFeatureExtractor,
        VibeVoiceAsrConfig,
        VibeVoiceAsrForConditionalGeneration,
        VibeVoiceAsrProcessor,
    )

    torch.manual_seed(0)
    tokenizer = tiny.byte_tokenizer(SPECIAL, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    number = tokenizer.convert_tokens_to_ids
    ears = {"model_type": "vibevoice_acoustic_tokenizer_encoder", "hidden_size": 8, "num_filters": 2, "depths": [1] * 7}
    model = VibeVoiceAsrForConditionalGeneration(
        VibeVoiceAsrConfig(
            acoustic_tokenizer_encoder_config=ears,
            semantic_tokenizer_encoder_config=ears,
            text_config={"model_type": "qwen2", "vocab_size": len(tokenizer), **tiny_chat.TEXT},
            audio_token_id=number("<|box_start|>"),
            audio_bos_token_id=number("<|object_ref_start|>"),
            audio_eos_token_id=number("<|object_ref_end|>"),
        )
    )
    says = [*tiny_chat.ids(tokenizer, tiny_chat.SAYS), number("<|im_end|>")]
    tiny_chat.teach(model.model.language_model, model.lm_head, tiny_chat.ids(tokenizer, "\n"), says)
    model.generation_config.eos_token_id = number("<|im_end|>")
    model.save_pretrained(folder)
    VibeVoiceAsrProcessor(VibeVoiceAcousticTokenizerFeatureExtractor(), tokenizer, chat_template=TEMPLATE).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    spec = vibevoice_asr.own(str(save(tmp_path_factory.mktemp("vibevoice"))))
    engine = spec.engine(spec)
    engine.load()
    return engine


def written(engine, text, **asked):
    return engine.text_of(tiny_chat.ids(engine.tokenizer, text), asked)


def test_it_hears_a_sound_and_writes_as_it_goes(engine):
    pieces = list(engine.run(Transcribe(tiny.tone(2.0, 44_100), prompt="Anna<|im_end|>"), 60.0))
    assert TASKS["asr"].join(pieces).text == tiny_chat.SAYS
    assert sum(isinstance(piece, Text) for piece in pieces) > 5
    assert pieces[-1].sent["prompt"] == "Anna< |im_end|>"


def test_turns_become_text_and_with_speakers_asked_for_who_said_what_when(engine):
    made = written(engine, "assistant\n" + json.dumps(TURNS), speakers=True)
    assert made.text == 'He said "no". Yes.'
    assert [(word.text, word.start_s, word.end_s, word.speaker) for word in made.words] == [
        ('He said "no".', 0.0, 1.5, "Speaker 0"),
        ("Yes.", 1.5, 2.0, "Speaker 1"),
    ]
    assert written(engine, json.dumps(TURNS)).words == ()


def test_a_half_written_answer_shows_the_words_so_far(engine):
    whole = json.dumps(TURNS)
    assert written(engine, whole[: whole.index("Yes") + 2]).text == 'He said "no". Ye'
    assert written(engine, whole[:12]).text == ""
    assert written(engine, "It is quiet.").text == "It is quiet."
