"""A small random Stable Audio as its publisher serves it; run by that environment's Python: `save(model folder, text folder)`."""

from __future__ import annotations

import json
import os
from pathlib import Path

WIDTH = 768  # of T5 base, whose name alone decides it in the library


def _coder(kind: str) -> dict:
    sides = (
        {"in_channels": 2, "latent_dim": 16} if kind == "encoder" else {"out_channels": 2, "latent_dim": 8, "final_tanh": False}
    )
    return {"type": "oobleck", "config": sides | {"channels": 4, "c_mults": [1, 2], "strides": [32, 64], "use_snake": True}}


CONFIG = {
    "model_type": "diffusion_cond",
    "sample_size": 524_288,
    "sample_rate": 44_100,
    "audio_channels": 2,
    "model": {
        "pretransform": {
            "type": "autoencoder",
            "iterate_batch": True,
            "config": {
                "encoder": _coder("encoder"),
                "decoder": _coder("decoder"),
                "bottleneck": {"type": "vae"},
                "latent_dim": 8,
                "downsampling_ratio": 2_048,
                "io_channels": 2,
            },
        },
        "conditioning": {
            "configs": [
                {"id": "prompt", "type": "t5", "config": {"t5_model_name": "t5-base", "max_length": 64, "project_out": False}},
                {"id": "seconds_total", "type": "number", "config": {"min_val": 0, "max_val": 256}},
            ],
            "cond_dim": WIDTH,
        },
        "diffusion": {
            "cross_attention_cond_ids": ["prompt", "seconds_total"],
            "global_cond_ids": ["seconds_total"],
            "diffusion_objective": "rf_denoiser",
            "type": "dit",
            "config": {
                "io_channels": 8,
                "embed_dim": 64,
                "depth": 1,
                "num_heads": 2,
                "cond_token_dim": WIDTH,
                "global_cond_dim": WIDTH,
                "project_cond_tokens": True,
                "transformer_type": "continuous_transformer",
            },
        },
        "io_channels": 8,
    },
}


def save(folder: Path, text: Path) -> None:
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    import torch
    from safetensors.torch import save_model
    from stable_audio_tools.models.factory import create_model_from_config
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = Tokenizer(models.BPE(vocab={each: at for at, each in enumerate(["<pad>", "</s>", *alphabet])}, merges=[]))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(tokenizer_object=letters, pad_token="<pad>", eos_token="</s>").save_pretrained(text)
    (text / "spiece.model").write_bytes(b"its letters stand in tokenizer.json")
    small = T5Config(vocab_size=258, d_model=WIDTH, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    T5EncoderModel(small).save_pretrained(text)

    (folder / "model_config.json").write_text(json.dumps(CONFIG))
    config = json.loads(json.dumps(CONFIG))
    config["model"]["conditioning"]["configs"][0]["config"]["model_path"] = str(text)
    save_model(create_model_from_config(config), str(folder / "model.safetensors"))
