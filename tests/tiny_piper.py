"""A Piper voice that says how long it was asked to speak: a tone of 256 samples per phoneme."""

import json
from pathlib import Path

import numpy as np
import tiny_onnx

PHONEMES = " abcdefghijklmnopqrstuvwxyzɡɔɹŋɪəʊˈˌːɜ,.ʌɐʔθðʃʒæɑɛ!?ɚɾ"


def saved(folder: Path, *, name: str = "en_XX-tiny-low", speakers: int = 1, way: str = "espeak") -> str:
    """A voice whose ONNX model is a sine of phonemes x length scale x 256 samples, and its configuration."""
    numbers = {mark: [number] for number, mark in enumerate("_^$" + PHONEMES)}
    config = {
        "audio": {"sample_rate": 16_000}, "espeak": {"voice": "en-us"}, "phoneme_type": way, "num_symbols": len(numbers),
        "num_speakers": speakers, "speaker_id_map": {"p1": 0, "p2": 1} if speakers > 1 else {}, "phoneme_id_map": numbers,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
    }  # fmt: skip
    (folder / f"{name}.onnx.json").write_text(json.dumps(config))
    pitch = ["sid"] if speakers > 1 else []
    nodes = [
        tiny_onnx.node("Gather", ["scales", "one_int"], ["scale"]),
        tiny_onnx.node("Cast", ["input_lengths"], ["phonemes"], to=1),
        tiny_onnx.node("Mul", ["phonemes", "scale"], ["stretched"]),
        tiny_onnx.node("Mul", ["stretched", "hop"], ["many"]),
        tiny_onnx.node("Squeeze", ["many"], ["frames"]),
        tiny_onnx.node("Range", ["zero", "frames", "one"], ["time"]),
        *([tiny_onnx.node("Cast", ["sid"], ["number"], to=1)] if pitch else []),
        tiny_onnx.node("Add", ["number" if pitch else "none", "one"], ["voice"]),
        tiny_onnx.node("Mul", ["time", "step"], ["angle"]),
        tiny_onnx.node("Mul", ["angle", "voice"], ["pitched"]),
        tiny_onnx.node("Sin", ["pitched"], ["wave"]),
        tiny_onnx.node("Unsqueeze", ["wave", "axes"], ["output"]),
    ]
    constants = {
        "one_int": np.array([1], np.int64), "hop": np.array([256], np.float32), "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32), "none": np.array([0], np.float32), "step": np.array([0.1], np.float32),
        "axes": np.array([0, 1, 2], np.int64),
    }  # fmt: skip
    inputs = {
        "input": (tiny_onnx.INT64, (1, "T")), "input_lengths": (tiny_onnx.INT64, (1,)), "scales": (tiny_onnx.FLOAT, (3,)),
        **dict.fromkeys(pitch, (tiny_onnx.INT64, (1,))),
    }  # fmt: skip
    tiny_onnx.save(folder / f"{name}.onnx", nodes, inputs, {"output": (tiny_onnx.FLOAT, (1, 1, 1, "N"))}, constants)
    return str(folder)
