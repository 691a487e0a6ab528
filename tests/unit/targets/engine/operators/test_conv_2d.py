"""CONV_2D: windows, groups, dilation, grids, int16 and int4."""

import numpy as np
import pytest
from engine_network import Int8, four_bits
from engine_program import require_the_bytes_of_tflm
from tflite_network import Network

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.ir import Padding
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.options import Optimize, Options


def test_it_has_the_bytes_of_tflm() -> None:
    net = Int8(7, 6, 3)
    x = net.on(2.0, 100).conv(net.input, net.any(8, 3, 3, 3), net.any(8) * 40, stride=2, activation="RELU")
    x = net.on(60.0, -128).conv(x, net.any(6, 2, 3, 8), same=False, activation="RELU6")
    x = net.on(2000.0, 0).conv(x, net.any(4, 3, 3, 3), dilation=2)  # two groups
    require_the_bytes_of_tflm(net.build(x), 12)


def test_it_has_the_bytes_of_tflm_in_int16() -> None:
    net = Network(6, 5, 3, kind="INT16")
    x = net.conv(net.input, np.random.default_rng(0).integers(-127, 128, (8, 3, 3, 3)), np.arange(8) * 900)
    require_the_bytes_of_tflm(net.build(x), 12)


@pytest.mark.parametrize("optimize", ["speed", "size"])  # unpacked, and two a byte
def test_it_has_the_bytes_of_tflm_with_weights_of_int4(optimize: Optimize) -> None:
    net = Int8(5, 5, 3)
    x = net.on(0.3, 3).conv(net.input, net.random.integers(-8, 8, (3, 3, 3, 3)), net.any(3))
    four_bits(net, 1)
    model, options = net.build(x), Options(optimize=optimize)
    (kernel,) = compile_model(model, "net", options).kernels
    assert kernel.function.endswith("_s4") == (optimize == "size")
    require_the_bytes_of_tflm(model, 12, options)


def test_its_paddings_are_four_numbers() -> None:
    net = Int8(7, 6, 3)
    network = compile_model(net.build(net.conv(net.input, net.any(4, 3, 2, 3), stride=2)), "net")
    (operator,) = network.operators
    assert isinstance(operator, Conv2D)
    assert operator.window.padding == Padding(top=1, left=0, bottom=1, right=0)


def test_sums_that_32_bits_do_not_hold_are_refused() -> None:
    net = Int8(4, 4, 3)
    with pytest.raises(RecipeError, match=r"CONV_2D 0 .*: tensor weights_1 gives sums of up to 2,147,5"):
        compile_model(net.build(net.conv(net.input, net.any(2, 1, 1, 3), np.full(2, 2**31 - 100))), "net")
