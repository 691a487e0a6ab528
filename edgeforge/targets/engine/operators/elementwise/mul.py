"""MUL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.fixed_point import quantize_multiplier
from edgeforge.targets.engine.ir import Bounds, Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.elementwise.broadcast import broadcast, full_inputs, require_broadcast
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class Mul(Operator):
    """Two inputs of one kind, of shapes that go together."""

    multiplier: int
    shift: int
    bounds: Bounds


def lower(found: Found) -> Mul:
    """Return the operator as TFLM's mul_common.cc prepares it."""
    first, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    second = found.input(1, first.kind)
    require_broadcast(found, first, second, target)
    factor = first.scale * second.scale / target.scale
    pair = quantize_multiplier(factor, found.compiling.rounding)
    return Mul(found.label, (first, second), (target,), *pair, found.bounds(target))


class PortableMul(Kernel[Mul]):
    """Any shapes; int8."""

    operator = Mul
    function = "engine_mul"
    source = "mul"

    def refusal(self, operator: Mul) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def in_place(self, operator: Mul) -> tuple[int, ...]:
        return full_inputs(operator)

    def parameters(self, operator: Mul, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "shape": broadcast(operator),
            "a_zero": operator.inputs[0].zero_point,
            "b_zero": operator.inputs[1].zero_point,
            "output_zero": operator.output.zero_point,
            "multiplier": operator.multiplier,
            "shift": operator.shift,
            "low": operator.bounds.low,
            "high": operator.bounds.high,
        }


LOWERINGS = {"MUL": lower}
KERNELS = (PortableMul(),)
