"""CONV_2D for Helium: four columns at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.helium.channels import channel_rows, folded_bias
from edgeforge.targets.engine.memory.leads import of_rows
from edgeforge.targets.engine.operators.weighted.channels import requantized
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.sizes import images, window

COLUMNS = 4
POINTER = 4  # bytes


class HeliumConv2D(Kernel[Conv2D]):
    """Any window, any channels, one group; int8."""

    operator = Conv2D
    function = "engine_helium_conv_2d"
    source = "helium/conv_2d"
    band_top = "window.top"
    pace = (0.17, 11)
    features = frozenset({"helium"})
    roundings = ("double",)

    def refusal(self, operator: Conv2D) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        return "" if operator.input.shape[3] == operator.weights.shape[3] else "it has no groups"

    def arrays(self, operator: Conv2D) -> dict[str, Array]:
        bias = folded_bias(operator.channels, operator.weights, operator.input.zero_point)
        return {
            "weights": Array("int8_t", operator.weights.reshape(-1)),
            "channels": channel_rows(operator.channels, bias),
        }

    def scratch(self, operator: Conv2D) -> int:
        columns = COLUMNS * operator.weights[0].size
        return POINTER * operator.window.size[0] + _ring(operator) * _row(operator) + columns

    def in_place(self, operator: Conv2D) -> tuple[int, ...]:
        source, target, moved = operator.input.shape, operator.output.shape, operator.window
        if source[:3] != target[:3] or source[3] < target[3] or moved.stride != (1, 1):
            return ()
        # Rows that are not kept yet lie below the outputs: the last one of a window is never above its output.
        reach = (moved.size[0] - 1) * moved.dilation[0] - moved.padding.top
        return (0,) if moved.size == (1, 1) or (_ring(operator) and reach >= 0) else ()

    def lead(self, operator: Conv2D) -> int | None:
        moved, pixels = operator.window, operator.input.shape[1] * operator.input.shape[2]
        ends = (*range(4, pixels + 1, 4), *((pixels,) if pixels % 4 else ()))
        one_row = moved.size == moved.stride == (1, 1) and not moved.padding
        return of_rows(operator, moved, _ring(operator), ends if one_row else ())

    def parameters(self, operator: Conv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "window": window(operator.window),
            "depth": operator.weights[0].size,
            "ring": _ring(operator),
            "row": _row(operator),
            **requantized(operator, arrays),
        }


def _ring(operator: Conv2D) -> int:
    """Return how many rows are kept: those under a window, unless it can read the image itself."""
    moved = operator.window
    return (moved.size[0] - 1) * moved.dilation[0] + 1 if moved.padding else 0


def _row(operator: Conv2D) -> int:
    """Return the bytes of a kept row: what windows read of it."""
    moved = operator.window
    columns = (operator.output.shape[2] - 1) * moved.stride[1] + (moved.size[1] - 1) * moved.dilation[1] + 1
    return columns * operator.input.shape[3]
