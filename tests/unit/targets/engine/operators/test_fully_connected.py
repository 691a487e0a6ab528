"""FULLY_CONNECTED: one scale or one an output, rows, int16, int4."""

import numpy as np
import pytest
from engine_network import Int8, four_bits
from engine_program import require_the_bytes_of_tflm
from tflite_network import Network

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.options import Optimize, Options


@pytest.mark.parametrize("per_channel", [False, True])
def test_it_has_the_bytes_of_tflm(per_channel: bool) -> None:
    net = Int8(5, 9)  # five rows
    x = net.on(3.0, 100).dense(net.input, net.any(8, 9), net.any(8) * 40, per_channel=per_channel, activation="RELU")
    x = net.on(60.0, -3).dense(x, net.any(7, 8), per_channel=per_channel)
    require_the_bytes_of_tflm(net.build(x), 12)


@pytest.mark.parametrize("per_channel", [False, True])
def test_it_has_the_bytes_of_tflm_in_int16(per_channel: bool) -> None:
    net = Network(9, kind="INT16")
    matrix = np.random.default_rng(0).integers(-127, 128, (7, 9))
    require_the_bytes_of_tflm(net.build(net.dense(net.input, matrix, np.arange(7), per_channel=per_channel)), 12)


@pytest.mark.parametrize("optimize", ["speed", "size"])  # unpacked, and two a byte
def test_it_has_the_bytes_of_tflm_with_weights_of_int4(optimize: Optimize) -> None:
    net = Int8(9)
    x = net.on(0.3, 3).dense(net.input, net.random.integers(-8, 8, (7, 9)), net.any(7))
    four_bits(net, 1)
    model, options = net.build(x), Options(optimize=optimize)
    (kernel,) = compile_model(model, "net", options).kernels
    assert kernel.function.endswith("_s4") == (optimize == "size")
    require_the_bytes_of_tflm(model, 12, options)


def test_weights_that_are_computed_are_refused() -> None:
    net = Int8(3, 3)
    x = net.operator("FULLY_CONNECTED", [net.input, net.relu(net.input)], (1, 3, 3), keepNumDims=True)
    with pytest.raises(RecipeError, match=r"FULLY_CONNECTED 1 .*: tensor relu_1 is computed; only a constant can be"):
        compile_model(net.build(x), "net")
