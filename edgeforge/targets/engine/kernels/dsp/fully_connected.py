"""FULLY_CONNECTED for the DSP extension: four outputs at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.dsp.packing import (
    doubled,
    folded_bias,
    in_fours,
    pack_fours,
    right_shifts,
    starts,
    unfit,
)
from edgeforge.targets.engine.operators.weighted.fully_connected import FullyConnected

PART = 108  # 640 inputs in six parts: 6 % more instructions than all at once, a sixth of the memory


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DspFullyConnected(Kernel[FullyConnected]):
    """Any sizes; int8."""

    operator = FullyConnected
    function = "engine_dsp_fully_connected"
    source = "dsp/fully_connected"
    pace = (1.15, 10)
    features = frozenset({"dsp"})
    roundings = ("double",)

    def refusal(self, operator: FullyConnected) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        return unfit(operator.channels, _bias(operator), operator.bounds)

    def arrays(self, operator: FullyConnected) -> dict[str, Array]:
        # Of words, which are loaded four at once.
        weights = Array("int8_t", pack_fours(operator.weights), alignment=4)
        if operator.channels.alike:  # four bytes an output less, and a faster loop
            return {"weights": weights, "starts": Array("int32_t", in_fours(_bias(operator)))}
        return {
            "weights": weights,
            "starts": Array("int32_t", in_fours(starts(operator.channels, _bias(operator)))),
            "multipliers": Array("uint32_t", in_fours(doubled(operator.channels))),
        }

    def scratch(self, operator: FullyConnected) -> int:
        return -(-operator.weights.shape[1] // 4) * 8

    def parameters(self, operator: FullyConnected, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        outputs, inputs = operator.weights.shape
        alike = operator.channels.alike
        return {
            "rows": operator.rows,
            "inputs": inputs,
            "outputs": outputs,
            "output_zero": operator.output.zero_point,
            "multiplier": f"{doubled(operator.channels)[0]}u" if alike else 0,
            "shift": int(right_shifts(operator.channels)[0]) if alike else 0,
            "weights": arrays["weights"],
            "starts": arrays["starts"],
            "multipliers": arrays.get("multipliers", "NULL"),
        }


class DspFullyConnectedParts(DspFullyConnected):
    """Many inputs for few outputs: sums in memory take less than all inputs widened."""

    function = "engine_dsp_fully_connected_parts"
    source = "dsp/fully_connected_parts"

    def refusal(self, operator: FullyConnected) -> str:
        outputs, inputs = operator.weights.shape
        if 2 * PART + 4 * outputs >= 2 * inputs:
            return "its sums take no less memory than its inputs"
        return super().refusal(operator)

    def scratch(self, operator: FullyConnected) -> int:
        return 2 * PART + -(-operator.weights.shape[0] // 4) * 16

    def parameters(self, operator: FullyConnected, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {"dense": super().parameters(operator, arrays), "part": PART}


def _bias(operator: FullyConnected) -> NDArray[np.int64]:
    return folded_bias(operator.channels, operator.weights, operator.input.zero_point)
