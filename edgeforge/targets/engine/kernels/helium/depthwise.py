"""DEPTHWISE_CONV_2D for Helium: eight channels at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.helium.channels import channel_groups, folded_bias, rightwards
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.operators.weighted.sizes import images, window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS = 8
EVEN_AND_ODD = (0, 2, 4, 6, 1, 3, 5, 7)  # the order of two products of eight values of 16 bits
LEAST = 4  # channels: fewer leave most lanes idle
POINTER = 4  # bytes


class HeliumDepthwise(Kernel[DepthwiseConv2D]):
    """Any window, one output a channel; int8."""

    operator = DepthwiseConv2D
    function = "engine_helium_depthwise"
    source = "helium/depthwise"
    band_top = "window.top"
    pace = (0.7, 8)
    features = frozenset({"helium"})
    roundings = ("double",)

    def refusal(self, operator: DepthwiseConv2D) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if operator.multiplier != 1 or operator.input.shape[3] < LEAST:
            return f"it has one output a channel, and {LEAST} channels or more"
        return ""

    def arrays(self, operator: DepthwiseConv2D) -> dict[str, Array]:
        by_channel = operator.weights.reshape(-1, operator.weights.shape[2]).T
        bias = folded_bias(operator.channels, by_channel, operator.input.zero_point)
        return {
            "weights": Array("int8_t", _in_groups(by_channel)),
            "requantization": channel_groups(operator.channels, bias, EVEN_AND_ODD),
        }

    def scratch(self, operator: DepthwiseConv2D) -> int:
        return POINTER * operator.window.size[0] + _ring(operator) * _columns(operator) * CHANNELS

    def in_place(self, operator: DepthwiseConv2D) -> tuple[int, ...]:
        moved, (images, height, width, _), made = operator.window, operator.input.shape, operator.output.shape
        # Channels are computed one group after the other: a row's outputs lie where its values lay.
        one_row = height == made[1] == moved.size[0] == 1 and made[2] <= width
        under = made[2] == width and made[1] <= height
        if moved.stride != (1, 1) or not (one_row or under) or (images > 1 and made != operator.input.shape):
            return ()
        # Rows that are not kept yet lie below the outputs: the last one of a window is never above its output.
        return (0,) if _ring(operator) - 1 >= moved.padding.top else ()

    def parameters(self, operator: DepthwiseConv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "window": window(operator.window),
            "ring": _ring(operator),
            "columns": _columns(operator),
            "input_zero": operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "low": operator.bounds.low,
            "high": operator.bounds.high,
            "rightwards": rightwards(operator.channels),
            "weights": arrays["weights"],
            "requantization": arrays["requantization"],
        }


def _ring(operator: DepthwiseConv2D) -> int:
    """Return how many rows are kept: those under a window."""
    return (operator.window.size[0] - 1) * operator.window.dilation[0] + 1


def _columns(operator: DepthwiseConv2D) -> int:
    """Return how many columns windows read."""
    moved = operator.window
    return (operator.output.shape[2] - 1) * moved.stride[1] + (moved.size[1] - 1) * moved.dilation[1] + 1


def _in_groups(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights (channels,taps) in groups of channels, those of a tap side by side; flat."""
    import numpy as np

    whole = np.pad(weights, ((0, -len(weights) % CHANNELS), (0, 0)))
    return whole.reshape(-1, CHANNELS, weights.shape[1]).transpose(0, 2, 1).reshape(-1)
