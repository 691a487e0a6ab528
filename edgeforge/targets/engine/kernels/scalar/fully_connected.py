"""FULLY_CONNECTED in plain C: two outputs at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.scalar.channels import even_rows, folded_bias, scalar_channels
from edgeforge.targets.engine.operators.weighted.fully_connected import FullyConnected


class ScalarFullyConnected(Kernel[FullyConnected]):
    """Any sizes; int8."""

    operator = FullyConnected
    function = "engine_scalar_fully_connected"
    source = "scalar/fully_connected"
    pace = (3.5, 30)
    needs = ("scalar/products", "scalar/requantize")
    roundings = ("double",)
    optimizes = ("speed", "ram")

    def refusal(self, operator: FullyConnected) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def arrays(self, operator: FullyConnected) -> dict[str, Array]:
        bias = folded_bias(operator.channels, operator.weights, operator.input.zero_point)
        return {
            "weights": Array("int8_t", even_rows(operator.weights)),
            "channels": scalar_channels(operator.channels, bias),
        }

    def parameters(self, operator: FullyConnected, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "rows": operator.rows,
            "inputs": operator.weights.shape[1],
            "outputs": operator.weights.shape[0],
            "output_zero": operator.output.zero_point,
            "low": operator.bounds.low,
            "high": operator.bounds.high,
            "weights": arrays["weights"],
            "channels": arrays["channels"],
        }
