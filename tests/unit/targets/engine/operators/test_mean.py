"""MEAN and SUM along any dimensions."""

import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm


@pytest.mark.parametrize("name", ["MEAN", "SUM"])
@pytest.mark.parametrize("axes", [[1, 2], [3], [1, -1], [2], [1, 2, 3]])
def test_it_has_the_bytes_of_tflm(name: str, axes: list[int]) -> None:
    net = Int8(5, 4, 3)
    shape = tuple(1 if axis in [one % 4 for one in axes] else size for axis, size in enumerate((1, 5, 4, 3)))
    grid = (0.04, 9) if name == "MEAN" else (0.4, 9)
    x = net.on(*grid).operator(name, [net.input, net.whole("axes", axes)], shape, keepDims=True)
    require_the_bytes_of_tflm(net.build(x), 12)
