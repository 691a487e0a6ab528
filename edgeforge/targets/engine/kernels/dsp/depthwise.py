"""DEPTHWISE_CONV_2D for the DSP extension: one channel after the other, four outputs of a line at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.dsp.packing import channel_rows, folded_bias, unfit
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DspDepthwise(Kernel[DepthwiseConv2D]):
    """Any window that is not dilated, any stride, padding and multiplier; int8."""

    operator = DepthwiseConv2D
    function = "engine_dsp_depthwise"
    source = "dsp/depthwise"
    pace = (2.0, 20)
    features = frozenset({"dsp"})
    roundings = ("double",)

    def refusal(self, operator: DepthwiseConv2D) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if operator.window.dilation != (1, 1):
            return "its window is not dilated"
        return unfit(operator.channels, _bias(operator), operator.bounds)

    def arrays(self, operator: DepthwiseConv2D) -> dict[str, Array]:
        return {
            "weights": Array("int8_t", _weights(operator).reshape(-1)),
            "channels": channel_rows(operator.channels, _bias(operator)),
        }

    def scratch(self, operator: DepthwiseConv2D) -> int:
        across = _direction(operator, 1 - _along(operator))
        lines = (across["output"] - 1) * across["stride"] + across["taps"]
        pairs = (operator.window.size[_along(operator)] + 1) // 2
        return 2 * _seen(operator) * lines + 4 * pairs * across["taps"]

    def in_place(self, operator: DepthwiseConv2D) -> tuple[int, ...]:
        same = operator.window.stride == (1, 1) and operator.input.shape == operator.output.shape
        return (0,) if same else ()

    def parameters(self, operator: DepthwiseConv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        along = _along(operator)
        return {
            "batches": operator.input.shape[0],
            "channels": operator.input.shape[3],
            "multiplier": operator.multiplier,
            "along": _direction(operator, along),
            "across": _direction(operator, 1 - along),
            "seen": _seen(operator),
            "input_zero": operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "weights": arrays["weights"],
            "requantization": arrays["channels"],
        }


def _along(operator: DepthwiseConv2D) -> int:
    """Return the axis along which two taps are read at once, 0 for the height: the longer side of the window."""
    height, width = operator.window.size
    return 0 if height > width else 1


def _direction(operator: DepthwiseConv2D, axis: int) -> dict[str, int]:
    """Return an engine_dsp_direction."""
    moved = operator.window
    source, target = operator.input.shape, operator.output.shape
    return {
        "input": source[1 + axis],
        "output": target[1 + axis],
        "taps": moved.size[axis],
        "stride": moved.stride[axis],
        "padding": (moved.padding.top, moved.padding.left)[axis],
        "input_apart": source[3] * (source[2] if axis == 0 else 1),
        "output_apart": target[3] * (target[2] if axis == 0 else 1),
    }


def _seen(operator: DepthwiseConv2D) -> int:
    """Return the values of a kept line: those under the windows of whole fours of outputs, and one; even."""
    along = _direction(operator, _along(operator))
    seen = (-(-along["output"] // 4) * 4 - 1) * along["stride"] + along["taps"] + 2
    return seen + seen % 2


def _weights(operator: DepthwiseConv2D) -> NDArray[np.int8]:
    """Return the weights as output channel, across, along."""
    return operator.weights.transpose(2, 1, 0) if _along(operator) == 0 else operator.weights.transpose(2, 0, 1)


def _bias(operator: DepthwiseConv2D) -> NDArray[np.int64]:
    weights = operator.weights.reshape(-1, operator.weights.shape[2]).T
    return folded_bias(operator.channels, weights, operator.input.zero_point)
