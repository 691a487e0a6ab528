"""PRELU: x where it is positive, alpha · x elsewhere, with alphas of their own for channels or pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.fixed_point import quantize_multiplier
from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.elementwise.broadcast import broadcast, full_inputs, require_broadcast
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class PRelu(Operator):
    """Inputs: x and alpha. positive, negative: (multiplier, shift) of x, and of x · alpha."""

    positive: tuple[int, int]
    negative: tuple[int, int]


def lower(found: Found) -> PRelu:
    """Return the operator as TFLM's prelu_common.cc prepares it."""
    source, alpha, target = found.input(0, "int8"), found.input(1, "int8"), found.output("int8")
    require_broadcast(found, source, alpha, target)
    positive = quantize_multiplier(source.scale / target.scale, found.compiling.rounding)
    negative = quantize_multiplier(source.scale * alpha.scale / target.scale, found.compiling.rounding)
    return PRelu(found.label, (source, alpha), (target,), positive, negative)


class PortablePRelu(Kernel[PRelu]):
    """Any shapes; int8."""

    operator = PRelu
    function = "engine_prelu"
    source = "prelu"

    def in_place(self, operator: PRelu) -> tuple[int, ...]:
        return full_inputs(operator)[:1]

    def parameters(self, operator: PRelu, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "shape": broadcast(operator),
            "input_zero": operator.inputs[0].zero_point,
            "alpha_zero": operator.inputs[1].zero_point,
            "output_zero": operator.output.zero_point,
            "positive_multiplier": operator.positive[0],
            "positive_shift": operator.positive[1],
            "negative_multiplier": operator.negative[0],
            "negative_shift": operator.negative[1],
        }


LOWERINGS = {"PRELU": lower}
KERNELS = (PortablePRelu(),)
