"""PRELU, with alphas of channels and of pixels."""

from engine_network import Int8
from engine_program import require_the_bytes_of_tflm


def test_it_has_the_bytes_of_tflm() -> None:
    net = Int8(3, 4, 5)
    x = net.on(0.04, 13).operator("PRELU", [net.input, net.constant(1, 1, 5)], (1, 3, 4, 5))
    x = net.on(0.07, -60).operator("PRELU", [x, net.constant(3, 4, 5)], (1, 3, 4, 5))
    require_the_bytes_of_tflm(net.build(x), 12)
