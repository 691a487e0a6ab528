"""Weights and requantization as the kernels for the DSP extension read them: firmware/engine/kernels/dsp/columns.h."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A start is bias << 5 | shift in 32 bits.
BIAS_LIMIT = 2**26
# The order in which SXTB16, and SXTB16 of the word rotated by 8, take a word's four values.
WIDENED = (0, 2, 1, 3)


def folded_bias(bias: NDArray[np.int64], weights: NDArray[np.int8], input_zero: int) -> NDArray[np.int64]:
    """Return biases that take the input's zero point from every product. weights: outputs,anything."""
    import numpy as np

    return bias - input_zero * weights.reshape(len(weights), -1).astype(np.int64).sum(axis=1)


def unfit(bias: NDArray[np.int64], multiplier: NDArray[np.int32], shift: NDArray[np.int32]) -> str:
    """Return why requantize.h cannot bring sums to int8; empty when it can. bias: folded."""
    if shift.max(initial=-1) > -1:
        return "a sum is shifted left, or not at all"
    if shift.min(initial=-1) < -31:
        return "a sum is shifted by more than 31"
    if abs(bias).max(initial=0) >= BIAS_LIMIT:
        return "a bias needs more than 27 bits"
    return ""


def starts(bias: NDArray[np.int64], shift: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return bias << 5 | right shift of each channel."""
    import numpy as np

    return (bias << 5) | np.abs(shift.astype(np.int64))


def doubled(multiplier: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return twice each multiplier, as an unsigned word; 2^30 is for 0, whose sums a shift of 31 makes 0."""
    import numpy as np

    return 2 * np.where(multiplier == 0, 2**30, multiplier.astype(np.int64))


def shifts(multiplier: NDArray[np.int32], shift: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the shifts; 31 to the right where the multiplier is 0."""
    import numpy as np

    return np.where(multiplier == 0, -31, shift).astype(np.int32)


def steps(depth: int) -> int:
    """Return how many pairs of a column are not all padding."""
    whole, rest = divmod(depth, 4)
    return 2 * whole + min(rest, 2)


def pair_channels(outputs: int) -> list[int]:
    """Return the channels two by two; channel 1 twice where their number is odd, channel 0 where it is the only one."""
    if outputs % 2 == 0:
        return list(range(outputs))
    return [0, 1, *range(1, outputs)] if outputs > 1 else [0, 0]


def pack_pairs(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights (outputs,depth) as the columns' kernels read them, flat."""
    import numpy as np

    outputs, depth = weights.shape
    whole = np.zeros((outputs, -(-depth // 4) * 4), np.int8)
    whole[:, :depth] = weights
    by_step = whole.reshape(outputs, -1, 4)[:, :, WIDENED].reshape(outputs, -1, 2)[:, : steps(depth)]
    pairs = by_step[pair_channels(outputs)].reshape(-1, 2, steps(depth), 2)
    return pairs.transpose(0, 2, 3, 1).reshape(-1)  # pair of channels, step, value, channel


def pair_rows(bias: NDArray[np.int64], multiplier: NDArray[np.int32], shift: NDArray[np.int32]) -> NDArray[Any]:
    """Return engine_dsp_pair's: start, start, multiplier, multiplier. bias: folded."""
    import numpy as np

    order = pair_channels(len(bias))
    begin = starts(bias, shifts(multiplier, shift))[order].reshape(-1, 2)
    return np.concatenate([begin, doubled(multiplier)[order].reshape(-1, 2)], axis=1)


def pack_fours(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights (outputs,inputs) in groups of four outputs, four inputs of each side by side; flat."""
    import numpy as np

    outputs, inputs = weights.shape
    whole = np.zeros((-(-outputs // 4) * 4, -(-inputs // 4) * 4), np.int8)
    whole[:outputs, :inputs] = weights
    return whole.reshape(-1, 4, whole.shape[1] // 4, 4).transpose(0, 2, 1, 3).reshape(-1)


def in_fours(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return values with zeros at their end, to a multiple of four."""
    import numpy as np

    return np.concatenate([values, np.zeros(-len(values) % 4, np.int64)])
