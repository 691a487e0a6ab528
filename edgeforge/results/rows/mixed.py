"""The report's rows on mixed precision: what each layer costs in int8, and which mixes were tried."""

from __future__ import annotations

from typing import Literal

from edgeforge.results.rows.row import Row

Wide = Literal["int16", "float32"]


class SensitivityRow(Row):
    """One layer quantized alone, all others in float."""

    layer: str  # of the .tflite: conv_2d_3
    module: str  # of the PyTorch model; empty where it is not known
    drop: float  # points of accuracy on the validation images
    error: float  # mean squared error of the logits


class MixRow(Row):
    """One mix of precisions, judged on the validation images."""

    precision: Wide
    wide: list[str]  # the layers in that precision; all others are int8
    bytes: int
    top1: float
    drop: float  # points below the float model


class MixedRow(Row):
    """The search for the fewest wide layers within `max_drop` points."""

    max_drop: float
    images: int  # validation images that judged every mix
    float_bytes: int
    float_top1: float
    layers: list[SensitivityRow]  # the costliest first
    tried: list[MixRow]
    chosen: MixRow | None  # None: no mix is good enough
    excluded: dict[str, str] = {}  # precision → why TFLM cannot run it
