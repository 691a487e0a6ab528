"""Requantization as the scalar kernels read it: firmware/engine/kernels/scalar/requantize.h."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.targets.engine.ir import Channels
from edgeforge.targets.engine.kernel import Array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def folded_bias(channels: Channels, weights: NDArray[np.int8], input_zero: int) -> NDArray[np.int64]:
    """Return biases that take the input's zero point from every product. weights: outputs,anything."""
    import numpy as np

    return channels.bias - input_zero * weights.reshape(len(weights), -1).astype(np.int64).sum(axis=1)


def scalar_channels(channels: Channels, bias: NDArray[np.int64]) -> Array:
    """Return an engine_scalar_channel for each channel: bias, multiplier, left, right."""
    import numpy as np

    left, right = np.maximum(channels.shift, 0), np.maximum(-channels.shift, 0)
    return Array("engine_scalar_channel", np.stack([bias, channels.multiplier, left, right], axis=1))


def even_rows(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return weights (outputs,anything) flat, with zeros of one more output where they are odd in number."""
    import numpy as np

    flat = weights.reshape(len(weights), -1)
    return np.pad(flat, ((0, len(flat) % 2), (0, 0))).reshape(-1)
