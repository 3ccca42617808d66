"""A small English-only Whisper in OpenAI's own layout that says " Hello there." to every window; as ggml, or for torch.save."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

SAYS = "Hello there."
DIMS = {
    "n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": 64, "n_audio_head": 1, "n_audio_layer": 4,
    "n_vocab": 51_864, "n_text_ctx": 448, "n_text_state": 64, "n_text_head": 1, "n_text_layer": 3,
}  # fmt: skip
_END, _FIRST_TIME = 50_256, 50_363
_WORDS = {18_435: b" Hello", 612: b" there", 13: b"."}
"""Their numbers in the vocabulary of GPT-2, which the English-only models share."""


def state(seconds: float = 30.0, text_layers: int = DIMS["n_text_layer"]) -> dict[str, np.ndarray]:
    """Weights by OpenAI's names: blocks add nothing, and each position points at the token that follows it."""
    random, width = np.random.default_rng(0), DIMS["n_text_state"]
    made: dict[str, np.ndarray] = {}

    def linear(name: str, out: int, into: int, bias: bool = True, zero: bool = False) -> None:
        made[f"{name}.weight"] = np.zeros((out, into)) if zero else random.normal(0, 0.1, (out, into))
        if bias:
            made[f"{name}.bias"] = np.zeros(out)

    def norm(name: str) -> None:
        made[f"{name}.weight"], made[f"{name}.bias"] = np.ones(width), np.zeros(width)

    def block(name: str, cross: bool) -> None:
        for kind in ("attn", "cross_attn") if cross else ("attn",):
            norm(f"{name}.{kind}_ln")
            for part in ("query", "key", "value"):
                linear(f"{name}.{kind}.{part}", width, width, bias=part != "key")
            linear(f"{name}.{kind}.out", width, width, zero=True)
        norm(f"{name}.mlp_ln")
        linear(f"{name}.mlp.0", 4 * width, width)
        linear(f"{name}.mlp.2", width, 4 * width, zero=True)

    for number, into in ((1, DIMS["n_mels"]), (2, width)):
        made[f"encoder.conv{number}.weight"] = random.normal(0, 0.1, (width, into, 3))
        made[f"encoder.conv{number}.bias"] = np.zeros(width)
    made["encoder.positional_embedding"] = random.normal(0, 0.1, (DIMS["n_audio_ctx"], width))
    for number in range(DIMS["n_audio_layer"]):
        block(f"encoder.blocks.{number}", cross=False)
    norm("encoder.ln_post")
    for number in range(text_layers):
        block(f"decoder.blocks.{number}", cross=True)
    norm("decoder.ln")
    tokens = random.normal(size=(DIMS["n_vocab"], width))
    tokens *= 3 / np.linalg.norm(tokens, axis=1, keepdims=True)
    made["decoder.token_embedding.weight"] = tokens
    sentence = [_FIRST_TIME, *_WORDS, _FIRST_TIME + round(seconds / 0.02), _END]
    # Over and over: the next window begins after its start mark and this whole sentence.
    made["decoder.positional_embedding"] = 10 * tokens[np.resize(sentence, DIMS["n_text_ctx"])]
    return {name: values.astype(np.float32) for name, values in made.items()}


def save_ggml(file: Path, seconds: float = 30.0, text_layers: int = DIMS["n_text_layer"]) -> Path:
    """Write whisper.cpp's format: sizes, mel filters, vocabulary, then each tensor with its name, in 16 bits where it asks."""
    import librosa

    halves = ("positional_embedding", ".bias")
    with file.open("wb") as out:
        out.write(struct.pack("<I", 0x67676D6C))
        names = [
            "n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "n_text_ctx", "n_text_state",
            "n_text_head", "n_text_layer", "n_mels",
        ]  # fmt: skip
        out.write(struct.pack("<11i", *((DIMS | {"n_text_layer": text_layers})[name] for name in names), 1))
        filters = librosa.filters.mel(sr=16_000, n_fft=400, n_mels=DIMS["n_mels"]).astype("<f4")
        out.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
        pieces = [
            _WORDS.get(number, bytes([number]) if number < 128 and number != 13 else b"<%d>" % number) for number in range(_END)
        ]
        out.write(struct.pack("<i", len(pieces)))
        for piece in pieces:
            out.write(struct.pack("<I", len(piece)) + piece)
        for name, weights in state(seconds, text_layers).items():
            values = weights[:, None] if name.startswith("encoder.conv") and name.endswith(".bias") else weights
            whole = values.ndim == 1 or name.endswith(halves)
            out.write(struct.pack("<3i", values.ndim, len(name), 0 if whole else 1))
            out.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)) + name.encode())
            out.write(values.astype("<f4" if whole else "<f2").tobytes())
    return file


def save_torch(file: Path, seconds: float = 30.0) -> Path:
    """Write the checkpoint that OpenAI's package loads."""
    import torch

    weights = {name: torch.from_numpy(values) for name, values in state(seconds).items()}
    torch.save({"dims": DIMS, "model_state_dict": weights}, file)
    return file
