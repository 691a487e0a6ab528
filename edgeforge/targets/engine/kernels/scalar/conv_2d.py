"""CONV_2D in plain C: two columns and two channels at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.scalar.channels import even_rows, folded_bias, scalar_channels
from edgeforge.targets.engine.memory.leads import of_pixels
from edgeforge.targets.engine.operators.weighted.channels import requantized
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.sizes import images, window


class ScalarConv2D(Kernel[Conv2D]):
    """Any window, any channels, one group; int8."""

    operator = Conv2D
    function = "engine_scalar_conv_2d"
    source = "scalar/conv_2d"
    band_top = "window.top"
    pace = (3.5, 35)
    needs = ("scalar/products", "scalar/requantize")
    roundings = ("double",)
    optimizes = ("speed", "ram")

    def refusal(self, operator: Conv2D) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        return "" if operator.input.shape[3] == operator.weights.shape[3] else "it has no groups"

    def arrays(self, operator: Conv2D) -> dict[str, Array]:
        bias = folded_bias(operator.channels, operator.weights, operator.input.zero_point)
        return {
            "weights": Array("int8_t", even_rows(operator.weights)),
            "channels": scalar_channels(operator.channels, bias),
        }

    def scratch(self, operator: Conv2D) -> int:
        return 2 * operator.weights[0].size

    def lead(self, operator: Conv2D) -> int | None:
        return of_pixels(operator, operator.window, read="before")

    def parameters(self, operator: Conv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "window": window(operator.window),
            "depth": operator.weights[0].size,
            **requantized(operator, arrays),
        }
