"""FULLY_CONNECTED for Helium: four outputs at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.helium.channels import channel_groups, folded_bias, rightwards
from edgeforge.targets.engine.operators.weighted.fully_connected import FullyConnected


class HeliumFullyConnected(Kernel[FullyConnected]):
    """Any sizes; int8."""

    operator = FullyConnected
    function = "engine_helium_fully_connected"
    source = "helium/fully_connected"
    pace = (0.25, 8)
    features = frozenset({"helium"})
    roundings = ("double",)

    def refusal(self, operator: FullyConnected) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def arrays(self, operator: FullyConnected) -> dict[str, Array]:
        import numpy as np

        bias = folded_bias(operator.channels, operator.weights, operator.input.zero_point)
        how = channel_groups(operator.channels, bias)
        if _alike(operator):
            how = Array("int32_t", np.pad(bias, (0, -len(bias) % 4)), alignment=4)
        return {"weights": Array("int8_t", operator.weights.reshape(-1)), "requantization": how}

    def parameters(self, operator: FullyConnected, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        alike = _alike(operator)
        return {
            "rows": operator.rows,
            "inputs": operator.weights.shape[1],
            "outputs": operator.weights.shape[0],
            "output_zero": operator.output.zero_point,
            "low": operator.bounds.low,
            "high": operator.bounds.high,
            "multiplier": int(operator.channels.multiplier[0]) if alike else 0,
            "shift": int(operator.channels.shift[0]) if alike else 0,
            "rightwards": rightwards(operator.channels),
            "weights": arrays["weights"],
            "requantization": arrays["requantization"],
        }


def _alike(operator: FullyConnected) -> bool:
    """Return whether all outputs are requantized alike: a third of the constants."""
    return operator.channels.alike and bool(operator.channels.multiplier[0])
