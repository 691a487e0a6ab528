"""Weights and requantization as the kernels for the DSP extension read them: firmware/engine/kernels/dsp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.targets.engine.ir import Bounds, Channels
from edgeforge.targets.engine.kernel import Array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INT8 = Bounds(-128, 127)
# A start is bias << 5 | shift in 32 bits.
BIAS_LIMIT = 2**26
# The order in which SXTB16, and SXTB16 of the word rotated by 8, take a word's four values.
WIDENED = (0, 2, 1, 3)


def folded_bias(channels: Channels, weights: NDArray[np.int8], input_zero: int) -> NDArray[np.int64]:
    """Return biases that take the input's zero point from every product. weights: outputs,anything."""
    import numpy as np

    sums = weights.reshape(len(weights), -1).astype(np.int64).sum(axis=1)
    return channels.bias - input_zero * sums


def unfit(channels: Channels, bias: NDArray[np.int64], bounds: Bounds) -> str:
    """Return why requantize.h cannot bring sums to int8; empty when it can. bias: folded."""
    if bounds != INT8:
        return f"it clamps to int8 alone, not to {bounds.low} … {bounds.high}"
    if channels.shift[channels.multiplier != 0].max(initial=-1) > -1:
        return "it shifts sums to the right alone, by 1 at least"
    if abs(bias).max(initial=0) >= BIAS_LIMIT:
        return "a bias needs more than 27 bits"
    return ""


def right_shifts(channels: Channels) -> NDArray[np.int64]:
    """Return by how much sums are shifted right: 31, where a multiplier of 0 makes them 0."""
    import numpy as np

    return np.where(channels.multiplier == 0, 31, -channels.shift.astype(np.int64))


def doubled(channels: Channels) -> NDArray[np.int64]:
    """Return twice each multiplier; 2^30, of which a shift of 31 leaves nothing, stands for 0."""
    import numpy as np

    return 2 * np.where(channels.multiplier == 0, 2**30, channels.multiplier.astype(np.int64))


def starts(channels: Channels, bias: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return bias << 5 | right shift of each channel."""
    return (bias << 5) | right_shifts(channels)


def channel_rows(channels: Channels, bias: NDArray[np.int64]) -> Array:
    """Return an engine_dsp_channel for each channel."""
    import numpy as np

    return Array("engine_dsp_channel", np.stack([starts(channels, bias), doubled(channels)], axis=1))


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
    """Return weights (outputs,depth) as columns.h has them, flat: pair of channels, pair of values, value, channel."""
    import numpy as np

    outputs, depth = weights.shape
    whole = np.zeros((outputs, -(-depth // 4) * 4), np.int8)
    whole[:, :depth] = weights
    values = whole.reshape(outputs, -1, 4)[:, :, WIDENED].reshape(outputs, -1, 2)[:, : steps(depth)]
    pairs = values[pair_channels(outputs)].reshape(-1, 2, steps(depth), 2)
    return pairs.transpose(0, 2, 3, 1).reshape(-1)


def pair_rows(channels: Channels, bias: NDArray[np.int64]) -> Array:
    """Return the engine_dsp_pair's: start, start, multiplier, multiplier."""
    import numpy as np

    order = pair_channels(len(bias))
    begin, factor = (every[order].reshape(-1, 2) for every in (starts(channels, bias), doubled(channels)))
    return Array("engine_dsp_pair", np.concatenate([begin, factor], axis=1))


def pack_fours(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights (outputs,inputs) in groups of four outputs, four inputs of each side by side; flat."""
    import numpy as np

    outputs, inputs = weights.shape
    whole = np.zeros((-(-outputs // 4) * 4, -(-inputs // 4) * 4), np.int8)
    whole[:outputs, :inputs] = weights
    return whole.reshape(-1, 4, whole.shape[1] // 4, 4).transpose(0, 2, 1, 3).reshape(-1)


def in_fours(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return values with zeros at their end, to a multiple of four."""
    import numpy as np

    return np.concatenate([values, np.zeros(-len(values) % 4, np.int64)])
