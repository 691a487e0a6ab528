"""A convolution and the depthwise one that alone reads it, computed together: no pass but compute_by_rows makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D


@dataclass(frozen=True)
class Band:
    """Rows of an output that are computed at one time, and the rows under their windows: first to last - 1."""

    first: int
    last: int
    seen_first: int
    seen_last: int


@dataclass(frozen=True, eq=False)
class ConvThenDepthwise(Operator):
    """What stands between the two is never whole: `rows` rows of the second's output are computed at a time."""

    first: Conv2D
    second: DepthwiseConv2D
    rows: int

    @property
    def parts(self) -> tuple[Operator, ...]:
        """The two operators."""
        return (self.first, self.second)

    @property
    def products(self) -> int:
        """Those of both."""
        return self.first.products + self.second.products

    def bands(self) -> Iterator[Band]:
        """Yield the bands, from the top."""
        moved, height = self.second.window, self.second.input.shape[1]
        for first in range(0, self.output.shape[1], self.rows):
            last = min(first + self.rows, self.output.shape[1])
            top = first * moved.stride[0] - moved.padding.top
            end = (last - 1) * moved.stride[0] + (moved.size[0] - 1) * moved.dilation[0] + 1 - moved.padding.top
            seen_first = min(max(top, 0), height)
            yield Band(first, last, seen_first, max(min(end, height), seen_first))

    @property
    def kept_rows(self) -> int:
        """How many rows of what stands between are kept."""
        return max(band.seen_last - band.seen_first for band in self.bands())

    @property
    def kept_bytes(self) -> int:
        """How many bytes they take."""
        return self.kept_rows * self.first.output.shape[2] * self.first.output.shape[3]


def together(first: Conv2D, second: DepthwiseConv2D, rows: int) -> ConvThenDepthwise:
    """Return both as one operator."""
    label = f"{first.label} → {second.label}"
    return ConvThenDepthwise(label, first.inputs, second.outputs, first, second, rows)
