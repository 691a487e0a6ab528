"""DEPTHWISE_CONV_2D in plain C: which taps lie in the image is found once a pixel."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.scalar.channels import scalar_channels
from edgeforge.targets.engine.memory.leads import of_pixels
from edgeforge.targets.engine.operators.weighted.channels import requantized
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.operators.weighted.sizes import images, window


class ScalarDepthwise(Kernel[DepthwiseConv2D]):
    """Any window, any multiplier; int8."""

    operator = DepthwiseConv2D
    function = "engine_scalar_depthwise"
    source = "scalar/depthwise"
    needs = ("scalar/windows", "scalar/requantize")
    band_top = "window.top"
    pace = (9, 40)
    roundings = ("double",)
    optimizes = ("speed", "ram")

    def refusal(self, operator: DepthwiseConv2D) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def arrays(self, operator: DepthwiseConv2D) -> dict[str, Array]:
        weights = operator.weights.transpose(2, 0, 1).reshape(-1)
        return {
            "weights": Array("int8_t", weights),
            "channels": scalar_channels(operator.channels, operator.channels.bias),
        }

    def lead(self, operator: DepthwiseConv2D) -> int | None:
        return of_pixels(operator, operator.window, read="alone" if operator.multiplier == 1 else "again")

    def parameters(self, operator: DepthwiseConv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "multiplier": operator.multiplier,
            "window": window(operator.window),
            **requantized(operator, arrays),
        }
