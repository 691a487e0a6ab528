"""ADD and SUB for Helium: one input is only shifted; four values at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Field
from edgeforge.targets.engine.kernels.halved_add import HalvedAdd
from edgeforge.targets.engine.operators.elementwise.add import Add


class HeliumAdd(HalvedAdd):
    """Inputs of one shape; int8."""

    function = "engine_helium_add"
    source = "helium/add"
    pace = (0, 5)
    features = frozenset({"helium"})

    def refusal(self, operator: Add) -> str:
        return super().refusal(operator) or ("" if operator.sum[1] < 0 else "it shifts sums to the right alone")

    def parameters(self, operator: Add, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **super().parameters(operator, arrays),
            "multiplier": operator.sum[0],
            "shift": operator.sum[1],
            "low": operator.bounds.low,
            "high": operator.bounds.high,
        }
