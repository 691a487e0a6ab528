"""Requantization as the Helium kernels read it: firmware/engine/kernels/helium."""

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


def channel_rows(channels: Channels, bias: NDArray[np.int64]) -> Array:
    """Return an engine_channel for each channel."""
    import numpy as np

    return Array("engine_channel", np.stack([bias, channels.multiplier, channels.shift], axis=1))


def channel_groups(channels: Channels, bias: NDArray[np.int64], order: tuple[int, ...] = (0, 1, 2, 3)) -> Array:
    """Return biases, multipliers and shifts of four channels after four; zeros fill up the last.

    order: how as many channels as it has stand among themselves.
    """
    import numpy as np

    rows = np.stack([bias, channels.multiplier, _shifts(channels)])
    whole = np.pad(rows, ((0, 0), (0, -len(bias) % len(order)))).reshape(3, -1, len(order))[:, :, order]
    return Array("int32_t", whole.reshape(3, -1, 4).transpose(1, 0, 2).reshape(-1), alignment=4)


def rightwards(channels: Channels) -> bool:
    """Return whether all shifts are below 0, as engine_helium_scale_each asks."""
    return bool((_shifts(channels) < 0).all())


def _shifts(channels: Channels) -> NDArray[np.int32]:
    """Return shifts; any serves a multiplier of 0."""
    import numpy as np

    return np.where(channels.multiplier == 0, -1, channels.shift)
