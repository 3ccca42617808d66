"""Small random SpeechBrain models as the hub serves them: hyperparams.yaml, which says what to make, and a checkpoint each."""

from __future__ import annotations

import subprocess
from pathlib import Path

PARTS = {
    "tacotron": (
        "model",
        """text_cleaners: ["english_cleaners"]
text_to_sequence: !name:speechbrain.utils.text_to_sequence.text_to_sequence
model: !new:speechbrain.lobes.models.Tacotron2.Tacotron2
    mask_padding: True
    n_mel_channels: 80
    n_symbols: 148
    symbols_embedding_dim: 32
    encoder_kernel_size: 5
    encoder_n_convolutions: 1
    encoder_embedding_dim: 32
    attention_rnn_dim: 32
    attention_dim: 16
    attention_location_n_filters: 4
    attention_location_kernel_size: 5
    n_frames_per_step: 1
    decoder_rnn_dim: 32
    prenet_dim: 16
    max_decoder_steps: 20
    gate_threshold: 0.999
    p_attention_dropout: 0.1
    p_decoder_dropout: 0.1
    postnet_embedding_dim: 32
    postnet_kernel_size: 5
    postnet_n_convolutions: 2
    decoder_no_early_stopping: True
""",
    ),
    "hifigan": (
        "generator",
        """generator: !new:speechbrain.lobes.models.HifiGAN.HifiganGenerator
    in_channels: 80
    out_channels: 1
    resblock_type: "1"
    resblock_dilation_sizes: [[1, 3, 5]]
    resblock_kernel_sizes: [3]
    upsample_kernel_sizes: [16, 16, 4, 4]
    upsample_initial_channel: 32
    upsample_factors: [8, 8, 2, 2]
    inference_padding: 5
    cond_channels: 0
    conv_post_bias: True
""",
    ),
}
MAKE = """import sys, torch
from hyperpyyaml import load_hyperpyyaml
torch.manual_seed(1)
for name, folder in (("model", sys.argv[1]), ("generator", sys.argv[2])):
    with open(folder + "/hyperparams.yaml") as text:
        torch.save(load_hyperpyyaml(text)[name].state_dict(), f"{folder}/{name}.ckpt")
"""


def save(root: Path, python: Path) -> None:
    """`root`/tacotron and `root`/hifigan, their random weights made by the environment's Python."""
    for folder, (name, described) in PARTS.items():
        (root / folder).mkdir()
        (root / folder / "hyperparams.yaml").write_text(
            f"{described}modules:\n    {name}: !ref <{name}>\n"
            "pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer\n"
            f"    loadables:\n        {name}: !ref <{name}>\n"
        )
    subprocess.run([python, "-c", MAKE, root / "tacotron", root / "hifigan"], check=True, capture_output=True)
