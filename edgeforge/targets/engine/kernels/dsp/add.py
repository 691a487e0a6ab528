"""ADD and SUB for the DSP extension: one input is only shifted, a table has the other's 256 values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgeforge.targets.engine.kernel import Field, Kernel, Names
from edgeforge.targets.engine.kernels.dsp.packing import INT8
from edgeforge.targets.engine.operators.elementwise.add import Add

HALF = (2**30, 0)  # the factor of the input with the larger scale
LEAST = 64  # values: fewer are not worth the table
TABLE = 4 * 256


class DspAdd(Kernel[Add]):
    """Inputs of one shape; int8."""

    operator = Add
    function = "engine_dsp_add"
    source = "dsp/add"
    features = frozenset({"dsp"})
    roundings = ("double",)

    def refusal(self, operator: Add) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if any(tensor.size != operator.output.size for tensor in operator.inputs) or operator.output.size < LEAST:
            return f"its inputs have one shape, of {LEAST} values or more"
        if HALF not in (operator.a, operator.b) or max(operator.a[1], operator.b[1]) > 0:
            return "one of its inputs is halved, and none shifted left"
        if operator.bounds != INT8:
            return f"it clamps to int8 alone, not to {operator.bounds.low} … {operator.bounds.high}"
        return "" if operator.sum[0] and -31 <= operator.sum[1] <= -1 else "it shifts sums to the right alone"

    def scratch(self, operator: Add) -> int:
        return TABLE

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
            "multiplier": f"{2 * operator.sum[0]}u",
            "right": -operator.sum[1],
        }

    def call(self, operator: Add, names: Names) -> str:
        shifted, scaled = _order(operator)
        return super().call(operator, replace(names, inputs=(names.inputs[shifted], names.inputs[scaled])))


def _order(operator: Add) -> tuple[int, int]:
    """Return which input is shifted, and which is scaled."""
    return (0, 1) if operator.a == HALF else (1, 0)
