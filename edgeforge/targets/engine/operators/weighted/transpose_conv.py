"""TRANSPOSE_CONV: each input pixel spreads a window of weights over the output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.targets.engine.ir import Bounds, Channels, Operator, Window
from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.operators.weighted.channels import (
    channel_array,
    read_bias,
    read_channels,
    requantized,
    require_sums_fit,
)
from edgeforge.targets.engine.operators.weighted.sizes import edges, images, window
from edgeforge.targets.engine.read import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS, INPUT, BIAS = 1, 2, 3


@dataclass(frozen=True, eq=False)
class TransposeConv(Operator):
    """input N,H,W,C, output N,h,w,O of int8. weights: O,y,x,C int8. window: as it moves over the output."""

    weights: NDArray[np.int8]
    window: Window
    channels: Channels
    bounds: Bounds

    @property
    def products(self) -> int:
        """Each input pixel has one with each weight of its window."""
        return self.input.size // self.input.shape[-1] * int(self.weights.size)


def lower(found: Found) -> TransposeConv:
    """Return the operator as TFLM's transpose_conv.cc prepares it."""
    source, target = found.input(INPUT, "int8"), found.output("int8")
    weights = found.constant(WEIGHTS, "int8")
    found.rank(source, 4)
    if weights.shape[3] != source.shape[3] or target.shape[::3] != (source.shape[0], weights.shape[0]):
        found.refuse(f"has the shape {target.shape}; input and weights do not give it", target)
    moved = found.window(target, (weights.shape[1], weights.shape[2]))
    if edges(target, moved) != source.shape[1:3]:
        found.refuse(f"has the shape {source.shape}, which a window over the output does not give", source)
    channels = read_channels(found, len(weights), axis=0, source=source, bias=read_bias(found, len(weights), BIAS))
    require_sums_fit(found, weights.reshape(len(weights), -1), channels, source)
    return TransposeConv(found.label, (source,), (target,), weights, moved, channels, found.bounds(target))


class PortableTransposeConv(Kernel[TransposeConv]):
    """Any window; gathers for each output pixel what is spread to it, so that it needs no memory for sums."""

    operator = TransposeConv
    function = "engine_transpose_conv"
    source = "transpose_conv"

    def arrays(self, operator: TransposeConv) -> dict[str, Array]:
        return {"weights": Array("int8_t", operator.weights.reshape(-1)), "channels": channel_array(operator.channels)}

    def parameters(self, operator: TransposeConv, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "window": window(operator.window),
            **requantized(operator, arrays),
        }


LOWERINGS = {"TRANSPOSE_CONV": lower}
KERNELS = (PortableTransposeConv(),)
