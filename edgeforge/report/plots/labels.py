"""Names beside the points of a plot, such that no two lie on each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Boxes = NDArray[np.float64]  # (N,4): left, bottom, right, top in pixels

FONT_SIZE = 7.5
NEAREST = 8.0  # pixels from a point's middle to a label beside it
AIR = 4.0  # pixels between two names: a browser's letters are not to the pixel as wide as measured here
MARK = 6.0  # pixels from a mark's middle to its edge, with some air
RINGS, DIRECTIONS = 16, 24  # places tried around each point


@dataclass(frozen=True)
class Point:
    """A named point with its vertical error bar, in data coordinates."""

    name: str
    x: float
    y: float
    low: float
    high: float
    colour: str


def place_labels(axes: Axes, points: list[Point]) -> Boxes:
    """Write each name near its point, with a line to it where it had to move away; return boxes (N,4) in pixels.

    Greedy, from left to right: every name takes the cheapest of the places tried around its point. Lying on a
    name already written, on a mark or outside the axes costs most; then nearness to others' marks, which
    would make it ambiguous; then crossing error bars and distance.
    """
    import numpy as np

    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # lays the axes out, so that pixels are known
    figure.set_layout_engine("none")  # and keeps it as it is
    to_pixels = axes.transData.transform
    middles = to_pixels([(point.x, point.y) for point in points])
    bars = np.hstack([to_pixels([(p.x, p.low) for p in points]), to_pixels([(p.x, p.high) for p in points])])
    inside = axes.get_window_extent().extents
    placed: Boxes = np.empty((0, 4))
    for index in np.lexsort((-middles[:, 1], middles[:, 0])):
        middle, others = middles[index], np.delete(middles, index, axis=0)
        boxes = _candidates(middle, _size(axes, points[index].name))
        outside = np.any([boxes[:, :2] < inside[:2], boxes[:, 2:] > inside[2:]], axis=(0, 2))
        cost = np.linalg.norm(_nearest(boxes, middle) - middle, axis=1) + 5000.0 * outside
        cost += 1000.0 * _overlaps(boxes, placed, air=AIR) + 300.0 * _overlaps(boxes, _squares(middles, MARK))
        cost += 10.0 * _overlaps(boxes, _squares(others, 2 * MARK)) + 5.0 * _overlaps(boxes, bars, air=1.0)
        placed = np.vstack([placed, boxes[cost.argmin()]])
        _write(axes, points[index], middle, placed[-1])
    return placed


def _size(axes: Axes, name: str) -> tuple[float, float]:
    """Return the width and height in pixels that a name takes."""
    text = axes.text(0.5, 0.5, name, transform=axes.transAxes, fontsize=FONT_SIZE)
    extent = text.get_window_extent()
    text.remove()
    return extent.width, extent.height


def _candidates(middle: NDArray[np.float64], size: tuple[float, float]) -> Boxes:
    """Return boxes in rings around a point, the nearest first, those to its right before all others."""
    import numpy as np

    reach, angle = np.meshgrid(
        NEAREST + 8.0 * np.arange(RINGS), 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS, indexing="ij"
    )
    half = np.array(size) / 2
    away = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    centres = (middle + away * (reach[..., None] + half)).reshape(-1, 2)
    return np.hstack([centres - half, centres + half])


def _squares(middles: NDArray[np.float64], half: float) -> Boxes:
    import numpy as np

    return np.hstack([middles - half, middles + half])


def _overlaps(boxes: Boxes, others: Boxes, air: float = 0.0) -> NDArray[np.float64]:
    """Return for each box how many of the others it overlaps, with `air` pixels between them."""
    apart = (boxes[:, None, :2] >= others[None, :, 2:] + air) | (boxes[:, None, 2:] + air <= others[None, :, :2])
    return (~apart.any(axis=2)).sum(axis=1).astype(float)


def _nearest(boxes: Boxes, middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the point of each box that is nearest to `middle`."""
    import numpy as np

    return np.clip(middle, boxes[..., :2], boxes[..., 2:])


def _write(axes: Axes, point: Point, middle: NDArray[np.float64], box: NDArray[np.float64]) -> None:
    """Write a name into its box, and a thin line to its point where that is not next to it."""
    to_data = axes.transData.inverted().transform
    edge = _nearest(box, middle)
    if ((edge - middle) ** 2).sum() ** 0.5 > 1.6 * NEAREST:
        x, y = to_data(edge)
        axes.plot([x, point.x], [y, point.y], color=point.colour, linewidth=0.6, alpha=0.7, scalex=False, scaley=False)
    x, y = to_data((box[0], (box[1] + box[3]) / 2))
    axes.text(x, y, point.name, fontsize=FONT_SIZE, color=point.colour, va="center_baseline", ha="left")
