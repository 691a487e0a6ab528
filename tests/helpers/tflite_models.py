"""A small float32 .tflite network of every kind of edge, and quantized companions of any, by ai-edge-quantizer."""

from __future__ import annotations

import numpy as np
from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer
from tflite_network import Network

from edgeforge.tflite.graph import Graph, TensorRunner

Ranges = dict[str, tuple[float, float]]


def images(shape: tuple[int, int, int] = (3, 8, 8), count: int = 32, seed: int = 0) -> np.ndarray:
    """Return smooth random inputs N,C,H,W."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype(np.float32)


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    """Return weights of a size that keeps values near 1."""
    spread = 1 / np.sqrt(np.prod(shape[1:]))
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


def ranges(float_model: bytes, inputs: np.ndarray) -> Ranges:
    """Return the smallest and largest value of every activation."""
    graph = Graph(float_model)
    runner = TensorRunner(float_model, every=True)
    places = [*graph.inputs, *(place for operator in graph.operators for place in operator.outputs)]
    found: Ranges = {}
    for image in inputs.transpose(0, 2, 3, 1):
        for place, value in zip(places, runner.run([image[None]], places), strict=True):
            low, high = found.get(graph.name(place), (0.0, 0.0))
            found[graph.name(place)] = min(low, float(value.min())), max(high, float(value.max()))
    return found


def quantized(
    float_model: bytes,
    inputs: np.ndarray,
    *,
    bits: int = 8,
    per_channel: bool = True,
    floats: tuple[str, ...] = (),
    **changed: tuple[float, float],
) -> bytes:
    """Return the model with int8 weights and activations of 8 or 16 bits, calibrated on all inputs.

    floats: operators (CONV_2D) left in float. changed: ranges other than those of the inputs, by tensor.
    """
    quantizer = Quantizer(bytearray(float_model))
    granularity = QuantGranularity.CHANNELWISE if per_channel else QuantGranularity.TENSORWISE
    quantizer.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, bits, 8, granularity)
    for name in floats:
        quantizer.update_quantization_recipe(".*", TFLOperationName(name), algorithm_key="no_quantize")
    found = ranges(float_model, inputs) | changed
    values = {
        name: {"min": np.full((1, 1, 1, 1), low, np.float32), "max": np.full((1, 1, 1, 1), high, np.float32)}
        for name, (low, high) in found.items()
    }
    return bytes(quantizer.quantize(values).quantized_model)


def chain() -> bytes:
    """Return a small network with a residual addition and a depthwise convolution: every kind of edge."""
    net = Network()
    first = net.conv(net.input, weights(8, 3, 3, 3, seed=1), activation="RELU")
    depth = net.depthwise(first, weights(1, 3, 3, 8, seed=2))
    narrow = net.conv(depth, weights(8, 1, 1, 8, seed=3))
    summed = net.add(first, narrow)
    last = net.conv(summed, weights(6, 1, 1, 8, seed=4), activation="RELU")
    return net.build(net.dense(net.mean(last), weights(5, 6, seed=5)))
