"""Qwen-Omni goes from a checkpoint folder as the hub lays it out to text and, where it speaks, to sound."""

import json

import pytest
import tiny
import tiny_chat

from engine.audio import Audio
from engine.contract import Ask, BadInput, Text
from engine.tasks import TASKS
from local_models import qwen_omni
from local_models._own import own_spec

MARKS = {
    "audio_token": "<|AUDIO|>", "image_token": "<|IMAGE|>", "video_token": "<|VIDEO|>", "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>", "vision_bos_token": "<|vision_bos|>", "vision_eos_token": "<|vision_eos|>",
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}{% if c['type'] == 'audio' %}"
    "<|audio_bos|><|AUDIO|><|audio_eos|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|voice_start|>", "<|voice_end|>", "<|voice_pad|>", *MARKS.values())


def save(folder):
    import torch
    from transformers import Qwen2_5OmniConfig, Qwen2_5OmniForConditionalGeneration, WhisperFeatureExtractor

    torch.manual_seed(0)
    tokenizer = tiny.byte_tokenizer(SPECIAL, pad_token="<|endoftext|>", eos_token="<|im_end|>", chat_template=TEMPLATE, **MARKS)
    number = tokenizer.convert_tokens_to_ids
    marks = {f"{kind}_token_index": number(f"<|{kind.upper()}|>") for kind in ("audio", "image", "video")}
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [8, 4, 4]}
    text = {"vocab_size": len(tokenizer), "rope_parameters": rope, **tiny_chat.TEXT}
    model = Qwen2_5OmniForConditionalGeneration(
        Qwen2_5OmniConfig(
            thinker_config={
                "audio_config": {
                    "d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16, "output_dim": 64,
                },
                "vision_config": {
                    "depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 16, "out_hidden_size": 64,
                    "fullatt_block_indexes": [0],
                },
                "text_config": text, "vision_start_token_id": number("<|vision_bos|>"),
                "vision_end_token_id": number("<|vision_eos|>"), **marks,
            },
            talker_config={
                "vocab_size": 64, "embedding_size": 64, "head_dim": 32, "tts_text_start_token_id": number("<|voice_start|>"),
                "tts_text_end_token_id": number("<|voice_end|>"), "tts_text_pad_token_id": number("<|voice_pad|>"),
                "tts_codec_start_token_id": 61, "tts_codec_end_token_id": 62, "tts_codec_pad_token_id": 60,
                "tts_codec_mask_token_id": 63, "rope_parameters": rope,
                **tiny_chat.TEXT, **marks,
            },
            token2wav_config={
                "dit_config": {
                    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 8, "emb_dim": 16,
                    "num_embeds": 65, "enc_emb_dim": 16, "enc_dim": 16, "enc_channels": [16] * 4 + [48], "look_ahead_layers": [0],
                    "look_backward_layers": [0], "enc_attention_channels": 8, "enc_res2net_scale": 2, "enc_se_channels": 8,
                },
                "bigvgan_config": {
                    "upsample_initial_channel": 64, "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 1, 1]],
                },
            },
        )
    )  # fmt: skip
    says = [*tiny_chat.ids(tokenizer, tiny_chat.SAYS), number("<|im_end|>")]
    tiny_chat.teach(model.thinker.model.language_model, model.thinker.lm_head, tiny_chat.ids(tokenizer, "\n"), says)
    for part in (model, model.thinker):
        part.generation_config.eos_token_id = number("<|im_end|>")
    model.save_pretrained(folder)
    voice = {"bos_token": number("<|voice_start|>"), "cond": torch.zeros(1, 16), "ref_mel": torch.zeros(1, 300, 80)}
    torch.save({"Chelsie": voice}, folder / "spk_dict.pt")
    tokenizer.save_pretrained(folder)
    ears = WhisperFeatureExtractor(feature_size=128, chunk_length=30).to_dict()
    eyes = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5OmniProcessor", "patch_size": 14}
    (folder / "preprocessor_config.json").write_text(json.dumps(ears | eyes))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("qwen-omni"))


def asked(engine, words="What is it?", seconds=1.0):
    return list(engine.run(Ask(tiny.tone(seconds), words), 120.0))


def test_it_writes_and_then_speaks_its_answer(folder):
    spec = qwen_omni.own(str(folder))
    engine = spec.engine(spec)
    engine.load()
    engine.most_spoken = 40  # a random voice finds no end
    pieces = asked(engine, "<|AUDIO|> <|VIDEO|>?")
    output = TASKS["audio_lm"].join(pieces)
    assert output.text == tiny_chat.SAYS
    assert (output.audio.rate, output.audio.channels) == (24_000, 1) and output.audio.frames > 0
    kinds = [type(piece) for piece in pieces if isinstance(piece, (Text, Audio))]
    assert kinds[-2:] == [Text, Audio] and len(kinds) > 6


def test_the_variant_that_only_writes_loads_no_voice(folder):
    spec = own_spec(qwen_omni.ENGINES[0], str(folder))
    engine = spec.engine(spec)
    engine.load()
    output = TASKS["audio_lm"].join(asked(engine))
    assert (output.text, output.audio) == (tiny_chat.SAYS, None)
    assert not engine.model.has_talker and not hasattr(engine.model, "token2wav")
    with pytest.raises(BadInput, match="hears at most 30 s of sound"):
        asked(engine, seconds=30.5)
