"""PAD and PADV2, and their folding into convolutions."""

import numpy as np
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.ir import Padding


def test_a_pad_of_any_dimensions_has_the_bytes_of_tflm() -> None:
    net = Int8(3, 4, 5)
    x = net.operator("PAD", [net.input, net.whole("pad", [[0, 0], [1, 2], [0, 3], [2, 1]])], (1, 6, 7, 8))
    value = net.tensor("value", (1,), "INT8", [net.grid[0]], net.grid[1], np.array([99], np.int8))
    x = net.operator("PADV2", [x, net.whole("pad", [[0, 0], [1, 0], [1, 1], [0, 0]]), value], (1, 7, 9, 8))
    require_the_bytes_of_tflm(net.build(x))


def test_a_frame_of_zero_points_becomes_a_convolutions_own() -> None:
    net = Int8(5, 5, 3)
    padded = net.pad(net.input, 1, 2)
    model = net.build(net.on(1.0, 0).conv(padded, net.any(4, 3, 3, 3), same=False))
    network = compile_model(model, "net")
    (operator,) = network.operators
    assert operator.window.padding == Padding(1, 1, 2, 2)
    assert network.folded == ("PAD 0 (pad_2) is part of CONV_2D 1 (conv_2d_5)",)
    require_the_bytes_of_tflm(model)


def test_a_frame_around_a_pool_stays_since_the_pool_counts_it() -> None:
    net = Int8(6, 6, 3)
    model = net.build(net.pool(net.pad(net.input), "AVERAGE_POOL_2D"))
    assert len(compile_model(model, "net").operators) == 2
    require_the_bytes_of_tflm(model)
