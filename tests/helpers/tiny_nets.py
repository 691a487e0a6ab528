"""Small float .tflite models with random weights: their layers, and what is built of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tflite_network import Network

Step = Callable[[Network, int], int]  # adds an operator after a tensor, such as Network.pool


@dataclass
class Layer:
    """A step with weights; kind: the method of Network that adds it."""

    kind: str
    weights: np.ndarray
    bias: np.ndarray
    settings: dict[str, Any] = field(default_factory=dict)

    def __call__(self, net: Network, x: int) -> int:
        return int(getattr(net, self.kind)(x, self.weights, self.bias, **self.settings))


def conv(random: np.random.Generator, inputs: int, outputs: int, size: int = 1, **settings: Any) -> Layer:
    weights = random.normal(0, 1 / np.sqrt(inputs * size * size), (outputs, size, size, inputs))
    return Layer("conv", weights, random.normal(0, 0.1, outputs), settings)


def depthwise(random: np.random.Generator, channels: int, multiplier: int = 1, size: int = 3, **settings: Any) -> Layer:
    weights = random.normal(0, 1 / size, (1, size, size, channels * multiplier))
    return Layer("depthwise", weights, random.normal(0, 0.1, channels * multiplier), settings)


def dense(random: np.random.Generator, inputs: int, outputs: int, **settings: Any) -> Layer:
    weights = random.normal(0, 1 / np.sqrt(inputs), (outputs, inputs))
    return Layer("dense", weights, random.normal(0, 0.1, outputs), settings)


def after(net: Network, x: int, *steps: Step) -> int:
    """Add steps one after the other."""
    for step in steps:
        x = step(net, x)
    return x


def build(shape: tuple[int, int, int], steps: Sequence[Step]) -> bytes:
    """Return a float32 model with input (1,*shape), H,W,C, and the steps one after the other."""
    net = Network(*shape)
    return net.build(after(net, net.input, *steps))


def mobile_net(random: np.random.Generator, channels: int = 16, activation: str = "RELU") -> bytes:
    """Return 8x8x3 → convolution, expansion, depthwise, projection with a sum around, pooling, dense → 5."""
    inside = {"activation": activation}
    net = Network(8, 8, 3)
    first = conv(random, 3, channels, 3, **inside)(net, net.input)
    last = after(
        net,
        first,
        conv(random, channels, 2 * channels, **inside),
        depthwise(random, 2 * channels, **inside),
        conv(random, 2 * channels, channels),
    )
    output = after(
        net,
        net.add(last, first),
        conv(random, channels, channels, **inside),
        depthwise(random, channels, stride=2, **inside),
        conv(random, channels, 2 * channels, **inside),
        Network.mean,
        dense(random, 2 * channels, 5),
    )
    return net.build(output)


def images(random: np.random.Generator, count: int, channels: int = 3, size: int = 8) -> np.ndarray:
    """Return inputs (count,channels,size,size)."""
    return random.normal(0, 1, (count, channels, size, size)).astype(np.float32)
