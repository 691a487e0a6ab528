"""Small int8 .tflite files of people who say little: of any input, any outputs, with metadata or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from places import DATA
from tflite_network import Network

from edgeforge.targets.arduino.own.metadata import NAME
from edgeforge.tflite.associated_files import append_files
from edgeforge.tflite.flatbuffer import write_model


def network(
    shape: tuple[int, ...] = (8, 8, 1), scale: float = 1 / 255, zero_point: int = -128, kind: str = "INT8"
) -> Network:
    """Return the beginning of a network; shape: of its input, without the batch."""
    net = Network(*shape, kind=kind)
    quantization = net.graph.tensors[net.input].quantization
    quantization.scale, quantization.zeroPoint = np.array([scale], np.float32), np.array([zero_point], np.int64)
    return net


def dense(net: Network, outputs: int, ending: str = "") -> int:
    """Add a dense layer of all values, and a SOFTMAX or LOGISTIC."""
    values = int(np.prod(net.shape(net.input)))
    weights = np.random.default_rng(outputs).integers(-127, 128, (outputs, values))
    place = net.dense(net.input, weights)
    return net.softmax(place) if ending == "SOFTMAX" else net.unary(ending, place) if ending else place


def conv(net: Network, channels: int, ending: str = "") -> int:
    """Add a convolution that keeps the sides, and a SOFTMAX or LOGISTIC."""
    kernel = np.random.default_rng(channels).integers(-127, 128, (channels, 3, 3, net.shape(net.input)[3]))
    place = net.conv(net.input, kernel)
    return net.softmax(place) if ending == "SOFTMAX" else net.unary(ending, place) if ending else place


def written(
    path: Path, net: Network, *outputs: int, metadata: bytes | None = None, files: dict[str, str] | None = None
) -> Path:
    """Write a network with these outputs, and what is to be inside and behind its flatbuffer."""
    net.build(outputs[0])
    net.graph.outputs = list(outputs)
    if metadata is not None:
        entry, buffer = schema.MetadataT(), schema.BufferT()
        buffer.data = np.frombuffer(metadata, np.uint8)
        net.model.buffers.append(buffer)
        entry.name, entry.buffer = NAME, len(net.model.buffers) - 1
        net.model.metadata = [entry]
    data = write_model(net.model)
    path.write_bytes(append_files(data, files) if files else data)
    return path


# A colour picture normalised by mean 123.675, 116.28, 103.53 and deviation 58.395, 57.12, 57.375; of outputs
# `probability`, labels in names.txt, and `embedding`: made with the schema's own generated code, of MediaPipe 1.2.3.
METADATA = (DATA / "metadata.tflitemeta").read_bytes()
