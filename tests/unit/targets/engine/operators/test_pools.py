"""MAX_POOL_2D and AVERAGE_POOL_2D."""

import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_it_has_the_bytes_of_tflm(name: str) -> None:
    net = Int8(9, 7, 3)
    settings = {"filterHeight": 3, "filterWidth": 2}
    x = net.operator(name, [net.input], (1, 5, 7, 3), "RELU", strideH=2, strideW=1, padding=0, **settings)
    x = net.operator(name, [x], (1, 3, 3, 3), strideH=1, strideW=2, padding=1, **settings)
    require_the_bytes_of_tflm(net.build(x), 12)


def test_an_output_of_another_size_is_refused() -> None:
    net = Int8(9, 7, 3)
    x = net.operator("MAX_POOL_2D", [net.input], (1, 4, 4, 3), strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    with pytest.raises(RecipeError, match=r"has the shape \(1, 4, 4, 3\); input and window give \(1, 5, 4, 3\)"):
        compile_model(net.build(x), "net")
