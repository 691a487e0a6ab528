"""DEPTHWISE_CONV_2D: windows of weights for every input channel alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.targets.engine.ir import Bounds, Channels, Operator, Window
from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.memory.leads import of_pixels
from edgeforge.targets.engine.operators.weighted.channels import (
    channel_array,
    is_wide,
    read_channels,
    requantized,
    require_sums_fit,
    s16_arrays,
    s16_parameters,
)
from edgeforge.targets.engine.operators.weighted.sizes import images, require_output, window
from edgeforge.targets.engine.read import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(Operator):
    """input N,H,W,C and output N,H,W,C·multiplier of int8 or int16. weights: h,w,outputs int8."""

    weights: NDArray[np.int8]
    window: Window
    channels: Channels
    bounds: Bounds
    wide: bool  # whether sums and biases have 64 bits
    four_bits: bool

    @property
    def multiplier(self) -> int:
        """How many outputs each input channel has; they stand side by side."""
        return self.output.shape[3] // self.input.shape[3]


def lower(found: Found) -> DepthwiseConv2D:
    """Return the operator as TFLM's depthwise_conv.cc prepares it."""
    source, target = found.input(0, "int8", "int16"), found.output("int8", "int16")
    weights = found.constant(1, "int8")
    found.rank(source, 4)
    if source.kind != target.kind:
        found.refuse(f"is {target.kind}, and its input {source.kind}", target)
    if weights.shape[3] % source.shape[3]:
        found.refuse(f"has {weights.shape[3]} channels, no multiple of {source.shape[3]}", found.input(1))
    dilation = int(found.option("dilationHFactor", 1)), int(found.option("dilationWFactor", 1))
    moved = found.window(source, (weights.shape[1], weights.shape[2]), dilation)
    require_output(found, source, target, moved, weights.shape[3])
    channels = read_channels(found, weights.shape[3], axis=3)
    require_sums_fit(found, weights.reshape(-1, weights.shape[3]).T, channels, source)
    wide = is_wide(found, source)
    return DepthwiseConv2D(
        found.label, (source,), (target,), weights[0], moved, channels, found.bounds(target), wide, found.four_bits(1)
    )


class PortableDepthwiseConv2D(Kernel[DepthwiseConv2D]):
    """Any window, any multiplier; int8."""

    operator = DepthwiseConv2D
    function = "engine_depthwise_conv_2d"
    source = "depthwise_conv_2d"

    def refusal(self, operator: DepthwiseConv2D) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def arrays(self, operator: DepthwiseConv2D) -> dict[str, Array]:
        return {"weights": Array("int8_t", operator.weights.reshape(-1)), "channels": channel_array(operator.channels)}

    def lead(self, operator: DepthwiseConv2D) -> int | None:
        return of_pixels(operator, operator.window, read="alone" if operator.multiplier == 1 else "again")

    def parameters(self, operator: DepthwiseConv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "multiplier": operator.multiplier,
            "window": window(operator.window),
            **requantized(operator, arrays),
        }


class PortableDepthwiseConv2D16(PortableDepthwiseConv2D):
    """The same for activations of int16, whose sums may take 64 bits."""

    function = "engine_depthwise_conv_2d_s16"
    source = "depthwise_conv_2d_s16"

    def refusal(self, operator: DepthwiseConv2D) -> str:
        return "" if operator.input.kind == "int16" else "it computes int16"

    def arrays(self, operator: DepthwiseConv2D) -> dict[str, Array]:
        return s16_arrays(operator.weights, operator.channels)

    def parameters(self, operator: DepthwiseConv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return s16_parameters(super().parameters(operator, arrays), arrays, wide=operator.wide)


LOWERINGS = {"DEPTHWISE_CONV_2D": lower}
KERNELS = (PortableDepthwiseConv2D(), PortableDepthwiseConv2D16())
