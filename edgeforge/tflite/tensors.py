"""Layout and quantization at the ends of a TFLite model, the same for LiteRT and TFLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

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
    return channels_last.astype(spec.dtype, copy=False) if spec.scale is None else to_steps(channels_last, spec)


def as_records(fields: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return several arrays (each N,…) as one of records (N), a field each: what a model of several inputs is given."""
    import numpy as np

    first = next(iter(fields.values()))
    kinds = [(name, values.dtype, values.shape[1:]) for name, values in fields.items()]
    found = np.zeros(len(first), np.dtype(kinds))
    for name, values in fields.items():
        found[name] = values
    return found


def fields_of(records: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what `as_records` was given; of an array that has no records this alone, called `""`."""
    names = records.dtype.names
    return {name: records[name] for name in names} if names else {"": records}


def channels_last(raw: Any) -> Any:
    """Return one input (C,H,W) as H,W,C; of several inputs a record of such."""
    if not raw.dtype.names:
        return raw.transpose(1, 2, 0)
    return as_records({name: raw[name].transpose(1, 2, 0)[None] for name in raw.dtype.names})[0]


def to_inputs(batch: NDArray[Any], specs: Sequence[TensorSpec]) -> NDArray[Any]:
    """Turn inputs into a model's input tensors: `to_input`, of several inputs records (N) with a field for each."""
    if len(specs) == 1:
        return to_input(batch, specs[0])
    fields = zip(fields_of(batch).items(), specs, strict=True)
    return as_records({name: to_input(values, spec) for (name, values), spec in fields})


def each_input(tensor: Any, specs: Sequence[TensorSpec]) -> list[NDArray[Any]]:
    """Return the value of every input tensor, in its own shape, of one input of `to_inputs`."""
    import numpy as np

    if len(specs) == 1:
        return [tensor.reshape(specs[0].shape)]
    record = tensor.reshape(-1)[0] if isinstance(tensor, np.ndarray) else tensor
    return [record[name].reshape(spec.shape) for name, spec in zip(record.dtype.names, specs, strict=True)]


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


def of_one_type(values: NDArray[Any], specs: Sequence[TensorSpec]) -> NDArray[Any]:
    """Return outputs as a board gives them: those of several types as real numbers (N,values float32)."""
    return from_outputs(values, specs) if values.dtype.names else values


def specs_of_one_type(specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Return what `of_one_type` makes of outputs: of several types, floats."""
    if len({spec.dtype for spec in specs}) == 1:
        return tuple(specs)
    return tuple(TensorSpec(spec.shape, "float32") for spec in specs)


def from_output(values: NDArray[np.generic], spec: TensorSpec) -> NDArray[np.float32]:
    """Turn output tensors into logits (N,classes float32): scale * (q - zero point)."""
    import numpy as np

    if spec.scale is None:
        return values.astype(np.float32)
    return (values.astype(np.float32) - np.float32(spec.zero_point or 0)) * np.float32(spec.scale)


def in_a_row(outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return a model's outputs of one input as one array: several follow each other (1,values).

    Those of several types are a record (1) with a field for each.
    """
    return outputs[0] if len(outputs) == 1 else in_columns([one.reshape(1, -1) for one in outputs])


def in_columns(outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return outputs (each N,values) beside each other (N,values); of several types as records (N)."""
    import numpy as np

    if len({one.dtype for one in outputs}) > 1:
        return as_records({str(place): one for place, one in enumerate(outputs)})
    return np.concatenate([one.reshape(len(one), -1) for one in outputs], axis=1)


def each_output(values: NDArray[Any], specs: Sequence[TensorSpec]) -> list[NDArray[Any]]:
    """Return each output (N,values) of outputs as `in_a_row` has them, for N inputs."""
    import numpy as np

    if values.dtype.names:
        return list(fields_of(values).values())
    ends = np.cumsum([prod(spec.shape) for spec in specs])[:-1]
    return np.split(values.reshape(len(values), -1), ends, axis=1)


def from_outputs(values: NDArray[Any], specs: Sequence[TensorSpec]) -> NDArray[np.float32]:
    """Turn outputs as they follow each other (N,values; of one output in any shape) into real numbers (float32)."""
    import numpy as np

    if len(specs) == 1:
        return from_output(values, specs[0])
    parts = zip(each_output(values, specs), specs, strict=True)
    return np.concatenate([from_output(part, spec) for part, spec in parts], axis=1)


def tensor_spec(shape: object, dtype: object, scales: object, zero_points: object) -> TensorSpec:
    """Return the TensorSpec of what the interpreters say: quantized when there is one scale."""
    import numpy as np

    scale, zero_point = np.atleast_1d(scales), np.atleast_1d(zero_points)  # type: ignore[call-overload]
    kind = np.dtype(dtype).name  # type: ignore[call-overload]
    size = tuple(int(n) for n in shape)  # type: ignore[attr-defined]
    if kind == "float32" or scale.size == 0 or scale[0] == 0:
        return TensorSpec(size, kind)
    return TensorSpec(size, kind, float(scale[0]), int(zero_point[0]))
