"""Layers one behind the other, computed together, a few rows at a time: no pass but compute_by_rows makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from edgeforge.targets.engine.ir import Operator, Window
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.operators.windows.pool import Pool

type Link = Conv2D | DepthwiseConv2D | Pool
LINKS = (Conv2D, DepthwiseConv2D, Pool)


@dataclass(frozen=True)
class Band:
    """Rows first to end - 1 of a layer's output, computed at one time, and the rows seen - of its input for them."""

    first: int
    end: int
    begin: int
    computed: int


@dataclass(frozen=True, eq=False)
class Chain(Operator):
    """What stands between two layers is never whole: `rows` rows of the last one's output are computed at a time."""

    links: tuple[Link, ...]
    rows: int

    @property
    def parts(self) -> tuple[Operator, ...]:
        """The layers."""
        return self.links

    @property
    def products(self) -> int:
        """Those of all layers."""
        return sum(link.products for link in self.links)

    @cached_property
    def bands(self) -> tuple[tuple[Band, ...], ...]:
        """For each band of the last layer's output the bands of all layers, as chain.c finds them."""
        return tuple(self._bands())

    def _bands(self) -> Iterator[tuple[Band, ...]]:
        before = [Band(0, 0, 0, 0)] * len(self.links)
        height = self.output.shape[1]
        for begin in range(0, height, self.rows):
            first, end = begin, min(begin + self.rows, height)
            for n in reversed(range(len(self.links))):
                known, window, edge = before[n].computed, self.links[n].window, self.links[n].input.shape[1]
                if first == end:
                    before[n] = Band(first, end, before[n].begin, known)
                    first = end = known
                    continue
                top = first * window.stride[0] - window.padding.top
                seen = min(max(top, 0), edge)
                to = min((end - 1) * window.stride[0] - window.padding.top + reach(window), edge)
                missing = max(known, seen)
                before[n] = Band(first, end, seen, max(to, missing))
                first, end = missing, before[n].computed
            yield tuple(before)

    def most_rows(self, number: int) -> int:
        """Return the most rows of a layer's output that are computed at one time."""
        return max(band[number].end - band[number].first for band in self.bands)

    @property
    def kept_rows(self) -> tuple[int, ...]:
        """How many rows are kept at most of what stands between two layers."""
        return tuple(
            max(band[number].computed - band[number].begin for band in self.bands)
            for number in range(1, len(self.links))
        )

    @property
    def kept_bytes(self) -> tuple[int, ...]:
        """How many bytes they take."""
        return tuple(rows * row_bytes(link) for rows, link in zip(self.kept_rows, self.links, strict=False))

    @property
    def lead(self) -> int:
        """How many bytes further than the output the input must begin to be read before it is written over."""
        (images, height, width, depth), (_, rows, columns, channels) = self.input.shape, self.output.shape
        leads, read = [-self.input.bytes], height  # read: the first row that later bands read
        for band in reversed(self.bands):
            for image in range(images):
                written, before = image * rows + band[-1].end, image * height + read
                if before < images * height:
                    leads.append(written * columns * channels - before * width * depth)
            if band[0].first < band[0].end:
                read = band[0].begin
        return max(leads)


def reach(window: Window) -> int:
    """Return how many rows lie between the first that a window sees and behind its last."""
    return (window.size[0] - 1) * window.dilation[0] + 1


def row_bytes(link: Operator) -> int:
    """Return the bytes of a row of a layer's output."""
    return link.output.shape[2] * link.output.shape[3]


def chained(links: tuple[Link, ...], rows: int) -> Chain:
    """Return layers as one operator."""
    label = " → ".join(link.label for link in links)
    return Chain(label, links[0].inputs, links[-1].outputs, links, rows)
