"""ADD and SUB of inputs of which one, that of the larger scale, is only shifted: what cores' kernels share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgeforge.targets.engine.kernel import Field, Kernel, Names
from edgeforge.targets.engine.operators.elementwise.add import Add

HALF = (2**30, 0)  # the factor of the input with the larger scale


class HalvedAdd(Kernel[Add]):
    """Inputs of one shape; int8. The shifted input comes first in the call."""

    operator = Add
    roundings = ("double",)

    def refusal(self, operator: Add) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if any(tensor.size != operator.output.size for tensor in operator.inputs):
            return "its inputs have one shape"
        if HALF not in (operator.a, operator.b) or max(operator.a[1], operator.b[1]) > 0:
            return "one of its inputs is halved, and none shifted left"
        return ""

    def in_place(self, operator: Add) -> tuple[int, ...]:
        return (0, 1)

    def parameters(self, operator: Add, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        shifted, scaled = _order(operator)
        multiplier, shift = (operator.a, operator.b)[scaled]
        signs = (1, operator.sign)
        return {
            "count": operator.output.size,
            "shifted_zero": operator.inputs[shifted].zero_point,
            "scaled_zero": operator.inputs[scaled].zero_point,
            "shifted_sign": signs[shifted],
            "scaled_sign": signs[scaled],
            "scaled_multiplier": multiplier,
            "scaled_shift": shift,
            "output_zero": operator.output.zero_point,
        }

    def call(self, operator: Add, names: Names) -> str:
        shifted, scaled = _order(operator)
        return super().call(operator, replace(names, inputs=(names.inputs[shifted], names.inputs[scaled])))


def _order(operator: Add) -> tuple[int, int]:
    """Return which input is shifted, and which is scaled."""
    return (0, 1) if operator.a == HALF else (1, 0)
