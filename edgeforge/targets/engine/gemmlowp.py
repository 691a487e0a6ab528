"""Exponential, logistic function and hyperbolic tangent in fixed point, as gemmlowp/fixedpoint/fixedpoint.h has them.

Q0 is an integer of 32 bits that stands for itself / 2^31; 1 is 2^31 − 1. Qm has m bits before the point. What is
computed on a board of the same formulae stands in firmware/engine/kernels/fixed_point.h.
"""

from __future__ import annotations

from edgeforge.targets.engine.fixed_point import doubling_high, rounding_shift, saturating_shift_left

ONE = 2**31 - 1
# exp(−2^k) in Q0, k from −2.
POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def exp_on_negative_values(x: int, integer_bits: int) -> int:
    """Return exp(x) in Q0 of x ≤ 0 in Q`integer_bits`: a Taylor series around −1/8 of what is left of quarters."""
    if x == 0:
        return ONE
    fractional = 31 - integer_bits
    quarter = 1 << (fractional - 2)
    within = (x & (quarter - 1)) - quarter
    t = saturating_shift_left(within, integer_bits) + (1 << 28)
    t2 = doubling_high(t, t)
    t3 = doubling_high(t2, t)
    t4_4 = rounding_shift(doubling_high(t2, t2), 2)
    tail = rounding_shift(doubling_high(t4_4 + t3, 715827883) + t2, 1)
    result = 1895147668 + doubling_high(1895147668, t + tail)
    rest = within - x
    for place, power in enumerate(POWERS):
        if integer_bits > place - 2 and rest & (1 << (fractional - 2 + place)):
            result = doubling_high(result, power)
    if integer_bits > 5 and x < -(1 << (36 - integer_bits)):
        return 0
    return result


def logistic(x: int, integer_bits: int) -> int:
    """Return 1 / (1 + exp(−x)) in Q0 of x in Q`integer_bits`."""
    if x == 0:
        return 1 << 30
    positive = _over_one_plus(exp_on_negative_values(-abs(x), integer_bits))
    return positive if x > 0 else ONE - positive


def tanh(x: int, integer_bits: int) -> int:
    """Return tanh(x) in Q0 of x in Q`integer_bits`: (1 − e) / (1 + e) with e = exp(−2 |x|)."""
    if x == 0:
        return 0
    # ExactMulByPot<1> doubles by moving the point: Q4 becomes Q5, the same integer.
    positive = _over_one_plus(exp_on_negative_values(-abs(x), integer_bits + 1), minus=True)
    return positive if x > 0 else -positive


def _over_one_plus(e: int, *, minus: bool = False) -> int:
    """Return 1 / (1 + e), or (1 − e) / (1 + e), of e in (0, 1): Newton-Raphson division."""
    half = (e + ONE + 1) // 2
    x = 1515870810 + doubling_high(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - doubling_high(half, x)
        x += saturating_shift_left(doubling_high(x, error), 2)
    # x is 2 / (1 + e) in Q2; halved it is the same integer in Q1.
    return saturating_shift_left(x - (1 << 29), 2) if minus else saturating_shift_left(x, 1)
