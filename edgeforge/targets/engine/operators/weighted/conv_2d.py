"""CONV_2D: a window of weights for every output channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.targets.engine.ir import Bounds, Channels, Operator, Window
from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.memory.leads import of_pixels
from edgeforge.targets.engine.operators.weighted.channels import (
    channel_array,
    four_bit_array,
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
class Conv2D(Operator):
    """input N,H,W,C and output N,H,W,O of int8 or int16. weights: O,h,w,I int8; I may divide C (groups)."""

    weights: NDArray[np.int8]
    window: Window
    channels: Channels
    bounds: Bounds
    wide: bool  # whether sums and biases have 64 bits
    four_bits: bool  # whether the file's weights are int4


def lower(found: Found) -> Conv2D:
    """Return the operator as TFLM's conv.cc prepares it."""
    source, target = found.input(0, "int8", "int16"), found.output("int8", "int16")
    weights = found.constant(1, "int8")
    found.rank(source, 4)
    if source.kind != target.kind:
        found.refuse(f"is {target.kind}, and its input {source.kind}", target)
    if source.shape[3] % weights.shape[3] or weights.shape[0] % (source.shape[3] // weights.shape[3]):
        found.refuse(f"has {weights.shape[3]} input channels, which do not divide {source.shape[3]}", found.input(1))
    dilation = int(found.option("dilationHFactor", 1)), int(found.option("dilationWFactor", 1))
    moved = found.window(source, (weights.shape[1], weights.shape[2]), dilation)
    require_output(found, source, target, moved, weights.shape[0])
    channels = read_channels(found, weights.shape[0], axis=0)
    require_sums_fit(found, weights.reshape(len(weights), -1), channels, source)
    wide = is_wide(found, source)
    return Conv2D(
        found.label, (source,), (target,), weights, moved, channels, found.bounds(target), wide, found.four_bits(1)
    )


class PortableConv2D(Kernel[Conv2D]):
    """Any window, any channels, groups too; int8."""

    operator = Conv2D
    function = "engine_conv_2d"
    source = "conv_2d"

    def refusal(self, operator: Conv2D) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def arrays(self, operator: Conv2D) -> dict[str, Array]:
        return {"weights": Array("int8_t", operator.weights.reshape(-1)), "channels": channel_array(operator.channels)}

    def lead(self, operator: Conv2D) -> int | None:
        return of_pixels(operator, operator.window, read="again")

    def parameters(self, operator: Conv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "groups": operator.input.shape[3] // operator.weights.shape[3],
            "window": window(operator.window),
            **requantized(operator, arrays),
        }


class PortableConv2D16(PortableConv2D):
    """The same for activations of int16, whose sums may take 64 bits."""

    function = "engine_conv_2d_s16"
    source = "conv_2d_s16"

    def refusal(self, operator: Conv2D) -> str:
        return "" if operator.input.kind == "int16" else "it computes int16"

    def arrays(self, operator: Conv2D) -> dict[str, Array]:
        return s16_arrays(operator.weights, operator.channels)

    def parameters(self, operator: Conv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return s16_parameters(super().parameters(operator, arrays), arrays, wide=operator.wide)


class SmallConv2D4(PortableConv2D):
    """The same with weights of 4 bits, kept two a byte: half of the flash, and slower than with them unpacked."""

    function = "engine_conv_2d_s4"
    source = "conv_2d_s4"
    optimizes = ("size",)

    def refusal(self, operator: Conv2D) -> str:
        return super().refusal(operator) or ("" if operator.four_bits else "its weights have 8 bits")

    def arrays(self, operator: Conv2D) -> dict[str, Array]:
        return super().arrays(operator) | {"weights": four_bit_array(operator.weights)}


LOWERINGS = {"CONV_2D": lower}
KERNELS = (PortableConv2D(), PortableConv2D16())
SMALL_KERNELS = (SmallConv2D4(),)
