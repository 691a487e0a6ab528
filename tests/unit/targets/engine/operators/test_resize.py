"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model

NAMES = ["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("corners", "centers"), [(False, False), (True, False), (False, True)])
def test_it_has_the_bytes_of_tflm(name: str, corners: bool, centers: bool) -> None:
    net = Int8(5, 4, 3)
    x = net.input
    for edges in ((9, 7), (3, 11), (6, 1)):
        x = net.operator(name, [x, net.whole("size", list(edges))], (1, *edges, 3), alignCorners=corners,
                         halfPixelCenters=centers)  # fmt: skip
    require_the_bytes_of_tflm(net.build(x))


def test_settings_that_exclude_each_other_are_refused() -> None:
    net = Int8(5, 4, 3)
    x = net.operator("RESIZE_BILINEAR", [net.input, net.whole("size", [9, 9])], (1, 9, 9, 3), alignCorners=True,
                     halfPixelCenters=True)  # fmt: skip
    with pytest.raises(RecipeError, match="which exclude each other"):
        compile_model(net.build(x), "net")
