"""ADD and SUB for Helium: one input is only shifted; four values at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgeforge.targets.engine.kernel import Field, Kernel, Names
from edgeforge.targets.engine.operators.elementwise.add import Add

HALF = (2**30, 0)  # the factor of the input with the larger scale


class HeliumAdd(Kernel[Add]):
    """Inputs of one shape; int8."""

    operator = Add
    function = "engine_helium_add"
    source = "helium/add"
    features = frozenset({"helium"})
    roundings = ("double",)

    def refusal(self, operator: Add) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if any(tensor.size != operator.output.size for tensor in operator.inputs):
            return "its inputs have one shape"
        if HALF not in (operator.a, operator.b) or max(operator.a[1], operator.b[1]) > 0:
            return "one of its inputs is halved, and none shifted left"
        return "" if operator.sum[1] < 0 else "it shifts sums to the right alone"

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
            "multiplier": operator.sum[0],
            "shift": operator.sum[1],
            "low": operator.bounds.low,
            "high": operator.bounds.high,
        }

    def call(self, operator: Add, names: Names) -> str:
        shifted, scaled = _order(operator)
        return super().call(operator, replace(names, inputs=(names.inputs[shifted], names.inputs[scaled])))


def _order(operator: Add) -> tuple[int, int]:
    """Return which input is shifted, and which is scaled."""
    return (0, 1) if operator.a == HALF else (1, 0)
