"""Small random Qwen3-TTS checkpoints of each kind; run by that environment's Python: `tiny_qwen_tts.py FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from qwen_tts.core.models import Qwen3TTSConfig, Qwen3TTSForConditionalGeneration, Qwen3TTSProcessor
from qwen_tts.core.tokenizer_12hz.configuration_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Config
from qwen_tts.core.tokenizer_12hz.modeling_qwen3_tts_tokenizer_v2 import Qwen3TTSTokenizerV2Model
from tokenizers import pre_tokenizers
from transformers import EncodecFeatureExtractor, Qwen2TokenizerFast

CODES, GROUPS = 64, 4
SIZES = {
    "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
    "head_dim": 16,
}  # fmt: skip
EAR = {
    "enc_dim": 32, "enc_channels": [16, 16, 16, 16, 48], "enc_attention_channels": 8, "enc_res2net_scale": 2,
    "enc_se_channels": 8,
}  # fmt: skip


def save(folder: Path, kind: str) -> None:
    folder.mkdir(parents=True)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = Qwen2TokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token=None)
    marks = ["<|im_start|>", "<|im_end|>", "<|tts_pad|>", "<|tts_bos|>", "<|tts_eos|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    Qwen3TTSProcessor(tokenizer=tokenizer).save_pretrained(folder)
    named = {mark.strip("<|>"): tokenizer.convert_tokens_to_ids(mark) for mark in marks}
    talker = SIZES | {
        # The model never says the last 1024 codes, but for the one that ends.
        "vocab_size": CODES + 1024, "text_hidden_size": 32, "text_vocab_size": len(tokenizer), "num_code_groups": GROUPS,
        "rope_scaling": {"rope_type": "default", "mrope_section": [4, 2, 2], "interleaved": True}, "codec_eos_token_id": 70,
        "codec_think_id": 71, "codec_nothink_id": 72, "codec_think_bos_id": 73, "codec_think_eos_id": 74, "codec_pad_id": 75,
        "codec_bos_id": 76, "spk_id": {"vivian": 80, "ryan": 81}, "spk_is_dialect": {"vivian": False, "ryan": False},
        "codec_language_id": {"english": 90, "chinese": 91},
        "code_predictor_config": SIZES | {"vocab_size": CODES, "num_code_groups": GROUPS},
    }  # fmt: skip
    config = Qwen3TTSConfig(
        talker_config=talker, speaker_encoder_config=EAR, tokenizer_type="qwen3_tts_tokenizer_12hz", tts_model_size="1b7",
        tts_model_type=kind, **{f"{name}_token_id": number for name, number in named.items()},
    )  # fmt: skip
    Qwen3TTSForConditionalGeneration(config).save_pretrained(folder)
    saved = json.loads((folder / "config.json").read_text())
    saved["speaker_encoder_config"] = EAR  # what save_pretrained adds to it, its own loader does not take
    (folder / "config.json").write_text(json.dumps(saved))
    (folder / "generation_config.json").write_text(json.dumps({"do_sample": True, "temperature": 0.9, "top_k": 50}))
    codec = Qwen3TTSTokenizerV2Config(
        encoder_config=SIZES | {
            "num_filters": 4, "codebook_size": CODES, "codebook_dim": 16, "vector_quantization_hidden_dimension": 16,
            "num_quantizers": 8, "num_semantic_quantizers": 1, "upsample_groups": 32, "upsampling_ratios": [8, 6, 5, 4],
        },
        decoder_config=SIZES | {
            "codebook_size": CODES, "codebook_dim": 16, "latent_dim": 32, "num_quantizers": GROUPS, "decoder_dim": 32,
        },
        encoder_valid_num_quantizers=GROUPS,
    )  # fmt: skip
    model = Qwen3TTSTokenizerV2Model(codec)
    for name, values in model.state_dict().items():
        if "embedding_sum" in name or "embed_sum" in name:  # zero before training: every code would be silent
            torch.nn.init.normal_(values)
    model.save_pretrained(folder / "speech_tokenizer")
    EncodecFeatureExtractor(feature_size=1, sampling_rate=24_000).save_pretrained(folder / "speech_tokenizer")


if __name__ == "__main__":
    torch.manual_seed(1)
    for each in ("base", "custom_voice", "voice_design"):
        save(Path(sys.argv[1]) / each, each)
