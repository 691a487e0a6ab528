"""SOFTMAX along the last dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.fixed_point import quantize_multiplier
from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.read import Found

LONGEST = 4096  # the sum of exponentials is of Q12.19
INTEGER_BITS = 5  # of the differences to the largest value, in fixed point


@dataclass(frozen=True, eq=False)
class Softmax(Operator):
    """input and output of int8, or output of int16.

    multiplier, shift: bring beta · a difference of two inputs to Q5.26. smallest: the difference from which on the
    exponential is 0.
    """

    multiplier: int
    shift: int
    smallest: int


def lower(found: Found) -> Softmax:
    """Return the operator as TFLM's softmax_common.cc prepares it (PreprocessSoftmaxScaling, CalculateInputRadius)."""
    source, target = found.input(0, "int8"), found.output("int8", "int16")
    grid = (1 / 256, -128) if target.kind == "int8" else (1 / 65536, -32768)
    if (target.scale, target.zero_point) != grid:
        found.refuse(
            f"has scale {target.scale:g} and zero point {target.zero_point}, not {grid[0]:g} and {grid[1]}", target
        )
    if source.shape[-1] >= LONGEST:
        found.refuse(f"has {source.shape[-1]} values in a row; the sum holds fewer than {LONGEST}", source)
    most = 2.0 ** (30 if found.compiling.rounding == "single" else 31) - 1
    factor = min(float(found.option("beta", 1.0)) * source.scale * 2 ** (31 - INTEGER_BITS), most)
    if factor <= 1.0:
        found.refuse(f"has the scale {source.scale:g}: too small for a softmax in integers", source)
    multiplier, shift = quantize_multiplier(factor, found.compiling.rounding)
    radius = (2**INTEGER_BITS - 1) * 2.0 ** (31 - INTEGER_BITS) / 2.0**shift
    return Softmax(found.label, (source,), (target,), multiplier, shift, -int(radius // 1))


class PortableSoftmax(Kernel[Softmax]):
    """The exponential and the reciprocal in fixed point, as gemmlowp computes them."""

    operator = Softmax
    function = "engine_softmax"
    source = "softmax"

    def refusal(self, operator: Softmax) -> str:
        return "" if operator.output.kind == "int8" else "it writes int8"

    def in_place(self, operator: Softmax) -> tuple[int, ...]:
        return (0,)

    def parameters(self, operator: Softmax, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        depth = operator.input.shape[-1]
        return {
            "rows": operator.input.size // depth,
            "depth": depth,
            "multiplier": operator.multiplier,
            "shift": operator.shift,
            "smallest": operator.smallest,
        }


LOWERINGS = {"SOFTMAX": lower}
KERNELS = (PortableSoftmax(),)
