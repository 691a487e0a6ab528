"""Models that keep their last frames in a resource variable, as Keras layers for streaming do."""

from __future__ import annotations

import numpy as np
from places import DATA

from edgeforge.tflite.flatbuffer import operator_name, read_model, write_model

FILE = DATA / "streaming_int8.tflite"


def streaming(start: float = 0.0, *, begun: bool = True) -> bytes:
    """Return the model with one scale for its dense weights, as libraries of 2023 want it.

    start: what its variable holds before the first frame; begun: whether anything is assigned to it by then.
    """
    model = read_model(FILE.read_bytes())
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if operator_name(model, operator) == "FULLY_CONNECTED":
            tensor = graph.tensors[operator.inputs[1]]
            buffer, scales = model.buffers[tensor.buffer], np.asarray(tensor.quantization.scale)
            real = np.asarray(buffer.data).view(np.int8).reshape(tensor.shape) * scales[:, None]
            buffer.data = np.round(real / scales.max()).astype(np.int8).view(np.uint8).ravel()
            tensor.quantization.scale, tensor.quantization.zeroPoint = scales.max(keepdims=True), np.zeros(1, np.int64)
    first = model.subgraphs[1].tensors[0]
    model.buffers[first.buffer].data = np.full(first.shape, start, np.float32).view(np.uint8).ravel()
    if not begun:
        graph.operators = [one for one in graph.operators if operator_name(model, one) != "CALL_ONCE"]
    return write_model(model)
