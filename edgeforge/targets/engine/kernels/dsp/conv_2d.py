"""CONV_2D for the DSP extension: four columns and two channels at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.dsp.packing import folded_bias, pack_pairs, pair_rows, steps, unfit
from edgeforge.targets.engine.memory.leads import of_rows
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.sizes import images, window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTER = 4  # bytes


class DspConv2D(Kernel[Conv2D]):
    """Any window, any channels, one group; int8."""

    operator = Conv2D
    function = "engine_dsp_conv_2d"
    source = "dsp/conv_2d"
    band_top = "window.top"
    pace = (0.85, 8)
    needs = ("dsp/columns",)
    features = frozenset({"dsp"})
    roundings = ("double",)

    def refusal(self, operator: Conv2D) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if operator.input.shape[3] != operator.weights.shape[3]:
            return "it has no groups"
        return unfit(operator.channels, _bias(operator), operator.bounds)

    def arrays(self, operator: Conv2D) -> dict[str, Array]:
        weights = pack_pairs(operator.weights.reshape(len(operator.weights), -1))
        # Of words, which are loaded whole.
        return {
            "weights": Array("int8_t", weights, alignment=4),
            "pairs": pair_rows(operator.channels, _bias(operator)),
        }

    def scratch(self, operator: Conv2D) -> int:
        depth, ring, row = _depth(operator), _ring(operator), _row(operator)
        values = 4 * depth + 4 if operator.input.shape[3] % 4 else 0
        return 8 * depth + POINTER * operator.window.size[0] + ring * row + values

    def in_place(self, operator: Conv2D) -> tuple[int, ...]:
        source, target = operator.input.shape, operator.output.shape
        one_value = operator.window.size == (1, 1) and source[3] % 4 == 0 and source[3] >= target[3]
        if source[:3] != target[:3] or not (one_value or (_ring(operator) and source[3] >= target[3])):
            return ()
        # Rows that are not kept yet lie below the outputs: the last one of a window is never above its output.
        reach = (operator.window.size[0] - 1) * operator.window.dilation[0] - operator.window.padding.top
        return (0,) if operator.window.stride == (1, 1) and reach >= 0 else ()

    def lead(self, operator: Conv2D) -> int | None:
        pixels = operator.input.shape[1] * operator.input.shape[2]
        ends = (*range(4, pixels + 1, 4), *range(pixels // 4 * 4 + 1, pixels + 1))  # four pixels, then one by one
        return of_rows(operator, operator.window, _ring(operator), ends if _one_row(operator) else ())

    def parameters(self, operator: Conv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "window": window(operator.window),
            "depth": _depth(operator),
            "steps": steps(operator.weights[0].size),
            "ring": _ring(operator),
            "row": _row(operator),
            "input_zero": operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "weights": arrays["weights"],
            "pairs": arrays["pairs"],
        }


def _bias(operator: Conv2D) -> NDArray[np.int64]:
    return folded_bias(operator.channels, operator.weights, operator.input.zero_point)


def _one_row(operator: Conv2D) -> bool:
    """Return whether every value lies under its output, so that all rows are computed as one."""
    moved = operator.window
    return moved.size == moved.stride == (1, 1) and _ring(operator) == 0


def _depth(operator: Conv2D) -> int:
    """Return the values of a column, to a multiple of four."""
    return -(-operator.weights[0].size // 4) * 4


def _ring(operator: Conv2D) -> int:
    """Return how many rows are kept: those under a window, unless it can read the image itself."""
    if not operator.window.padding and operator.input.shape[3] % 4 == 0:
        return 0
    return (operator.window.size[0] - 1) * operator.window.dilation[0] + 1


def _row(operator: Conv2D) -> int:
    """Return the bytes of a kept row: what windows read of it, to whole words, and a word."""
    moved = operator.window
    columns = (operator.output.shape[2] - 1) * moved.stride[1] + (moved.size[1] - 1) * moved.dilation[1] + 1
    return -(-columns * operator.input.shape[3] // 4) * 4 + 4
