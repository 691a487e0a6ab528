"""Operators that compute no new values: what is known of them, whatever the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passing:
    """What an operator does with the values that it passes on.

    tied: TFLite computes it with one scale on both sides; of several inputs, with one for all. inherits: its output
    has its only input's scale and zero point, in TFLite and in PyTorch's integer kernels; a mean stays within its
    input's range. by_channel: each channel of its output is a positively homogeneous function of its input's, where
    its constants and shapes leave the channels as they are.
    """

    tied: bool = False
    inherits: bool = False
    by_channel: bool = False


OPERATORS: dict[str, Passing] = {
    "AVERAGE_POOL_2D": Passing(tied=True, inherits=True, by_channel=True),
    "BATCH_TO_SPACE_ND": Passing(tied=True),
    "BROADCAST_TO": Passing(tied=True),
    "CONCATENATION": Passing(tied=True),
    "DEPTH_TO_SPACE": Passing(tied=True, inherits=True),
    "EXPAND_DIMS": Passing(tied=True, inherits=True),
    "GATHER": Passing(tied=True, inherits=True),
    "LEAKY_RELU": Passing(by_channel=True),
    "MAXIMUM": Passing(tied=True),
    "MAX_POOL_2D": Passing(tied=True, inherits=True, by_channel=True),
    "MEAN": Passing(inherits=True, by_channel=True),
    "MINIMUM": Passing(tied=True),
    "MIRROR_PAD": Passing(tied=True, inherits=True),
    "PACK": Passing(tied=True),
    "PAD": Passing(tied=True, inherits=True, by_channel=True),
    "PADV2": Passing(tied=True, inherits=True),
    "REDUCE_MAX": Passing(tied=True),
    "REDUCE_MIN": Passing(tied=True),
    "RELU": Passing(by_channel=True),
    "RESHAPE": Passing(tied=True, inherits=True, by_channel=True),
    "RESIZE_BILINEAR": Passing(tied=True),
    "RESIZE_NEAREST_NEIGHBOR": Passing(tied=True, inherits=True),
    "REVERSE_V2": Passing(tied=True, inherits=True),
    "SLICE": Passing(tied=True, inherits=True),
    "SPACE_TO_BATCH_ND": Passing(tied=True),
    "SPACE_TO_DEPTH": Passing(tied=True, inherits=True),
    "SPLIT": Passing(tied=True),
    "SPLIT_V": Passing(tied=True),
    "SQUEEZE": Passing(tied=True, inherits=True, by_channel=True),
    "STRIDED_SLICE": Passing(tied=True, inherits=True),
    "TILE": Passing(tied=True, inherits=True),
    "TRANSPOSE": Passing(tied=True, inherits=True),
    "UNPACK": Passing(tied=True),
}
TIED = frozenset(name for name, passing in OPERATORS.items() if passing.tied)
INHERITS = frozenset(name for name, passing in OPERATORS.items() if passing.inherits)
BY_CHANNEL = frozenset(name for name, passing in OPERATORS.items() if passing.by_channel)
