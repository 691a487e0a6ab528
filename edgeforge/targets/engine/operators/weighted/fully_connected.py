"""FULLY_CONNECTED: a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.targets.engine.fixed_point import quantize_multiplier
from edgeforge.targets.engine.ir import Bounds, Channels, Operator
from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.operators.weighted.channels import (
    WEIGHTS,
    channel_array,
    four_bit_array,
    is_wide,
    read_bias,
    read_channels,
    requantized,
    require_sums_fit,
    s16_arrays,
    s16_parameters,
)
from edgeforge.targets.engine.read import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FullyConnected(Operator):
    """input and output: rows of int8 or int16, whatever their shapes say. weights: outputs,inputs int8."""

    weights: NDArray[np.int8]
    channels: Channels
    bounds: Bounds
    four_bits: bool
    wide: bool  # whether sums and biases have 64 bits

    @property
    def rows(self) -> int:
        """How many rows the matrix is multiplied with."""
        return self.output.size // len(self.weights)


def lower(found: Found) -> FullyConnected:
    """Return the operator as TFLM's fully_connected.cc prepares it."""
    source, target = found.input(0, "int8", "int16"), found.output("int8", "int16")
    weights = found.constant(WEIGHTS, "int8")
    outputs, depth = weights.shape[-2:]
    if source.kind != target.kind:
        found.refuse(f"is {target.kind}, and its input {source.kind}", target)
    if source.size % depth or target.size != source.size // depth * outputs:
        found.refuse(f"has the shape {target.shape}; input and weights give rows of {outputs}", target)
    weights = weights.reshape(outputs, depth)
    channels = read_channels(found, outputs, axis=0)
    if len(found.scales(WEIGHTS)) == 1:
        channels = _one_scale(found, outputs)
    require_sums_fit(found, weights, channels, source)
    wide = is_wide(found, source)
    return FullyConnected(
        found.label, (source,), (target,), weights, channels, found.bounds(target), found.four_bits(WEIGHTS), wide
    )


def _one_scale(found: Found, outputs: int) -> Channels:
    """Return the requantization of weights with one scale: the product of scales is of float32 there.

    GetQuantizedConvolutionMultipler of tensorflow/lite/kernels/kernel_util.cc.
    """
    import numpy as np

    product = np.float32(found.input(0).scale) * found.scales(WEIGHTS)[0]
    multiplier, shift = quantize_multiplier(float(product) / found.output().scale, found.compiling.rounding)
    return Channels(
        read_bias(found, outputs), np.full(outputs, multiplier, np.int32), np.full(outputs, shift, np.int32)
    )


class PortableFullyConnected(Kernel[FullyConnected]):
    """Any sizes; int8."""

    operator = FullyConnected
    function = "engine_fully_connected"
    source = "fully_connected"

    def refusal(self, operator: FullyConnected) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def arrays(self, operator: FullyConnected) -> dict[str, Array]:
        return {"weights": Array("int8_t", operator.weights.reshape(-1)), "channels": channel_array(operator.channels)}

    def parameters(self, operator: FullyConnected, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "rows": operator.rows,
            "inputs": operator.weights.shape[1],
            "outputs": operator.weights.shape[0],
            **requantized(operator, arrays),
        }


class PortableFullyConnected16(PortableFullyConnected):
    """The same for activations of int16, whose sums may take 64 bits."""

    function = "engine_fully_connected_s16"
    source = "fully_connected_s16"

    def refusal(self, operator: FullyConnected) -> str:
        return "" if operator.input.kind == "int16" else "it computes int16"

    def arrays(self, operator: FullyConnected) -> dict[str, Array]:
        return s16_arrays(operator.weights, operator.channels)

    def parameters(self, operator: FullyConnected, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return s16_parameters(super().parameters(operator, arrays), arrays, wide=operator.wide)


class SmallFullyConnected4(PortableFullyConnected):
    """The same with weights of 4 bits, kept two a byte: half of the flash, and slower than with them unpacked."""

    function = "engine_fully_connected_s4"
    source = "fully_connected_s4"
    optimizes = ("size",)

    def refusal(self, operator: FullyConnected) -> str:
        return super().refusal(operator) or ("" if operator.four_bits else "its weights have 8 bits")

    def arrays(self, operator: FullyConnected) -> dict[str, Array]:
        return super().arrays(operator) | {"weights": four_bit_array(operator.weights)}


LOWERINGS = {"FULLY_CONNECTED": lower}
KERNELS = (PortableFullyConnected(), PortableFullyConnected16())
SMALL_KERNELS = (SmallFullyConnected4(),)
