"""A LiteRT model that a test can build: one dense layer with a sigmoid, its labels packed behind it as in Google's models."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def save_dense(file: Path, weights: np.ndarray, *, labels: Sequence[str] = (), scale: float = 1.0) -> Path:
    """y = sigmoid(scale * weights @ x): `weights` [classes, inputs]. Labels go into a zip at the end of the file."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    classes, inputs = weights.shape

    def tensor(name: str, shape: list[int], buffer: int) -> schema.TensorT:
        made = schema.TensorT()
        made.name, made.shape, made.buffer, made.type = name.encode(), shape, buffer, schema.TensorType.FLOAT32
        return made

    def buffer(data: bytes = b"") -> schema.BufferT:
        made = schema.BufferT()
        made.data = np.frombuffer(data, np.uint8) if data else None
        return made

    def code(operator: int) -> schema.OperatorCodeT:
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = operator
        made.version = 1
        return made

    def operation(number: int, given: list[int], made_tensor: int) -> schema.OperatorT:
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = number, given, [made_tensor]
        return made

    graph = schema.SubGraphT()
    graph.tensors = [
        tensor("waveform", [1, inputs], 0),
        tensor("weights", [classes, inputs], 1),
        tensor("sums", [1, classes], 0),
        tensor("scores", [1, classes], 0),
    ]
    dense = operation(0, [0, 1], 2)
    dense.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    dense.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [dense, operation(1, [2], 3)]
    graph.inputs, graph.outputs = [0], [3]
    model = schema.ModelT()
    model.version = 3
    model.subgraphs = [graph]
    model.operatorCodes = [code(schema.BuiltinOperator.FULLY_CONNECTED), code(schema.BuiltinOperator.LOGISTIC)]
    model.buffers = [buffer(), buffer((scale * weights).astype("<f4").tobytes())]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    file.write_bytes(bytes(builder.Output()))
    if labels:
        with zipfile.ZipFile(file, "a") as packed:
            packed.writestr("yamnet_label_list.txt", "\n".join(labels))
    return file
