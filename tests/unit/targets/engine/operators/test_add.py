"""ADD and SUB, with shapes that are repeated."""

import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model


@pytest.mark.parametrize("name", ["ADD", "SUB"])
def test_it_has_the_bytes_of_tflm(name: str) -> None:
    net = Int8(3, 4, 5)
    x = net.on(0.09, 13).operator(name, [net.input, net.input], (1, 3, 4, 5), "RELU")
    for shape in ((5,), (4, 1), (3, 1, 5), (1, 1, 1, 1), (3, 1, 1)):
        x = net.on(net.grid[0] * 0.9, -20).operator(name, [x, net.constant(*shape)], (1, 3, 4, 5))
    x = net.operator(name, [net.constant(3, 4, 1), x], (1, 3, 4, 5))
    require_the_bytes_of_tflm(net.build(x), 12)


def test_shapes_that_do_not_go_together_are_refused() -> None:
    net = Int8(3, 4, 5)
    with pytest.raises(RecipeError, match=r"tensor constant_1 has the shape \(4,\), which does not go with"):
        compile_model(net.build(net.operator("ADD", [net.input, net.constant(4)], (1, 3, 4, 5))), "net")


def test_an_output_on_too_fine_a_grid_is_refused() -> None:
    net = Int8(3)
    with pytest.raises(RecipeError, match="too small for the inputs'"):
        compile_model(net.build(net.on(1e-9, 0).operator("ADD", [net.input, net.input], (1, 3))), "net")
