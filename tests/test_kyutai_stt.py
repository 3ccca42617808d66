"""Kyutai's recogniser goes from a checkpoint folder through the worker to words with times; this one says one sentence."""

import itertools

import pytest
import tiny

from engine.contract import Text, Transcribe
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import kyutai_stt

WORDS = ["▁Dogs", "▁hu", "m", "▁now"]
DELAY_S = 0.16


def save(folder):
    import torch
    from tokenizers import Tokenizer, decoders, models
    from transformers import (
        KyutaiSpeechToTextConfig,
        KyutaiSpeechToTextFeatureExtractor,
        KyutaiSpeechToTextForConditionalGeneration,
        KyutaiSpeechToTextProcessor,
        PreTrainedTokenizerFast,
    )

    torch.manual_seed(0)
    names = ["<unk>", "<s>", "</s>", "<pad>", *WORDS]
    words = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="<unk>"))
    words.decoder = decoders.Metaspace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    start, voices, sounds = len(names), 2, 33
    model = KyutaiSpeechToTextForConditionalGeneration(
        KyutaiSpeechToTextConfig(
            vocab_size=start + 1, codebook_vocab_size=sounds, num_codebooks=voices, hidden_size=64, num_hidden_layers=1,
            num_attention_heads=2, ffn_dim=32, bos_token_id=start, audio_bos_token_id=sounds - 1, pad_token_id=3,
            audio_pad_token_id=start + 1 + voices * sounds,
            codec_config={
                "model_type": "mimi", "hidden_size": 16, "num_filters": 4, "codebook_size": 32, "codebook_dim": 8,
                "num_quantizers": voices, "vector_quantization_hidden_dimension": 8, "upsample_groups": 16,
                "num_hidden_layers": 1, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 2,
            },
        )
    )  # fmt: skip
    # Silence, a new word, "Dogs", "hu" and "m" without announcements, a new word, "now", and silence for ever.
    dogs, hu, m, now = range(4, 8)
    chain = [start, 1, 0, dogs, hu, m, 2, now, 3, 3]
    with torch.no_grad():
        table = model.model.embed_tokens.embed_tokens.weight
        table.zero_()
        table[: start + 1] = torch.nn.functional.normalize(torch.randn(start + 1, 64), dim=-1)
        model.model.layers[0].self_attn.o_proj.linear.weight.zero_()
        model.model.layers[0].mlp.fc2.weight.zero_()
        model.lm_head.weight.zero_()
        for here, following in itertools.pairwise(chain):
            model.lm_head.weight[following] += table[here]
    model.save_pretrained(folder)
    ears = KyutaiSpeechToTextFeatureExtractor(audio_delay_seconds=DELAY_S, audio_silence_prefix_seconds=0.0)
    KyutaiSpeechToTextProcessor(ears, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = Worker(kyutai_stt.own(str(save(tmp_path_factory.mktemp("kyutai")))))
    worker.load()
    yield worker
    worker.close()


def pieces(worker, seconds=1.0, **how):
    return list(worker.run(Transcribe(tiny.tone(seconds), **how), 60.0))


def test_words_come_out_with_the_times_at_which_they_were_announced(worker):
    output = TASKS["asr"].join(pieces(worker, word_times=True))
    assert output.text == "Dogs hum now"
    assert [word.text for word in output.words] == ["Dogs", "hum", "now"]
    # Tokens 2, 3 and 6, each of 80 ms, written two frames behind the sound.
    assert [round(word.start_s, 2) for word in output.words] == [0.0, 0.08, 0.32]
    assert all(word.start_s <= word.end_s for word in output.words)


def test_it_writes_as_it_goes_and_gives_times_only_when_asked(worker):
    made = pieces(worker)
    texts = [piece for piece in made if isinstance(piece, Text)]
    assert texts[0].text == "Dogs" and len(texts) >= 3
    assert TASKS["asr"].join(made).words == ()


def test_times_go_on_in_the_windows_of_a_long_sound(worker):
    starts = [word.start_s for word in TASKS["asr"].join(pieces(worker, 310.0, word_times=True)).words]
    assert len(starts) == 6 and starts == sorted(starts) and starts[2] < 200 < starts[3]


def test_it_is_english_only(worker):
    assert pieces(worker, language="en-US")
    with pytest.raises(WorkerError, match="does not know the language 'fr'"):
        pieces(worker, language="fr")
