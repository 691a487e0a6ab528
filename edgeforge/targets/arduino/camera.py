"""The camera that a sketch offers: for which models, and the tables by which C resizes its frames as training does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.data.pixels import middle
from edgeforge.hardware.board import Board
from edgeforge.hardware.libraries import Library
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.fit.flash import runtime_ram

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 160, 120  # of the frames that are asked for: QQVGA
BOARD = ":nano33ble"  # ends the fqbn of the one board that the library Arduino_OV767X drives
FORMATS = {1: ("GRAYSCALE", 1), 3: ("RGB565", 2)}  # channels → the library's format, and bytes a pixel
FRACTION_BITS = 22  # of a weight: Pillow's PRECISION_BITS for 8-bit images (Resample.c)


@dataclass(frozen=True)
class Axis:
    """How one side of a frame is resized: pixel i is the sum of weights[i] times the frame's from first[i] on.

    first: (size,). weights: (size, taps), with FRACTION_BITS bits of fraction.
    """

    first: NDArray[Any]
    weights: NDArray[Any]

    @property
    def taps(self) -> int:
        """How many pixels of the frame make one."""
        return self.weights.shape[1]


@dataclass(frozen=True)
class Camera:
    """An OV7675 as a model's sensor. white: what its 255 becomes among raw values."""

    format: str
    bytes_a_pixel: int
    white: int
    columns: Axis
    rows: Axis
    ram_bytes: int  # beside the arena
    width: int = WIDTH
    height: int = HEIGHT


def camera_for(
    preprocessing: Preprocessing, boards: Iterable[Board], arena_bytes: int, library: Library
) -> Camera | None:
    """Return the camera that can feed a model on one of the boards; None where none can."""
    if not preprocessing.is_image:
        return None
    channels, height, width = preprocessing.shape
    name, size = FORMATS[channels]
    columns, rows = axes((WIDTH, HEIGHT), (width, height))
    # The frame, a row of it in full colour, the rows that are being mixed, and the row that comes out.
    ram = WIDTH * HEIGHT * size + (WIDTH + (rows.taps + 1) * width) * channels
    if not any(_has_room(board, library, arena_bytes + ram) for board in boards if board.fqbn.endswith(BOARD)):
        return None
    return Camera(name, size, preprocessing.largest_byte, columns, rows, ram)


def _has_room(board: Board, library: Library, ram_bytes: int) -> bool:
    variables = runtime_ram(library.structures, library.kernels_on(board))
    return ram_bytes + variables + board.core_ram_bytes <= board.ram_bytes


def axes(frame: tuple[int, int], result: tuple[int, int]) -> tuple[Axis, Axis]:
    """Return how columns and rows of a frame are resized, as `pixels.fitted` does it; both sizes: width, height."""
    left, top, right, bottom = middle(frame, result)
    return _axis(frame[0], left, right, result[0]), _axis(frame[1], top, bottom, result[1])


def _axis(size: int, left: float, right: float, wanted: int) -> Axis:
    """Return the weights of Pillow's bilinear filter (precompute_coeffs and normalize_coeffs_8bpc in Resample.c).

    In 64-bit floats and in its order, of a box that it takes in 32-bit ones. Weights that are 0 are left out, and
    rows are made equally long with zeros.
    """
    import numpy as np

    start, end = np.float32(left), np.float32(right)
    scale = float(end - start) / wanted
    stretch = max(scale, 1.0)
    found: list[tuple[int, list[int]]] = []
    for place in range(wanted):
        center = float(start) + (place + 0.5) * scale
        low, high = max(int(center - stretch + 0.5), 0), min(int(center + stretch + 0.5), size)
        shares = [max(1.0 - abs((x - center + 0.5) * (1.0 / stretch)), 0.0) for x in range(low, high)]
        total = 0.0
        for share in shares:  # not sum(), which rounds otherwise
            total += share
        weights = [int(0.5 + share / total * (1 << FRACTION_BITS)) for share in shares]
        while weights[-1] == 0:
            weights.pop()
        while weights[0] == 0:
            del weights[0]
            low += 1
        found.append((low, weights))
    taps = max(len(weights) for _, weights in found)
    # A window that would reach past the frame begins earlier, with zeros.
    first = [min(low, size - taps) for low, _ in found]
    table = np.zeros((wanted, taps), np.uint32)
    for row, begin, (low, weights) in zip(table, first, found, strict=True):
        row[low - begin : low - begin + len(weights)] = weights
    return Axis(np.asarray(first, np.uint16), table)
