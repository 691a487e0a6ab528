"""The report's rows on pruning."""

from __future__ import annotations

from typing import Literal

from edgeforge.results.rows.row import Row
from edgeforge.results.rows.training import TrainingRow


class PrunedLayer(Row):
    """A convolution or dense layer: its output channels, and how many of its weights are zero."""

    name: str
    channels_before: int
    channels_after: int
    weights: int  # after
    zeros: int  # among these


class PrunedFile(Row):
    """A TFLite file of the pruned network beside the unpruned one's, as shipped and gzip-compressed (level 9)."""

    name: str  # tflite-int8
    bytes: int
    gzip_bytes: int
    dense_bytes: int | None = None
    dense_gzip_bytes: int | None = None


class PruningRow(Row):
    """What pruning removed, and what that costs and saves."""

    method: Literal["magnitude", "channels"]
    layers: list[PrunedLayer]
    parameters_before: int
    parameters_after: int
    macs_before: int
    macs_after: int
    fine_tuning: TrainingRow
    top1_before: float | None = None  # of the float network, on the test split
    top1_after: float | None = None
    files: list[PrunedFile] = []
    arena_bytes: int | None = None  # in TFLM, of the int8 model
    dense_arena_bytes: int | None = None
