"""Are a .tflite file's tensors what they say: shapes, types, values as long as the shape, scales that are numbers?"""

from __future__ import annotations

from itertools import pairwise
from math import isfinite, prod
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.tflite.check.structure import DAMAGED
from edgeforge.tflite.flatbuffer import type_name

MOST_DIMENSIONS = 16  # no kernel takes more than 8
SUMS = ("INT32", "INT64")  # of biases, whose zero point is 0
MOST_BYTES = 2**31 - 1  # of a tensor: engines count them in 32 bits
BITS = {
    "FLOAT64": 64,
    "INT64": 64,
    "UINT64": 64,
    "COMPLEX64": 64,
    "COMPLEX128": 128,
    "FLOAT32": 32,
    "INT32": 32,
    "UINT32": 32,
    "FLOAT16": 16,
    "BFLOAT16": 16,
    "INT16": 16,
    "UINT16": 16,
    "INT8": 8,
    "UINT8": 8,
    "BOOL": 8,
    "INT4": 4,
    "UINT4": 4,
    "INT2": 2,
}  # STRING, RESOURCE and VARIANT have no size
INTEGERS = {
    "INT2": (-2, 1), "INT4": (-8, 7), "INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-(2**15), 2**15 - 1),
    "UINT16": (0, 2**16 - 1), "INT32": (-(2**31), 2**31 - 1), "INT64": (-(2**63), 2**63 - 1),
}  # fmt: skip


def require_tensors(model: Any, graph: Any, where: str, file_bytes: int) -> int:
    """Return the bytes of a subgraph's activations, all at once. Raises RecipeError naming the tensor that is wrong.

    where: `` for the main subgraph, ` of subgraph 1` for others.
    """
    total = 0
    for place, tensor in enumerate(graph.tensors):
        name = f"tensor {place}{where}{_called(tensor, place)}"
        data = _require_buffer(model, tensor, name, file_bytes)
        if tensor.isVariable and (data is not None or place in graph.inputs):
            raise _wrong(name, "is a variable, and an input or a constant")
        kind = _require_type(tensor, name)
        shape = _require_shape(tensor, name, constant=data is not None)
        size = _bytes(kind, shape)
        if size > MOST_BYTES:
            raise _wrong(name, f"is of the shape {shape}: {size:,} bytes")
        if data is None:
            total += size
        elif kind == "STRING":
            _require_texts(data, name)
        elif kind in BITS and tensor.sparsity is None and len(data) != size:
            raise _wrong(name, f"has {len(data):,} bytes of values, and its shape {shape} of {kind} takes {size:,}")
        elif tensor.sparsity is not None:
            _require_sparsity(tensor.sparsity, shape, name)
        _require_quantization(tensor, kind, shape, name, constant=data is not None)
    return total


def values_of(model: Any, tensor: Any) -> Any:
    """Return the bytes of a constant's values (uint8); None for what is computed."""
    buffer = model.buffers[tensor.buffer]
    return None if buffer.data is None or not len(buffer.data) else buffer.data


def _require_buffer(model: Any, tensor: Any, name: str, file_bytes: int) -> Any:
    if not 0 <= tensor.buffer < len(model.buffers):
        raise _wrong(name, f"has its values in buffer {tensor.buffer} of {len(model.buffers)}")
    buffer = model.buffers[tensor.buffer]
    if buffer.offset > 1 or buffer.size > 1:  # behind the flatbuffer, in files of more than 2 GB
        if buffer.offset + buffer.size > file_bytes:
            raise _wrong(name, f"has its values at byte {buffer.offset:,}, beyond the file's end")
        raise _wrong(name, "has its values behind the flatbuffer, as files of more than 2 GB have")
    return values_of(model, tensor)


def _require_type(tensor: Any, name: str) -> str:
    try:
        return type_name(tensor.type)
    except KeyError:
        raise _wrong(name, f"has a type that TFLite does not know ({tensor.type})") from None


def _require_shape(tensor: Any, name: str, *, constant: bool) -> tuple[int, ...]:
    shape = () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
    least = 0 if constant else -1  # which some converters write where a size is free
    if len(shape) > MOST_DIMENSIONS or any(size < least for size in shape):
        raise _wrong(name, f"is of the shape {_short(shape)}")
    return shape


def require_free_shape(graph: Any, place: int) -> None:
    """Raise RecipeError for an input whose free shape is another's; of other tensors nobody reads it."""
    tensor = graph.tensors[place]
    shape, signature = (() if one is None else tuple(map(int, one)) for one in (tensor.shape, tensor.shapeSignature))
    if signature and (len(signature) != len(shape) or min(signature) < -1):
        name = f"tensor {place}{_called(tensor, place)}"
        raise _wrong(name, f"is of the shape {shape}, and its free shape is {_short(signature)}")


def _short(shape: tuple[int, ...]) -> str:
    return str(shape) if len(shape) <= MOST_DIMENSIONS else f"({', '.join(map(str, shape[:4]))}, … {len(shape)} sizes)"


def _bytes(kind: str, shape: tuple[int, ...]) -> int:
    return (prod(max(size, 1) if size < 0 else size for size in shape) * BITS.get(kind, 0) + 7) // 8


def _require_texts(data: Any, name: str) -> None:
    """A tensor of texts begins with how many there are, and where each begins and the last ends (int32)."""
    size, raw = len(data), bytes(data)
    count = int.from_bytes(raw[:4], "little", signed=True) if size >= 4 else -1
    if count < 0 or 4 * (count + 2) > size:
        raise _wrong(name, "holds texts that are cut short")
    offsets = [int.from_bytes(raw[place : place + 4], "little", signed=True) for place in range(4, 4 * count + 8, 4)]
    if any(not 0 <= first <= second <= size for first, second in pairwise(offsets)):
        raise _wrong(name, "holds texts that lie outside of it")


def _require_sparsity(sparsity: Any, shape: tuple[int, ...], name: str) -> None:
    order = [] if sparsity.traversalOrder is None else [int(place) for place in sparsity.traversalOrder]
    dimensions = sparsity.dimMetadata or []
    if not len(shape) <= len(order) == len(dimensions) or sorted(order) != list(range(len(order))):
        raise _wrong(name, "is sparse, and does not say in which order its dimensions lie")
    for dimension in dimensions:
        segments, indices = (getattr(one, "values", None) for one in (dimension.arraySegments, dimension.arrayIndices))
        if dimension.format == 0 and dimension.denseSize < 1:
            raise _wrong(name, f"is sparse, and has a dense dimension of {dimension.denseSize}")
        if dimension.format and (segments is None or indices is None or not len(segments)):
            raise _wrong(name, "is sparse, and does not say which values there are")


def _require_quantization(tensor: Any, kind: str, shape: tuple[int, ...], name: str, *, constant: bool) -> None:
    found = tensor.quantization
    scales = [] if found is None or found.scale is None else [float(scale) for scale in found.scale]
    zeros = [] if found is None or found.zeroPoint is None else [int(zero) for zero in found.zeroPoint]
    if kind not in INTEGERS or not (scales or zeros):
        return
    if len(zeros) != len(scales):
        raise _wrong(name, f"has {len(scales)} scales and {len(zeros)} zero points")
    if any(not isfinite(scale) or scale <= 0 for scale in scales):
        wrong = next(scale for scale in scales if not isfinite(scale) or scale <= 0)
        raise _wrong(name, f"has a scale of {wrong:g}; scales are above 0")
    low, high = INTEGERS[kind]
    outside = [zero for zero in zeros if not low <= zero <= high]
    if outside:
        raise _wrong(name, f"has the zero point {outside[0]}; those of {kind} are {low} to {high}")
    if constant and kind in SUMS and any(zeros):
        raise _wrong(name, f"has the zero point {next(filter(None, zeros))}; constants of {kind} have 0")
    axis = found.quantizedDimension
    if not 0 <= axis < max(len(shape), 1) or len(scales) not in (1, *shape[axis : axis + 1]):
        raise _wrong(name, f"has {len(scales)} scales along dimension {axis} of its shape {shape}")
    if len(scales) > 1 and not constant:
        raise _wrong(name, f"has {len(scales)} scales, and is no constant")


def _called(tensor: Any, place: int) -> str:
    """Return a tensor's name behind its number; empty where it has none, or one that is no text."""
    try:
        name = tensor.name.decode()
    except UnicodeDecodeError:
        raise _wrong(f"tensor {place}", "has a name that is no UTF-8 text") from None
    return f" ('{name[:60]}')" if name and name != f"tensor_{place}" else ""


def _wrong(name: str, what: str) -> RecipeError:
    return RecipeError(f"this .tflite file is damaged: {name} {what}", fix=DAMAGED)
