"""What all operators with weights have in common: the requantization of their output channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from edgeforge.targets.engine.fixed_point import LIMITS, channel_multipliers
from edgeforge.targets.engine.ir import Bounds, Channels, Tensor
from edgeforge.targets.engine.kernel import Array, Field
from edgeforge.targets.engine.read import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS, BIAS = 1, 2  # their places among the inputs
INT32 = 2**31


class Weighted(Protocol):
    """An operator whose sums are requantized channel by channel."""

    @property
    def input(self) -> Tensor: ...
    @property
    def output(self) -> Tensor: ...
    @property
    def bounds(self) -> Bounds: ...


def read_channels(
    found: Found, channels: int, axis: int, *, source: Tensor | None = None, bias: NDArray[np.int64] | None = None
) -> Channels:
    """Return bias, multiplier and shift of every output channel; axis: of the weights' channels.

    source, bias: where they are not the operator's inputs 0 and 2.
    """
    scales = found.scales(WEIGHTS)
    if len(scales) not in (1, channels) or (len(scales) > 1 and found.axis(WEIGHTS) != axis):
        found.refuse(f"has {len(scales)} scales along axis {found.axis(WEIGHTS)}", found.input(WEIGHTS))
    multiplier, shift = channel_multipliers(
        scales, source or found.input(0), found.output(), channels, found.compiling.rounding
    )
    return Channels(read_bias(found, channels) if bias is None else bias, multiplier, shift)


def read_bias(found: Found, channels: int, slot: int = BIAS) -> NDArray[np.int64]:
    """Return the bias of every output channel; zeros where there is none."""
    import numpy as np

    if found.optional(slot) is None:
        return np.zeros(channels, np.int64)
    bias = found.constant(slot, "int32", "int64").astype(np.int64).reshape(-1)
    if len(bias) != channels:
        found.refuse(f"has {len(bias)} values for {channels} channels", found.input(slot))
    return bias


def require_sums_fit(found: Found, weights: NDArray[Any], channels: Channels, source: Tensor) -> None:
    """Refuse int8 layers whose sums could leave 32 bits: TFLM's behaviour is then undefined.

    weights: outputs,anything. A sum is at most bias + Σ |weight| · the farthest that an input is from its zero point.
    """
    import numpy as np

    if source.kind != "int8":  # those of int16 layers have 64 bits, or are refused
        return
    low, high = LIMITS[source.kind]
    farthest = max(source.zero_point - low, high - source.zero_point, 128)  # folded or not
    largest = np.abs(channels.bias) + np.abs(weights.astype(np.int64)).sum(axis=1) * farthest
    if largest.max() >= INT32:
        found.refuse(f"gives sums of up to {int(largest.max()):,}, which 32 bits do not hold", found.input(WEIGHTS))


def four_bit_array(weights: NDArray[Any]) -> Array:
    """Return weights of 4 bits, two a byte and the lower half first, as a .tflite has them."""
    import numpy as np

    flat = weights.reshape(-1).astype(np.int8)
    pairs = np.append(flat, np.zeros(len(flat) % 2, np.int8)).reshape(-1, 2)
    return Array("int8_t", ((pairs[:, 0] & 15) | (pairs[:, 1] << 4)).astype(np.int8))


def is_wide(found: Found, source: Tensor) -> bool:
    """Return whether sums have 64 bits: of int16 inputs, where the bias has or there is none.

    Refuses int16 tensors with a zero point, which TFLM's kernels would leave out.
    """
    if source.kind != "int16":
        return False
    for tensor in (source, found.output()):
        if tensor.zero_point:
            found.refuse("is int16 with a zero point other than 0", tensor)
    bias = found.optional(BIAS)
    return bias is None or bias.kind == "int64"


def s16_arrays(weights: NDArray[Any], channels: Channels) -> dict[str, Array]:
    """Return the constants of a layer of int16: the biases have 64 bits and stand by themselves."""
    import numpy as np

    none = np.zeros(len(channels.bias), np.int64)
    return {
        "weights": Array("int8_t", weights.reshape(-1)),
        "bias": Array("int64_t", channels.bias),
        "channels": channel_array(channels, none),
    }


def requantized(operator: Weighted, arrays: Mapping[str, str]) -> dict[str, Field]:
    """Return the members of a layer's struct that say how sums become outputs, and where its constants are."""
    return {
        "input_zero": operator.input.zero_point,
        "output_zero": operator.output.zero_point,
        "low": operator.bounds.low,
        "high": operator.bounds.high,
        "weights": arrays["weights"],
        "channels": arrays["channels"],
    }


def s16_parameters(of_int8: Mapping[str, Field], arrays: Mapping[str, str], *, wide: bool) -> dict[str, Field]:
    """Return the members for a layer of int16 (`s16_arrays`): no zero points, and biases by themselves."""
    fields = {name: value for name, value in of_int8.items() if not name.endswith("_zero")}
    return fields | {"wide": wide, "bias": arrays["bias"]}


def channel_array(channels: Channels, folded: NDArray[np.int64] | None = None) -> Array:
    """Return engine_channel's of a layer: {bias, multiplier, shift}; folded: another bias than the file's."""
    import numpy as np

    bias = channels.bias if folded is None else folded
    return Array("engine_channel", np.stack([bias, channels.multiplier, channels.shift], axis=1))
