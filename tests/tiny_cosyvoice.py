"""A small random CosyVoice 2 as its publisher serves it: `networks(folder)` here, `save(folder)` by that environment's Python."""

from __future__ import annotations

import json
from pathlib import Path

SETTINGS = """
sample_rate: 24000
qwen_pretrain_path: ''
llm: !new:cosyvoice.llm.llm.Qwen2LM
    llm_input_size: 32
    llm_output_size: 32
    speech_token_size: 64
    llm: !new:cosyvoice.llm.llm.Qwen2Encoder
        pretrain_path: !ref <qwen_pretrain_path>
    sampling: !name:cosyvoice.utils.common.ras_sampling
        top_p: 0.8
        top_k: 25
        win_size: 10
        tau_r: 0.1
flow: !new:cosyvoice.flow.flow.CausalMaskedDiffWithXvec
    input_size: 512
    output_size: 80
    spk_embed_dim: 192
    vocab_size: 64
    input_frame_rate: 25
    token_mel_ratio: 2
    pre_lookahead_len: 3
    encoder: !new:cosyvoice.transformer.upsample_encoder.UpsampleConformerEncoder
        output_size: 512  # one of its layers has that width whatever is said
        attention_heads: 8
        linear_units: 32
        num_blocks: 1
        input_layer: 'linear'
        pos_enc_layer_type: 'rel_pos_espnet'
        selfattention_layer_type: 'rel_selfattn'
        input_size: 512
        use_cnn_module: False
        macaron_style: False
        static_chunk_size: 25
    decoder: !new:cosyvoice.flow.flow_matching.CausalConditionalCFM
        in_channels: 240
        n_spks: 1
        spk_emb_dim: 80
        cfm_params: !new:omegaconf.DictConfig
            content:
                sigma_min: 1e-06
                solver: 'euler'
                t_scheduler: 'cosine'
                training_cfg_rate: 0.2
                inference_cfg_rate: 0.7
                reg_loss_type: 'l1'
        estimator: !new:cosyvoice.flow.decoder.CausalConditionalDecoder
            in_channels: 320
            out_channels: 80
            channels: [16]
            dropout: 0.0
            attention_head_dim: 8
            n_blocks: 1
            num_mid_blocks: 1
            num_heads: 2
            act_fn: 'gelu'
            static_chunk_size: 50
            num_decoding_left_chunks: -1
hift: !new:cosyvoice.hifigan.generator.HiFTGenerator
    in_channels: 80
    base_channels: 16
    nb_harmonics: 8
    sampling_rate: !ref <sample_rate>
    nsf_alpha: 0.1
    nsf_sigma: 0.003
    nsf_voiced_threshold: 10
    upsample_rates: [8, 5, 3]
    upsample_kernel_sizes: [16, 11, 7]
    istft_params:
        n_fft: 16
        hop_len: 4
    resblock_kernel_sizes: [3]
    resblock_dilation_sizes: [[1, 3]]
    source_resblock_kernel_sizes: [7, 7, 11]
    source_resblock_dilation_sizes: [[1, 3], [1, 3], [1, 3]]
    lrelu_slope: 0.1
    audio_limit: 0.99
    f0_predictor: !new:cosyvoice.hifigan.f0_predictor.ConvRNNF0Predictor
        num_class: 1
        in_channels: 80
        cond_channels: 8
get_tokenizer: !name:cosyvoice.tokenizer.tokenizer.get_qwen_tokenizer
    token_path: !ref <qwen_pretrain_path>
    skip_special_tokens: True
allowed_special: 'all'
feat_extractor: !name:matcha.utils.audio.mel_spectrogram
    n_fft: 1920
    num_mels: 80
    sampling_rate: 24000
    hop_size: 480
    win_size: 1920
    fmin: 0
    fmax: 8000
    center: False
"""


def networks(folder: Path) -> None:
    """The two networks that hear the reference voice: 192 numbers of its colour, and 25 tokens a second of what it says."""
    import numpy as np
    import tiny_onnx
    from tiny_onnx import FLOAT, INT32, node

    tiny_onnx.save(
        folder / "campplus.onnx",
        [node("ReduceMax", ["x"], ["top"], axes=[1], keepdims=0), node("MatMul", ["top", "spread"], ["y"])],
        {"x": (FLOAT, [1, "frames", 80])},
        {"y": (FLOAT, [1, 192])},
        {"spread": np.random.default_rng(0).standard_normal((80, 192)).astype(np.float32)},
    )
    tiny_onnx.save(
        folder / "speech_tokenizer_v2.onnx",
        [
            node("ReduceMax", ["x"], ["top"], axes=[1], keepdims=0),
            node("Slice", ["top", "from", "to", "axis", "step"], ["fourth"]),
            node("Mul", ["fourth", "scale"], ["large"]),
            node("Abs", ["large"], ["positive"]),
            node("Min", ["positive", "most"], ["held"]),
            node("Cast", ["held"], ["y"], to=INT32),
        ],
        {"x": (FLOAT, [1, 128, "frames"]), "length": (INT32, [1])},
        {"y": (INT32, [1, "tokens"])},
        {
            "from": np.array([0]), "to": np.array([2**31 - 1]), "axis": np.array([1]), "step": np.array([4]),
            "scale": np.array([20], np.float32), "most": np.array([63], np.float32),
        },
    )  # fmt: skip


def save(folder: Path) -> None:
    """Settings, text model and the three weights. The text model's letters are single bytes."""
    import torch
    from hyperpyyaml import load_hyperpyyaml
    from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

    torch.manual_seed(0)
    text = folder / "CosyVoice-BlankEN"
    text.mkdir()
    letters = [chr(each) for each in [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]]
    words = {letter: number for number, letter in enumerate([*letters, "<|endoftext|>"])}
    (text / "vocab.json").write_text(json.dumps(words))
    (text / "merges.txt").write_text("#version: 0.2\n")
    Qwen2Tokenizer(f"{text}/vocab.json", f"{text}/merges.txt").save_pretrained(text)
    small = Qwen2Config(
        vocab_size=320, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2
    )
    Qwen2ForCausalLM(small).save_pretrained(text)
    (folder / "cosyvoice2.yaml").write_text(SETTINGS)
    made = load_hyperpyyaml(SETTINGS, overrides={"qwen_pretrain_path": str(text)})
    for name in ("llm", "flow", "hift"):
        torch.save(made[name].state_dict(), folder / f"{name}.pt")
