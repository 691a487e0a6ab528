"""TRANSPOSE_CONV."""

import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model


def spread(net: Int8, x: int, kernel: tuple[int, int, int], stride: int, same: bool, edges: tuple[int, int]) -> int:
    """kernel: outputs, height, width."""
    weights, bias = net._weights(net.any(*kernel, net.shape(x)[3]), net.any(kernel[0]) * 40, 0)
    shape = (1, *edges, kernel[0])
    places = [net.whole("shape", list(shape)), weights, x, bias]
    return net.operator("TRANSPOSE_CONV", places, shape, padding=int(not same), strideH=stride, strideW=stride)


def test_it_has_the_bytes_of_tflm() -> None:
    net = Int8(4, 3, 3)
    x = spread(net.on(1.0, 9), net.input, (5, 3, 3), 2, True, (8, 6))
    x = spread(net.on(20.0, -9), x, (2, 2, 4), 1, False, (9, 9))
    x = spread(net.on(100.0, -9), x, (2, 2, 2), 3, True, (27, 27))
    require_the_bytes_of_tflm(net.build(x), 8)


def test_an_output_of_another_size_is_refused() -> None:
    net = Int8(4, 3, 3)
    with pytest.raises(RecipeError, match="which a window over the output does not give"):
        compile_model(net.build(spread(net, net.input, (5, 3, 3), 2, True, (10, 6))), "net")
