"""DEPTHWISE_CONV_2D of 3×3 for the DSP extension: strips of one channel, four outputs at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.dsp.packing import channel_rows, folded_bias, unfit
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.operators.weighted.sizes import images

STRIP_ROW = 20  # bytes: ten columns of int16


class DspDepthwise3x3(Kernel[DepthwiseConv2D]):
    """Windows of 3×3, stride 1 or 2, one output a channel, any padding; int8."""

    operator = DepthwiseConv2D
    function = "engine_dsp_depthwise_3x3"
    source = "dsp/depthwise_3x3"
    band_top = "top"
    pace = (0.8, 18)
    features = frozenset({"dsp"})
    roundings = ("double",)

    def refusal(self, operator: DepthwiseConv2D) -> str:
        moved = operator.window
        if operator.input.kind != "int8":
            return "it computes int8"
        if moved.size != (3, 3) or moved.stride not in ((1, 1), (2, 2)) or moved.dilation != (1, 1):
            return "its window is 3×3, its stride 1 or 2, and not dilated"
        if operator.multiplier != 1:
            return "it has one output for each input channel"
        weights = operator.weights.reshape(9, -1).T
        bias = folded_bias(operator.channels, weights, operator.input.zero_point)
        return unfit(operator.channels, bias, operator.bounds)

    def arrays(self, operator: DepthwiseConv2D) -> dict[str, Array]:
        weights = operator.weights.reshape(9, -1).T
        bias = folded_bias(operator.channels, weights, operator.input.zero_point)
        return {"weights": Array("int8_t", weights.reshape(-1)), "channels": channel_rows(operator.channels, bias)}

    def scratch(self, operator: DepthwiseConv2D) -> int:
        return strip_bytes(operator.output.shape[1], operator.window.stride[0])

    def band_scratch(self, operator: DepthwiseConv2D, rows: int) -> int:
        return strip_bytes(rows, operator.window.stride[0])

    def in_place(self, operator: DepthwiseConv2D) -> tuple[int, ...]:
        same = operator.window.stride == (1, 1) and operator.input.shape == operator.output.shape
        return (0,) if same else ()

    def parameters(self, operator: DepthwiseConv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "stride": operator.window.stride[0],
            "top": operator.window.padding.top,
            "left": operator.window.padding.left,
            "input_zero": operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "weights": arrays["weights"],
            "channels": arrays["channels"],
        }


def strip_bytes(rows: int, stride: int) -> int:
    """Return the bytes of a strip under so many rows of outputs, or one more."""
    return STRIP_ROW * ((rows + rows % 2 - 1) * stride + 3)
