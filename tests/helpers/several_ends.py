"""Int8 models of several inputs and outputs: a picture and a sensor's values in, a class and a value out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from int8_models import Net
from numpy.typing import NDArray

from edgeforge.tflite.flatbuffer import read_model, write_model

PICTURE, SENSOR, WORDS = (1, 5, 5, 3), (1, 7), (1, 4)
VOCABULARY = 12


def picture_and_sensor(kind: str = "INT8", *, real_value: bool = False) -> bytes:
    """A picture (75 bytes, no multiple of eight) and 7 values in; `kind` of 4 classes and `size` out.

    kind: of activations, or FLOAT32. real_value: the value is dequantized, so that outputs are of two types.
    """
    net = Net(*PICTURE[1:], kind=kind)
    net.graph.tensors[net.input].name = b"picture"
    sensor = net.tensor("sensor", SENSOR, kind, *(() if kind == "FLOAT32" else ([0.11], -5 if kind == "INT8" else 0)))
    net.graph.tensors[sensor].name = b"sensor"
    seen = net.dense(net.flat(net.conv(net.input, 6)), 8)
    felt = net.dense(sensor, 8)
    both = net.operator("CONCATENATION", [seen, felt], (1, 16), axis=1)
    classes = net.softmax(net.dense(both, 4))
    value = net.dense(both, 1)
    if real_value:
        real = net.tensor("real", (1, 1), "FLOAT32")
        net.operator("DEQUANTIZE", [value], (1, 1))
        net.graph.operators[-1].outputs, value = [real], real
    net.graph.tensors[classes].name, net.graph.tensors[value].name = b"kind", b"size"
    return built(net, [net.input, sensor], [classes, value])


def words_and_sensor() -> bytes:
    """Four words, each a number (int32), and 7 values in; 3 classes out."""
    net = Net(*SENSOR[1:])
    net.graph.tensors[net.input].name = b"sensor"
    words = net.tensor("words", WORDS, "INT32")
    net.graph.tensors[words].name = b"words"
    meanings = net.random.integers(-127, 128, (VOCABULARY, 5), np.int8)
    table = net.tensor("table", meanings.shape, "INT8", [0.05], 0, meanings)
    found = net.operator("GATHER", [table, words], (1, 4, 5), axis=0)
    both = net.operator("CONCATENATION", [net.flat(found), net.input], (1, 27), axis=1)
    last = net.dense(both, 3)
    net.graph.tensors[last].name = b"meaning"
    return built(net, [words, net.input], [last])


def built(net: Net, inputs: list[int], outputs: list[int]) -> bytes:
    """Return the file of a network with these inputs and outputs, by their tensors' names."""
    model = read_model(net.build(outputs[0]))
    names = [tensor.name for tensor in net.graph.tensors]
    for tensor, name in zip(model.subgraphs[0].tensors, names, strict=True):
        tensor.name = name if isinstance(name, bytes) else name.encode()
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = inputs, outputs
    model.signatureDefs = None
    return write_model(model)


def raw_values(count: int = 12) -> dict[str, NDArray[np.generic]]:
    """Return pictures (N,3,5,5 uint8) and values (N,7 float32)."""
    random = np.random.default_rng(1)
    return {
        "picture": random.integers(0, 256, (count, 3, 5, 5)).astype(np.uint8),
        "sensor": random.normal(0, 4, (count, 7)).astype(np.float32),
    }


def saved(folder: Path, name: str, flatbuffer: bytes) -> Path:
    """Write a model, and return its path."""
    (folder / name).write_bytes(flatbuffer)
    return folder / name
