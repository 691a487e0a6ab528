"""MUL, with shapes that are repeated."""

from engine_network import Int8
from engine_program import require_the_bytes_of_tflm


def test_it_has_the_bytes_of_tflm() -> None:
    net = Int8(3, 4, 5)
    x = net.on(0.2, 13).operator("MUL", [net.input, net.input], (1, 3, 4, 5), "RELU6")
    for shape in ((5,), (4, 1), (3, 1, 5), (1,)):
        x = net.on(net.grid[0] * 1.1, -20).operator("MUL", [x, net.constant(*shape, scale=0.01)], (1, 3, 4, 5))
    require_the_bytes_of_tflm(net.build(x), 12)
