"""HARD_SWISH: x · relu6(x + 3) / 6."""

from __future__ import annotations

from edgeforge.targets.engine.fixed_point import (
    doubling_high,
    quantize_multiplier,
    rounding_shift,
    saturating_shift_left,
)
from edgeforge.targets.engine.operators.elementwise.lookup import Lookup, lookup
from edgeforge.targets.engine.read import Found


def lower(found: Found) -> Lookup:
    """Return the operator as TFLM's hard_swish.h computes it, in 16 bits."""
    import numpy as np

    source, target, rounding = found.input(0, "int8"), found.output("int8"), found.compiling.rounding
    fine = np.float32(1 / 128) * np.float32(source.scale)  # inputs are shifted left by 7
    output, output_shift = quantize_multiplier(float(fine / np.float32(target.scale)), rounding)
    relu, relu_shift = quantize_multiplier(float(fine / (np.float32(3) / np.float32(32768))), rounding)
    if output_shift > 0:
        found.refuse(f"has the scale {target.scale:g}, too small for the input's {source.scale:g}", target)

    def value(x: int) -> int:
        x = (x - source.zero_point) << 7
        scaled = doubling_high(x, _upper_half(output), 16)
        share = x  # becomes relu6(x + 3) / 6 in Q15
        if relu_shift > 0:
            share = saturating_shift_left(share, relu_shift - 1, 16)
        share = doubling_high(share, _upper_half(relu), 16)
        if relu_shift > 0:
            share = saturating_shift_left(share, 1, 16)
        if relu_shift < 0:
            share = rounding_shift(share, -relu_shift)
        share = (share + (1 << 15)) >> 1
        product = share * scaled  # halved without rounding: SaturatingDoublingHighMul
        shifted = product >> 15 if product >= 0 else -(-product >> 15)
        return rounding_shift(shifted, -output_shift) + target.zero_point

    return lookup(found, value)


def _upper_half(multiplier: int) -> int:
    """Return a multiplier of 16 bits (DownScaleInt32ToInt16Multiplier)."""
    return 2**15 - 1 if multiplier >= 2**31 - 1 - (1 << 15) else (multiplier + (1 << 15)) >> 16


LOWERINGS = {"HARD_SWISH": lower}
KERNELS = ()
