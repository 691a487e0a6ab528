"""Filters so small that their bias would not fit 32 bits: pruned ones, and those that training let die."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.layers import BIAS, WEIGHTS, read_layer, set_constant

LARGEST_BIAS = 2**30  # half of what 32 bits hold, for the sums that are added to it


def with_room_for_biases(float_model: bytes, input_steps: Mapping[str, float]) -> bytes:
    """Return the model with one weight of each such filter raised, the least by which its bias can be an integer.

    A bias counts in steps of input scale times weight scale (TFLite's quantization specification), and the largest
    weight of a filter decides its scale. The raised weight adds at most 3e-5 of the bias where inputs are int8, and
    0.4 % of it where they are int16. input_steps: layers whose weights are quantized per channel → their input's scale.
    """
    import numpy as np

    model, changed = read_model(float_model), False
    for operator in model.subgraphs[0].operators:
        layer = read_layer(model, operator)
        if layer is None or layer.name not in input_steps or len(operator.inputs) <= BIAS:
            continue
        filters = np.moveaxis(layer.weights, layer.output_axis, 0).reshape(len(layer.bias), -1).copy()
        least = 127 * abs(layer.bias) / (input_steps[layer.name] * LARGEST_BIAS)
        small = abs(filters).max(1) < least
        if not small.any():
            continue
        filters[small, 0] = least[small]
        shape = np.moveaxis(layer.weights, layer.output_axis, 0).shape
        set_constant(model, operator, WEIGHTS, np.moveaxis(filters.reshape(shape), 0, layer.output_axis))
        changed = True
    return write_model(model) if changed else float_model
