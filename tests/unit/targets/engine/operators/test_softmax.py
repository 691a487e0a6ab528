"""SOFTMAX along the last dimension."""

import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model


@pytest.mark.parametrize("scale", [0.002, 0.05, 0.7])
def test_it_has_the_bytes_of_tflm(scale: float) -> None:
    net = Int8(3, 11, scale=scale, zero=30)
    require_the_bytes_of_tflm(net.build(net.on(1 / 256, -128).softmax(net.input)), 40)


def test_another_grid_is_refused() -> None:
    net = Int8(9)
    with pytest.raises(RecipeError, match=r"has scale 0.01 and zero point -128, not 0.00390625 and -128"):
        compile_model(net.build(net.on(0.01, -128).softmax(net.input)), "net")


def test_a_row_too_long_for_the_sum_is_refused() -> None:
    net = Int8(4096)
    with pytest.raises(RecipeError, match="has 4096 values in a row; the sum holds fewer"):
        compile_model(net.build(net.on(1 / 256, -128).softmax(net.input)), "net")
