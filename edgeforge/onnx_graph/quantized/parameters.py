"""Scales and zero points as QuantizeLinear and DequantizeLinear have them, and as TFLite's int8 has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.graph import attributes

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

EIGHT_BITS = {"uint8": 128, "int8": 0}  # what a zero point of int8 is less by
WIDTHS = {"uint8": (0, 255), "int8": (-128, 127), "uint4": (0, 15), "int4": (-8, 7), "int32": (-(2**31), 2**31 - 1)}
AGAIN = "quantize it with 8-bit activations, one scale a tensor: quantize_static(activation_type=QuantType.QUInt8)"


@dataclass(frozen=True)
class Range:
    """An activation's quantization as int8 [-128, 127]: real = scale × (q − zero_point)."""

    scale: float  # a float32
    zero_point: int

    @classmethod
    def around(cls, low: float, high: float) -> Range:
        """Return the range from `low` to `high`, widened to hold 0."""
        import numpy as np

        low, high = min(low, 0.0), max(high, 0.0)
        scale = float(np.float32((high - low) / 255))
        return cls(scale, round(-128 - low / scale))

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that it holds."""
        return (-128 - self.zero_point) * self.scale, (127 - self.zero_point) * self.scale


@dataclass(frozen=True)
class Parameters:
    """What one QuantizeLinear or DequantizeLinear says: scales and zero points (one, or one along `axis`)."""

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    kind: str  # the integers' type: uint8
    axis: int

    def spread(self, ndim: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return scale and zero point shaped to be multiplied with `ndim`-dimensional numbers."""
        if self.scale.size == 1:
            return self.scale.reshape(()), self.zero_point.reshape(())
        shape = [1] * ndim
        shape[self.axis] = self.scale.size
        return self.scale.reshape(shape), self.zero_point.reshape(shape)

    def same(self, other: Parameters) -> bool:
        """Say whether both hold the same values."""
        return self.as_range_or_none() == other.as_range_or_none()

    def as_range_or_none(self) -> Range | None:
        """Return the one range of int8 that this is; None for several scales, or other than 8 bits."""
        import numpy as np

        if self.kind not in EIGHT_BITS or len(np.unique(self.scale)) > 1 or len(np.unique(self.zero_point)) > 1:
            return None
        return Range(float(self.scale.flat[0]), int(self.zero_point.flat[0]) - EIGHT_BITS[self.kind])


def read_parameters(node: onnx.NodeProto, constants: Mapping[str, Any]) -> Parameters:
    """Return the parameters of a QuantizeLinear or DequantizeLinear. Raises RecipeError where TFLite has no such."""
    import numpy as np

    given = attributes(node)
    if given.get("block_size"):
        raise RecipeError(
            f"model: {named(node)} has a scale for each block of {given['block_size']} values, TFLite one a channel",
            fix="quantize its weights per channel or per tensor",
        )
    missing = next((name for name in node.input[1:] if name and name not in constants), None)
    if missing is not None:
        raise RecipeError(
            f"model: {named(node)}: '{missing}' is computed anew for every input (dynamic quantization); "
            "TFLite's ranges are fixed",
            fix="quantize it statically, with calibration images: quantize_static(quant_format=QuantFormat.QDQ)",
        )
    scale = np.asarray(constants[node.input[1]], np.float32)
    has_zero = len(node.input) > 2 and node.input[2]
    zero = np.asarray(constants[node.input[2]]) if has_zero else np.zeros(scale.shape, np.uint8)
    kind = str(zero.dtype)
    if not has_zero and node.op_type == "DequantizeLinear" and node.input[0] in constants:
        kind = str(np.asarray(constants[node.input[0]]).dtype)
    if not np.isfinite(scale).all() or (scale <= 0).any():
        raise RecipeError(
            f"model: {named(node)} has a scale of {float(scale[~(np.isfinite(scale) & (scale > 0))].flat[0])}",
            fix="quantize it again: a scale is above 0",
        )
    integers = np.broadcast_to(zero.astype(np.int64), scale.shape)
    return Parameters(scale, integers, kind, int(given.get("axis", 1)))


def named(node: onnx.NodeProto) -> str:
    """Return a node as people find it in the file: its operator and its name, or the tensor that it makes."""
    return f"{node.op_type} '{node.name or node.output[0]}'"
