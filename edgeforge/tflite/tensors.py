"""Layout and quantization at the ends of a TFLite model, the same for LiteRT and TFLM."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.tflite.tensor_spec import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return C,H,W of an input tensor (1,H,W,C), (1,W,C) or (1,C). Raises RecipeError for any other."""
    if not 2 <= len(shape) <= 4 or shape[0] != 1:
        raise RecipeError(
            f"its input has the shape {list(shape)}", fix="convert it for a batch of 1: (1,H,W,C) or (1,N)"
        )
    height, width = (1, 1, *shape[1:-1])[-2:]
    return shape[-1], height, width


def to_input(images: NDArray[np.float32], spec: TensorSpec) -> NDArray[np.generic]:
    """Turn images (N,C,H,W float32) into a model's input tensors (N,H,W,C of its type)."""
    import numpy as np

    channels_last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    return channels_last if spec.scale is None else to_steps(channels_last, spec)


def as_seen(images: NDArray[np.float32], spec: TensorSpec) -> NDArray[np.float32]:
    """Return images (N,C,H,W) as a model's input tensor holds them (N,H*W*C float32): rounded, and clipped."""
    return from_output(to_input(images, spec).reshape(len(images), -1), spec)


def to_steps(values: NDArray[np.float32], spec: TensorSpec) -> NDArray[np.generic]:
    """Round real values (any shape) onto a quantized tensor's grid: clamped.

    q = round(x / scale) + zero point, halves away from zero: what TFLite's QUANTIZE computes.
    """
    import numpy as np

    limits = np.iinfo(spec.dtype)
    scaled = values / np.float32(spec.scale or 1.0)
    whole = np.trunc(scaled)
    # Adding a half and truncating would round 0.49999997 up: that sum is 1 in 32 bits.
    rounded = whole + np.copysign(abs(scaled - whole) >= 0.5, scaled) + (spec.zero_point or 0)
    return np.clip(rounded, limits.min, limits.max).astype(spec.dtype)


def from_output(values: NDArray[np.generic], spec: TensorSpec) -> NDArray[np.float32]:
    """Turn output tensors into logits (N,classes float32): scale * (q - zero point)."""
    import numpy as np

    if spec.scale is None:
        return values.astype(np.float32)
    return (values.astype(np.float32) - np.float32(spec.zero_point or 0)) * np.float32(spec.scale)


def from_outputs(values: NDArray[np.generic], specs: Sequence[TensorSpec]) -> NDArray[np.float32]:
    """Turn outputs as they follow each other (N,values; of one output in any shape) into real numbers (float32)."""
    import numpy as np

    if len(specs) == 1:
        return from_output(values, specs[0])
    ends = np.cumsum([prod(spec.shape) for spec in specs])[:-1]
    parts = np.split(values.reshape(len(values), -1), ends, axis=1)
    return np.concatenate([from_output(part, spec) for part, spec in zip(parts, specs, strict=True)], axis=1)


def tensor_spec(shape: object, dtype: object, scales: object, zero_points: object) -> TensorSpec:
    """Return the TensorSpec of what the interpreters say: quantized when there is one scale."""
    import numpy as np

    scale, zero_point = np.atleast_1d(scales), np.atleast_1d(zero_points)  # type: ignore[call-overload]
    kind = np.dtype(dtype).name  # type: ignore[call-overload]
    size = tuple(int(n) for n in shape)  # type: ignore[attr-defined]
    if kind == "float32" or scale.size == 0 or scale[0] == 0:
        return TensorSpec(size, kind)
    return TensorSpec(size, kind, float(scale[0]), int(zero_point[0]))
