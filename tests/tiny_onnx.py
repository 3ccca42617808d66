"""Small ONNX models, written byte by byte (the package onnx is no dependency): they say one sentence whatever they hear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

FLOAT, INT32, INT64 = 1, 6, 7
_TYPES = {np.dtype("float32"): FLOAT, np.dtype("int64"): INT64, np.dtype("int32"): INT32}


def _varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protocol buffer: a number, or anything that has a length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _tensor(name: str, values: np.ndarray) -> bytes:
    sizes = b"".join(_field(1, size) for size in values.shape)
    return sizes + _field(2, _TYPES[values.dtype]) + _field(8, name) + _field(9, values.tobytes())


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    sizes = b"".join(_field(1, _field(1, size) if isinstance(size, int) else _field(2, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, sizes)))


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **numbers: int | Sequence[int]) -> bytes:
    made = b"".join(_field(1, each) for each in inputs) + b"".join(_field(2, each) for each in outputs) + _field(4, operator)
    for name, value in numbers.items():
        one = (
            _field(3, value) + _field(20, 2) if isinstance(value, int) else b"".join(_field(8, v) for v in value) + _field(20, 7)
        )
        made += _field(5, _field(1, name) + one)
    return made


def save(
    file: Path,
    nodes: Sequence[bytes],
    inputs: Mapping[str, tuple[int, Sequence[int | str]]],
    outputs: Mapping[str, tuple[int, Sequence[int | str]]],
    constants: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a model of opset 17: `inputs` and `outputs` are (type, shape) by name."""
    graph = b"".join(_field(1, each) for each in nodes) + _field(2, "tiny")
    graph += b"".join(_field(5, _tensor(name, values)) for name, values in constants.items())
    graph += b"".join(_field(11, _value(name, *each)) for name, each in inputs.items())
    graph += b"".join(_field(12, _value(name, *each)) for name, each in outputs.items())
    model = _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 17))
    for key, value in (metadata or {}).items():
        model += _field(14, _field(1, key) + _field(2, value))
    file.write_bytes(model)
    return file


def table(ids: Sequence[int], size: int, blank: int, frames: int = 2_000) -> np.ndarray:
    """Scores [1, frames, size] that say `ids`, one per frame, and then nothing."""
    scores = np.full((1, frames, size), -10.0, np.float32)
    said = [*ids, *[blank] * (frames - len(ids))]
    scores[0, np.arange(frames), said] = 0.0
    return scores
