"""Tensors and operators as the compiler sees them.

Each operator is a frozen dataclass of its own in operators/; this file has what all of them share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES = {"int8": 1, "int16": 2, "int32": 4, "float32": 4, "int64": 8, "bool": 1}
C_TYPES = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "float32": "float"}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file. number: its place there; what passes add counts on from the last.

    A real value is scale · (integer − zero_point); scale is 0 where the tensor is not quantized, and that of the
    first channel where each has its own. data: a constant's bytes; of int4, one value a byte.
    """

    number: int
    name: str
    shape: tuple[int, ...]
    kind: str
    scale: float = 0.0
    zero_point: int = 0
    data: bytes | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """How many values it has."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return self.size * BYTES[self.kind]

    @property
    def values(self) -> NDArray[Any]:
        """A constant's values, of its shape."""
        import numpy as np

        assert self.data is not None
        return np.frombuffer(self.data, self.kind).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator. label: as people find it in the model, such as CONV_2D 3 (features.0)."""

    label: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def input(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    @property
    def products(self) -> int:
        """How many products of an input and a weight it sums; 0 without weights. Those with padding count too."""
        weights = getattr(self, "weights", None)
        return 0 if weights is None else self.output.size // self.output.shape[-1] * int(weights.size)

    @property
    def parts(self) -> tuple[Operator, ...]:
        """The operators that it computes together, where there are several."""
        return ()

    @property
    def state(self) -> tuple[Tensor, ...]:
        """Tensors that live from one inference to the next; zero at first."""
        return ()


@dataclass(frozen=True)
class Bounds:
    """The smallest and largest integer that an operator may write."""

    low: int
    high: int


@dataclass(frozen=True)
class Padding:
    """How many rows and columns of the input's zero point are thought around it."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return any((self.top, self.left, self.bottom, self.right))


@dataclass(frozen=True)
class Window:
    """A window that moves over an input N,H,W,C: sizes, strides and dilations as (height, width)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Padding


@dataclass(frozen=True, eq=False)
class Channels:
    """Requantization, one number an output channel (each: channels).

    acc + bias is brought to the output's scale by multiplier · 2^(shift − 31) (fixed_point.py).
    """

    bias: NDArray[np.int64]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int32]

    @property
    def alike(self) -> bool:
        """Whether all channels have one multiplier and one shift."""
        return len({*zip(self.multiplier.tolist(), self.shift.tolist(), strict=True)}) == 1
