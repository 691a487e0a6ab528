"""ADD and SUB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.fixed_point import quantize_multiplier
from edgeforge.targets.engine.ir import Bounds, Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.elementwise.broadcast import broadcast, full_inputs, require_broadcast
from edgeforge.targets.engine.read import Found

LEFT_SHIFT = {"int8": 20, "int16": 15}


@dataclass(frozen=True, eq=False)
class Add(Operator):
    """Two inputs of one kind, of shapes that go together.

    a, b, sum: (multiplier, shift) that bring both inputs, shifted left, to one scale, and their sum to the output's.
    sign: -1 where the second is subtracted.
    """

    a: tuple[int, int]
    b: tuple[int, int]
    sum: tuple[int, int]
    sign: int
    bounds: Bounds


def add(found: Found) -> Add:
    """Return ADD as TFLM's add_common.cc prepares it: factors in double precision."""
    return _lower(found, 1)


def sub(found: Found) -> Add:
    """Return SUB as TFLM's sub_common.cc prepares it: factors in float32."""
    return _lower(found, -1)


def _lower(found: Found, sign: int) -> Add:
    import numpy as np

    first, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    second = found.input(1, first.kind)
    require_broadcast(found, first, second, target)
    real = np.float64 if sign > 0 else np.float32
    one, other, output = (real(tensor.scale) for tensor in (first, second, target))
    twice = real(2) * max(one, other)
    scaled = real(1 << LEFT_SHIFT[first.kind]) * output
    factors = [float(factor) for factor in (one / twice, other / twice, twice / scaled)]
    if factors[2] >= 1:
        found.refuse(f"has the scale {target.scale:g}, too small for the inputs' {float(twice) / 2:g}", target)
    a, b, summed = (quantize_multiplier(factor, found.compiling.rounding) for factor in factors)
    return Add(found.label, (first, second), (target,), a, b, summed, sign, found.bounds(target))


class PortableAdd(Kernel[Add]):
    """Any shapes; int8."""

    operator = Add
    function = "engine_add"
    source = "add"

    def refusal(self, operator: Add) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def in_place(self, operator: Add) -> tuple[int, ...]:
        return full_inputs(operator)

    def parameters(self, operator: Add, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "shape": broadcast(operator),
            "a_zero": operator.inputs[0].zero_point,
            "a_multiplier": operator.a[0],
            "a_shift": operator.a[1],
            "b_zero": operator.inputs[1].zero_point,
            "b_multiplier": operator.b[0],
            "b_shift": operator.b[1],
            "sign": operator.sign,
            "output_zero": operator.output.zero_point,
            "multiplier": operator.sum[0],
            "shift": operator.sum[1],
            "low": operator.bounds.low,
            "high": operator.bounds.high,
        }


class PortableAdd16(PortableAdd):
    """The same for int16."""

    function = "engine_add_s16"
    source = "add_s16"

    def refusal(self, operator: Add) -> str:
        return "" if operator.input.kind == "int16" else "it computes int16"


LOWERINGS = {"ADD": add, "SUB": sub}
KERNELS = (PortableAdd(), PortableAdd16())
