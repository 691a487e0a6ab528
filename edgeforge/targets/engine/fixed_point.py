"""Real factors as integers, as TensorFlow Lite prepares them; what the kernels do with them stands in engine.h."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeforge.targets.engine.ir import Tensor
    from edgeforge.targets.engine.options import Rounding

LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767)}


def round_away(value: float) -> int:
    """Return the nearest integer, halves away from zero (TfLiteRound, C's round)."""
    whole = math.trunc(value)
    return whole + (int(math.copysign(1, value)) if abs(value - whole) >= 0.5 else 0)


def quantize_multiplier(factor: float, rounding: Rounding = "double") -> tuple[int, int]:
    """Return (multiplier, shift) with factor = multiplier · 2^(shift − 31), multiplier in [2^30, 2^31).

    QuantizeMultiplier of tensorflow/lite/kernels/internal/quantization_util.cc: a factor below 2^-32 becomes 0; one
    of 2^30 and more is held at 2^30 where rounding is single.
    """
    if factor == 0.0:
        return 0, 0
    fraction, shift = math.frexp(factor)
    multiplier = round_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < -31:
        return 0, 0
    if rounding == "single" and shift > 30:
        return 2**31 - 1, 30
    return multiplier, shift


def channel_multipliers(
    scales: NDArray[np.float32], source: Tensor, target: Tensor, channels: int, rounding: Rounding
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return each channel's multiplier and shift (both: channels) for products of input and weights.

    PopulateConvolutionQuantizationParams of tensorflow/lite/kernels/kernel_util.cc: the product of the scales in
    double precision.
    """
    import numpy as np

    pairs = [quantize_multiplier(source.scale * float(scale) / target.scale, rounding) for scale in scales]
    pairs = pairs * channels if len(pairs) == 1 else pairs
    return np.array([pair[0] for pair in pairs], np.int32), np.array([pair[1] for pair in pairs], np.int32)


def quantized(value: float, target: Tensor) -> int:
    """Return a real value on a tensor's grid, not clamped: round(value / scale) + zero point, in float32."""
    import numpy as np

    return round_away(float(np.float32(value) / np.float32(target.scale))) + target.zero_point


def activation_bounds(activation: str, target: Tensor) -> tuple[int, int]:
    """Return the smallest and largest integer that a fused activation leaves.

    CalculateActivationRangeQuantized of tensorflow/lite/kernels/kernel_util.cc. Raises KeyError for another one.
    """
    low, high = LIMITS[target.kind]
    bounds = {"NONE": (None, None), "RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
    least, most = bounds[activation]
    return (
        low if least is None else max(low, quantized(least, target)),
        high if most is None else min(high, quantized(most, target)),
    )


# What the kernels compute, for what is computed here instead: tables over all 256 inputs. Integers of 32 bits, as in C.


def doubling_high(a: int, b: int, bits: int = 32) -> int:
    """Return 2·a·b / 2^bits rounded, halves up (SaturatingRoundingDoublingHighMul)."""
    if a == b == -(1 << (bits - 1)):
        return (1 << (bits - 1)) - 1
    product, half = a * b, 1 << (bits - 2)
    return _truncated(product + (half if product >= 0 else 1 - half), 1 << (bits - 1))


def rounding_shift(value: int, exponent: int) -> int:
    """Return value / 2^exponent rounded, halves away from zero (RoundingDivideByPOT)."""
    remainder, threshold = value & ((1 << exponent) - 1), (((1 << exponent) - 1) >> 1) + (value < 0)
    return (value >> exponent) + (remainder > threshold)


def requantize(value: int, multiplier: int, shift: int, rounding: Rounding) -> int:
    """Return value · multiplier · 2^(shift − 31), as engine_requantize of engine.h."""
    if rounding == "single":
        return (value * multiplier + (1 << (30 - shift))) >> (31 - shift)
    wrapped = ((value << max(shift, 0)) + 2**31) % 2**32 - 2**31
    return rounding_shift(doubling_high(wrapped, multiplier), max(-shift, 0))


def saturating_shift_left(value: int, exponent: int, bits: int = 32) -> int:
    """Return value · 2^exponent within the range of `bits` bits."""
    return min(max(value << exponent, -(1 << (bits - 1))), (1 << (bits - 1)) - 1)


def _truncated(value: int, divisor: int) -> int:
    """Return a quotient rounded to zero, as C divides."""
    return value // divisor if value >= 0 else -(-value // divisor)
