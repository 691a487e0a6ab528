"""Filters of no size with a bias: a pruned network has them, and so has EfficientNet-Lite0's first layer."""

import numpy as np
import pytest
from tiny_nets import build, conv, depthwise

from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.room_for_biases import RoomForBiases
from edgeforge.quantize.tflite.prepared import activations
from edgeforge.quantize.tflite.static import Precision, quantize_static
from edgeforge.tflite.flatbuffer import operators, read_model
from edgeforge.tflite.layers import read_layer

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(8, 3, 6, 6)).astype(np.float32)


def with_dead_filters(size: float) -> bytes:
    """Return a model whose first layers each have a filter of this size, with a bias of 7."""
    made = [conv(RANDOM, 3, 4, 3, activation="RELU"), depthwise(RANDOM, 4), conv(RANDOM, 4, 5)]
    for place, axis in ((0, 0), (1, 3)):
        np.moveaxis(made[place].weights, axis, 0)[2] = size
        made[place].bias[2] = 7
    return build((6, 6, 3), made)


@pytest.mark.parametrize("size", [0.0, 1e-12])
@pytest.mark.parametrize(("precision", "allowed"), [("int8", 0.03), ("int16", 0.01)])
def test_a_dead_filter_keeps_its_bias(size: float, precision: Precision, allowed: float) -> None:
    model = with_dead_filters(size)
    quantized = quantize_static(model, calibrate(model, X), precision=precision)
    for expected, found in zip(activations(model, X), results(quantized), strict=True):
        last = expected[[*expected][-1]]
        assert abs(found - last).max() <= allowed * (last.max() - last.min())


def results(quantized: bytes) -> list[np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=quantized)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for image in X.transpose(0, 2, 3, 1)[:, None]:
        scale, zero = source["quantization"]
        limits = np.iinfo(source["dtype"])
        steps = np.clip(np.round(image / scale) + zero, limits.min, limits.max)
        interpreter.set_tensor(source["index"], steps.astype(source["dtype"]))
        interpreter.invoke()
        scale, zero = target["quantization"]
        found.append((interpreter.get_tensor(target["index"]).astype(np.float32) - zero) * scale)
    return found


def test_a_model_whose_biases_fit_stays_as_it_is() -> None:
    model = build((6, 6, 3), [conv(RANDOM, 3, 4, 3), conv(RANDOM, 4, 5)])
    done = RoomForBiases({"conv_2d_0": 0.01, "conv_2d_1": 0.01})(model)
    assert done.model is model and done.changed == ()


def test_one_weight_of_a_dead_filter_is_raised_and_nothing_else() -> None:
    model = with_dead_filters(1e-12)
    done = RoomForBiases({"conv_2d_0": 0.01, "depthwise_conv_2d_1": 0.01, "conv_2d_2": 0.01})(model)
    assert operators(model) == operators(done.model) == {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 1}
    assert done.changed == ("conv_2d_0", "depthwise_conv_2d_1")
    before, after = read_model(model), read_model(done.model)
    for one, other in zip(before.subgraphs[0].operators, after.subgraphs[0].operators, strict=True):
        old, new = read_layer(before, one), read_layer(after, other)
        assert old and new and (old.bias == new.bias).all()
        assert (old.weights != new.weights).sum() == (old.name in done.changed)
