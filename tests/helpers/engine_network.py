"""A network of int8 whose tensors have grids that a test chooses, for the tests of single operators."""

from __future__ import annotations

import numpy as np
from tflite_network import Network


class Int8(Network):
    """grid: scale and zero point of the tensors that are added next; the input's at first."""

    def __init__(self, *shape: int, scale: float = 0.05, zero: int = -7, seed: int = 0) -> None:
        self.grid, self.random = (scale, zero), np.random.default_rng(seed)
        super().__init__(*shape, kind="INT8")

    def activation(self, name: str, shape: tuple[int, ...]) -> int:
        return self.tensor(name, tuple(shape), "INT8", [self.grid[0]], self.grid[1])

    def on(self, scale: float, zero: int) -> Int8:
        self.grid = (scale, zero)
        return self

    def any(self, *shape: int) -> np.ndarray:
        return self.random.integers(-127, 128, shape)

    def constant(self, *shape: int, scale: float = 0.03, zero: int = 11) -> int:
        values = self.random.integers(-128, 128, shape).astype(np.int8)
        return self.tensor("constant", shape, "INT8", [scale], zero, values)


def four_bits(net: Network, place: int) -> None:
    """Make a constant int4: two values a byte, the lower half first."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = net.graph.tensors[place]
    values = np.append(net.model.buffers[tensor.buffer].data.view(np.int8), np.int8(0))
    pairs = values[: len(values) // 2 * 2].reshape(-1, 2)
    packed = (pairs[:, 0] & 15) | (pairs[:, 1] << 4)
    net.model.buffers[tensor.buffer].data = packed.astype(np.int8).view(np.uint8)
    tensor.type = schema.TensorType.INT4
