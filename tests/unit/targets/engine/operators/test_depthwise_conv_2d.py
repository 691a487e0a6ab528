"""DEPTHWISE_CONV_2D: any multiplier, dilation, int16."""

import numpy as np
import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm
from tflite_network import Network

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model


def test_it_has_the_bytes_of_tflm() -> None:
    net = Int8(7, 6, 3)
    x = net.on(1.5, 100).depthwise(net.input, net.any(1, 3, 3, 6), net.any(6) * 40, stride=2, activation="RELU")
    x = net.on(20.0, -128).depthwise(x, net.any(1, 2, 3, 6), dilation=2)
    x = net.on(200.0, 5).depthwise(x, net.any(1, 1, 3, 18), same=False)
    require_the_bytes_of_tflm(net.build(x), 12)


def test_it_has_the_bytes_of_tflm_in_int16() -> None:
    net = Network(6, 5, 3, kind="INT16")
    x = net.depthwise(net.input, np.random.default_rng(0).integers(-127, 128, (1, 3, 3, 6)), np.arange(6) * 900)
    require_the_bytes_of_tflm(net.build(x), 12)


def test_channels_that_are_no_multiple_are_refused() -> None:
    net = Int8(4, 4, 3)
    with pytest.raises(RecipeError, match=r"tensor weights_1 has 4 channels, no multiple of 3"):
        compile_model(net.build(net.depthwise(net.input, net.any(1, 1, 1, 4))), "net")
