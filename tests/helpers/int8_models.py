"""Full-integer .tflite networks with random weights: their shapes decide the arena, their weights do not matter.

They stand for what people put on boards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tflite_network import Network


class Net(Network):
    """A network of integers whose layers are given by their numbers of channels; the weights are random."""

    def __init__(self, *shape: int, kind: str = "INT8") -> None:
        super().__init__(*shape, kind=kind)
        self.random = np.random.default_rng(0)

    def conv(self, x: int, channels: int, size: tuple[int, int] = (3, 3), **settings: Any) -> int:  # type: ignore[override]
        kernel = self._drawn((channels, *size, self.shape(x)[3]), channels)
        return super().conv(x, *kernel, activation="RELU", **settings)

    def depthwise(self, x: int, size: int = 3, multiplier: int = 1, **settings: Any) -> int:  # type: ignore[override]
        channels = self.shape(x)[3] * multiplier
        return super().depthwise(x, *self._drawn((1, size, size, channels), channels), activation="RELU", **settings)

    def dense(self, x: int, outputs: int, **settings: Any) -> int:  # type: ignore[override]
        return super().dense(x, *self._drawn((outputs, self.shape(x)[-1]), outputs), **settings)

    def transposed(self, x: int, channels: int, stride: int = 2) -> int:
        batch, height, width, depth = self.shape(x)
        shape = (batch, stride * height, stride * width, channels)
        wanted = self.whole("output_shape", shape)
        weights, bias = self._weights(*self._drawn((channels, 3, 3, depth), channels), 0)
        return self.operator("TRANSPOSE_CONV", [wanted, weights, x, bias], shape, strideH=stride, strideW=stride)

    def resize(self, x: int, name: str = "RESIZE_NEAREST_NEIGHBOR") -> int:
        batch, height, width, depth = self.shape(x)
        size = self.whole("size", [2 * height, 2 * width])
        return self.operator(name, [x, size], (batch, 2 * height, 2 * width, depth))

    def _drawn(self, shape: tuple[int, ...], channels: int) -> tuple[np.ndarray, np.ndarray]:
        return self.random.integers(-127, 128, shape, np.int8), self.random.integers(-99, 99, channels)


def mnist_cnn() -> bytes:
    """The example network of 1.2 M parameters on 28 × 28."""
    net = Net(28, 28, 1)
    x = net.conv(net.conv(net.input, 32, same=False), 64, same=False)
    x = net.dense(net.dense(net.flat(net.pool(x)), 128), 10)
    return net.build(x)


def mobilenet_v2() -> bytes:
    """MobileNetV2 at width 0.35 on 96 × 96 × 3: depthwise stride 2, residual ADD, MEAN, SOFTMAX."""
    net = Net(96, 96, 3)
    x, width = net.conv(net.input, 16, stride=2), 16
    x = net.conv(net.depthwise(x), 8, (1, 1))
    for channels, repeats, stride in ((8, 2, 2), (16, 3, 2), (24, 4, 2), (32, 3, 1), (56, 3, 2), (112, 1, 1)):
        for repeat in range(repeats):
            width = net.shape(x)[3]
            y = net.conv(x, 6 * width, (1, 1))
            y = net.conv(net.depthwise(y, stride=stride if repeat == 0 else 1), channels, (1, 1))
            x = y if repeat == 0 else net.add(x, y)
    return net.build(net.softmax(net.dense(net.mean(net.conv(x, 1280, (1, 1))), 2)))


def person_detection() -> bytes:
    """MobileNetV1 at width 0.25 on 96 × 96 × 1, as in TFLM's person detection example."""
    net = Net(96, 96, 1)
    x = net.conv(net.input, 8, stride=2)
    blocks = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1), (128, 1), (128, 1),
              (256, 2), (256, 1))  # fmt: skip
    for channels, stride in blocks:
        x = net.conv(net.depthwise(x, stride=stride), channels, (1, 1))
    x = net.conv(net.pool(x, "AVERAGE_POOL_2D", 3, 3), 2, (1, 1))
    return net.build(net.softmax(net.flat(x)))


def keywords() -> bytes:
    """DS-CNN on 49 × 10 spectrogram frames."""
    net = Net(49, 10, 1)
    x = net.conv(net.input, 64, (10, 4), stride=2)
    for _ in range(4):
        x = net.conv(net.depthwise(x), 64, (1, 1))
    x = net.pool(x, "AVERAGE_POOL_2D", 5, 5)
    return net.build(net.softmax(net.dense(net.flat(x), 12)))


def residual() -> bytes:
    """Residual blocks with 5 × 5 kernels, stride 2 and strided 1 × 1 short cuts."""
    net = Net(32, 32, 3)
    x = net.conv(net.input, 16)
    for channels in (16, 32, 64):
        y = net.conv(net.conv(x, channels, (5, 5), stride=2), channels)
        x = net.add(y, net.conv(x, channels, (1, 1), stride=2))
    return net.build(net.dense(net.mean(x), 10))


def wide() -> bytes:
    """Branches: 5 × 5 depthwise, dilated and 1 × 7 convolutions, PAD, CONCATENATION, LOGISTIC, MUL."""
    net = Net(24, 24, 3)
    x = net.conv(net.pad(net.input, 0, 1), 8, stride=2, same=False)
    a = net.depthwise(x, size=5)
    b = net.conv(x, 12, dilation=2)
    c = net.conv(x, 6, (1, 7))
    x = net.concat(a, b, c)
    x = net.mul(x, net.unary("LOGISTIC", net.conv(x, 26, (1, 1))))
    x = net.depthwise(x, stride=2, multiplier=2)
    return net.build(net.dense(net.flat(net.pool(x, "AVERAGE_POOL_2D", 2, 2)), 5))


def decoder() -> bytes:
    """What segments: TRANSPOSE_CONV, resizing, LEAKY_RELU, HARD_SWISH, SUB."""
    net = Net(16, 16, 3)
    x = net.unary("HARD_SWISH", net.conv(net.input, 24, stride=2))
    x = net.unary("LEAKY_RELU", net.transposed(x, 12))
    y = net.resize(net.transposed(net.conv(x, 8, stride=2), 6, stride=2))
    x = net.add(net.resize(x, "RESIZE_BILINEAR"), net.conv(y, 12, (1, 1)), "SUB")
    return net.build(net.unary("RELU", net.conv(x, 1)))


def upscaled() -> bytes:
    """A TRANSPOSE_CONV whose scratch buffers are the arena's peak."""
    net = Net(12, 12, 20)
    return net.build(net.conv(net.transposed(net.input, 16), 1, (1, 1)))


def deep() -> bytes:
    """Forty small layers: structures and planning take more than activations."""
    net = Net(6, 6, 4)
    x = net.input
    for _ in range(20):
        x = net.conv(net.depthwise(x), 4, (1, 1))
    return net.build(net.dense(net.flat(x), 3))


def sequence() -> bytes:
    """Dense layers on three dimensions, per channel and per tensor, which CMSIS-NN runs as 1 × 1 convolutions."""
    net = Net(20, 16)
    x = net.dense(net.dense(net.input, 24, per_channel=True), 16)
    return net.build(net.dense(net.flat(x), 4, per_channel=True))


def int16x8(*, softmax: bool = True) -> bytes:
    """Activations of 16 bits, weights of 8. softmax: of 16 bits too, which our own engine does not take."""
    net = Net(20, 20, 2, kind="INT16")
    x = net.pool(net.conv(net.input, 12))
    x = net.conv(net.depthwise(x), 70, (3, 3))
    x = net.pool(x, "AVERAGE_POOL_2D", 2, 2)
    x = net.dense(net.flat(x), 6)
    return net.build(net.softmax(x) if softmax else x)


MODELS: dict[str, Callable[[], bytes]] = {
    build.__name__: build
    for build in (
        mnist_cnn,
        mobilenet_v2,
        person_detection,
        keywords,
        residual,
        wide,
        decoder,
        upscaled,
        deep,
        sequence,
        int16x8,
    )
}
