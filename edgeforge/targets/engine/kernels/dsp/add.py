"""ADD and SUB for the DSP extension: one input is only shifted, a table has the other's 256 values."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Field
from edgeforge.targets.engine.kernels.dsp.packing import INT8
from edgeforge.targets.engine.kernels.halved_add import HalvedAdd
from edgeforge.targets.engine.operators.elementwise.add import Add

LEAST = 64  # values: fewer are not worth the table
TABLE = 4 * 256


class DspAdd(HalvedAdd):
    """Inputs of one shape; int8."""

    function = "engine_dsp_add"
    source = "dsp/add"
    pace = (0, 13)
    features = frozenset({"dsp"})

    def refusal(self, operator: Add) -> str:
        if reason := super().refusal(operator):
            return reason
        if operator.output.size < LEAST:
            return f"its inputs have {LEAST} values or more"
        if operator.bounds != INT8:
            return f"it clamps to int8 alone, not to {operator.bounds.low} … {operator.bounds.high}"
        return "" if operator.sum[0] and -31 <= operator.sum[1] <= -1 else "it shifts sums to the right alone"

    def scratch(self, operator: Add) -> int:
        return TABLE

    def parameters(self, operator: Add, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **super().parameters(operator, arrays),
            "multiplier": f"{2 * operator.sum[0]}u",
            "right": -operator.sum[1],
        }
