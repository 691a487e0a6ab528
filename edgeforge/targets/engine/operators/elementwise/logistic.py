"""LOGISTIC: 1 / (1 + exp(−x)). And TANH."""

from __future__ import annotations

import math
from collections.abc import Callable

from edgeforge.targets.engine import gemmlowp
from edgeforge.targets.engine.fixed_point import requantize, round_away, rounding_shift
from edgeforge.targets.engine.operators.elementwise.lookup import Lookup, lookup
from edgeforge.targets.engine.read import Found

INTEGER_BITS = 4  # of the input in fixed point


def logistic(found: Found) -> Lookup:
    """Return the operator as TFLM's logistic.h computes it; its output's grid is fixed: 1/256, zero point -128."""
    target = found.output("int8")
    if target.zero_point != -128:
        found.refuse(f"has the zero point {target.zero_point}, not -128", target)
    return lookup(found, _function(found, lambda x: rounding_shift(gemmlowp.logistic(x, INTEGER_BITS), 23) - 128))


def tanh(found: Found) -> Lookup:
    """Return the operator as TFLM's integer_ops/tanh.h computes it; its output's grid is fixed: 1/128, zero point 0."""
    return lookup(found, _function(found, lambda x: rounding_shift(gemmlowp.tanh(x, INTEGER_BITS), 24)))


def _function(found: Found, of_q4: Callable[[int], int]) -> Callable[[int], int]:
    """Return a function of the input's integers; of_q4: the same of Q4, within what that holds."""
    source, rounding = found.input(0, "int8"), found.compiling.rounding
    fraction, shift = math.frexp(source.scale * 2 ** (31 - INTEGER_BITS))
    multiplier = round_away(fraction * 2**31)
    radius = int((2**INTEGER_BITS - 1) * 2.0 ** (31 - INTEGER_BITS) / 2.0**shift // 1)

    def value(x: int) -> int:
        x -= source.zero_point
        if abs(x) >= radius:
            return -128 if x <= -radius else 127
        return of_q4(requantize(x, multiplier, shift, rounding))

    return value


LOWERINGS = {"LOGISTIC": logistic, "TANH": tanh}
KERNELS = ()
