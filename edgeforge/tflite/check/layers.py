"""Do a layer's numbers make sense: strides, axes, orders and shapes that its kernel divides by or indexes with?"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, prod
from typing import Any

from edgeforge.tflite.check import windows
from edgeforge.tflite.check.layer import LARGEST_STEP, Layer
from edgeforge.tflite.flatbuffer import is_type, type_name

PADDINGS, ACTIVATIONS = 2, 6  # how many of each TFLite knows


NO_NUMBERS = ("STRING", "RESOURCE", "VARIANT")
QUANTIZED = {
    *("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    *("SUB", "SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "MEAN", "LEAKY_RELU", "HARD_SWISH", "PRELU"),
    *("ADD", "MUL", "AVERAGE_POOL_2D", "RELU", "RELU6", "DEQUANTIZE", "QUANTIZE"),
}


def require_layer(model: Any, graph: Any, operator: Any, kind: str, name: str) -> None:
    """Raise RecipeError for numbers on which kernels divide by zero or read beyond a tensor."""
    layer = Layer(model, graph, operator, name)
    if layer.options is not None:
        _require_options(layer)
    if kind in QUANTIZED:
        _require_scales(layer)
    for check in CHECKS.get(kind, ()):
        check(layer)


def _require_options(layer: Layer) -> None:
    for key, value in vars(layer.options).items():
        if isinstance(value, float) and not isfinite(value):
            raise layer.wrong(f"has {key} {value}")
        if key in ("inDataType", "outDataType") and not is_type(value):
            raise layer.wrong(f"has {key} {value}, which TFLite does not know")
        if key.startswith(("stride", "filter", "dilation")) and not 1 <= value <= LARGEST_STEP:
            raise layer.wrong(f"has {key} {value}")
        if key == "fusedActivationFunction" and not 0 <= value < ACTIVATIONS:
            raise layer.wrong(f"has an activation that TFLite does not know ({value})")
        if key == "padding" and isinstance(value, int) and not 0 <= value < PADDINGS:
            raise layer.wrong(f"has a padding that TFLite does not know ({value})")


def _require_scales(layer: Layer) -> None:
    """What is computed with scales has them; nothing that is no number can be computed with."""
    places = [*layer.operator.inputs, *layer.operator.outputs]
    for place in places:
        tensor = layer.graph.tensors[place] if place >= 0 else None
        kind = "" if tensor is None else type_name(tensor.type)
        if kind in NO_NUMBERS:
            raise layer.wrong(f"computes with tensor {place}, which holds {kind}")
        found = None if tensor is None else tensor.quantization
        if kind in ("INT8", "UINT8") and (found is None or found.scale is None or not len(found.scale)):
            raise layer.wrong(f"computes with tensor {place} of {kind}, which has no scale")


def _concatenated(layer: Layer) -> None:
    rank = len(layer.target())
    if any(len(layer.shape(place)) != rank for place in range(len(layer.operator.inputs)) if layer.has(place)):
        raise layer.wrong("joins tensors of different dimensions")
    layer.require_axis(layer.options.axis, rank)
    shapes, made = [layer.shape(place) for place in range(len(layer.operator.inputs))], list(layer.target())
    if all(-1 not in (*shape, *made) for shape in shapes) and rank:
        made[layer.options.axis] -= sum(shape[layer.options.axis] for shape in shapes)
        others = [[size for place, size in enumerate(one) if place != layer.options.axis % rank] for one in shapes]
        kept = [size for place, size in enumerate(made) if place != layer.options.axis % rank]
        if made[layer.options.axis] or any(one != kept for one in others):
            raise layer.wrong(f"makes {layer.target()} of {shapes[:4]}")


def _reduced(layer: Layer) -> None:
    for axis in layer.values(1) or []:
        layer.require_axis(axis, len(layer.shape(0)))


def _transpose(layer: Layer) -> None:
    order, rank = layer.values(1), len(layer.shape(0))
    if order is not None and sorted(one % max(rank, 1) for one in order) != list(range(rank)):
        raise layer.wrong(f"puts {rank} dimensions into the order {order}")


def _padded(layer: Layer) -> None:
    sizes, rank = layer.values(1), len(layer.shape(0))
    if sizes is not None and (
        len(sizes) != 2 * rank or min(sizes, default=0) < 0 or max(sizes, default=0) > LARGEST_STEP
    ):
        raise layer.wrong(f"pads {rank} dimensions by {sizes[:8]}")


def _reshaped(layer: Layer) -> None:
    if not layer.has(1) and getattr(layer.options, "newShape", None) is None:
        raise layer.wrong("has no shape to make, neither as an input nor as an option")
    before, after = layer.shape(0), layer.target()
    if min((*before, *after), default=0) >= 0 and prod(before) != prod(after):
        raise layer.wrong(f"makes {after} of {before}")


def _same_values(layer: Layer) -> None:
    before, after = layer.shape(0), layer.target()
    if -1 not in (*before, *after) and prod(before) != prod(after):
        raise layer.wrong(f"makes {after} of {before}")


def _strided(layer: Layer) -> None:
    rank = len(layer.shape(0))
    for place in (1, 2, 3):
        values = layer.values(place)
        if values is not None and (len(values) > rank + 16 or (place == 3 and 0 in values)):
            raise layer.wrong(f"slices {rank} dimensions with {values[:8]}")


def _sliced(layer: Layer) -> None:
    shape, begins, sizes = layer.shape(0), layer.values(1), layer.values(2)
    if begins is None or sizes is None:
        return
    if not len(shape) == len(begins) == len(sizes):
        raise layer.wrong(f"slices {len(shape)} dimensions from {begins[:8]}, {sizes[:8]} long")
    for whole, begin, size in zip(shape, begins, sizes, strict=True):
        if whole >= 0 and (begin < 0 or size < -1 or begin + max(size, 0) > whole):
            raise layer.wrong(f"slices {shape} from {begins}, {sizes} long")


def _split(layer: Layer) -> None:
    if layer.options.numSplits != len(layer.operator.outputs):
        raise layer.wrong(f"splits into {layer.options.numSplits} and writes {len(layer.operator.outputs)}")
    places = layer.values(0 if "SPLIT_V" not in layer.name else 2)
    if places:
        layer.require_axis(places[0], len(layer.shape(1 if "SPLIT_V" not in layer.name else 0)))


def _packed(layer: Layer) -> None:
    if layer.options.valuesCount != len(layer.operator.inputs):
        raise layer.wrong(f"packs {layer.options.valuesCount} and reads {len(layer.operator.inputs)}")
    layer.require_axis(layer.options.axis, len(layer.target()))


def _unpacked(layer: Layer) -> None:
    if layer.options.num != len(layer.operator.outputs):
        raise layer.wrong(f"unpacks {layer.options.num} and writes {len(layer.operator.outputs)}")
    layer.require_axis(layer.options.axis, len(layer.shape(0)))


def _gathered(layer: Layer) -> None:
    layer.require_axis(layer.options.axis, len(layer.shape(0)))
    places, shape = layer.values(1), layer.shape(0)
    size = shape[layer.options.axis] if shape and layer.options.batchDims == 0 else -1
    if places is not None and size >= 0 and any(not 0 <= place < size for place in places):
        raise layer.wrong(f"gathers entries {min(places)} to {max(places)} of {size}")


def _blocks(layer: Layer) -> None:
    block = layer.options.blockSize
    if not 1 <= block <= LARGEST_STEP:
        raise layer.wrong(f"has blocks of {block}")
    layer.require_rank(0, 4)


def _batches(layer: Layer) -> None:
    blocks = layer.values(1)
    if blocks is not None and (min(blocks, default=1) < 1 or max(blocks, default=1) > LARGEST_STEP):
        raise layer.wrong(f"has blocks of {blocks[:8]}")
    sizes = layer.values(2)
    if sizes is not None and (min(sizes, default=0) < 0 or max(sizes, default=0) > LARGEST_STEP):
        raise layer.wrong(f"pads or crops by {sizes[:8]}")


def _resized(layer: Layer) -> None:
    layer.require_rank(0, 4)
    sizes = layer.values(1)
    if sizes is not None and (len(sizes) != 2 or not 1 <= min(sizes) <= max(sizes) <= LARGEST_STEP):
        raise layer.wrong(f"resizes to {sizes[:8]}")


def _gates(layer: Layer) -> None:
    """A recurrent layer can do without its input gate, peepholes and projection; not without the other gates."""
    if not all(layer.has(place) for place in (0, 2, 3, 4, 6, 7, 8, 13, 14, 15, 18, 19)):
        raise layer.wrong("lacks a gate or a state")


def _softmax(layer: Layer) -> None:
    if getattr(layer.options, "beta", 1.0) < 0:
        raise layer.wrong(f"has beta {layer.options.beta}")
    if 0 in layer.shape(0) or not layer.shape(0):
        raise layer.wrong(f"is taken of {layer.shape(0)}")
    _same_values(layer)


def _broadcast(layer: Layer) -> None:
    first, second, made = layer.shape(0), layer.shape(1), layer.target()
    if -1 in (*first, *second, *made) or 0 in (*first, *second):
        return
    rank = max(len(first), len(second))
    pairs = list(zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True))
    if tuple(b if a == 1 else a for a, b in pairs) != made or any(a not in (1, b) and b != 1 for a, b in pairs):
        raise layer.wrong(f"makes {made} of {first} and {second}")


CHECKS: dict[str, tuple[Callable[[Layer], None], ...]] = {
    "CONV_2D": (windows.convolution,),
    "DEPTHWISE_CONV_2D": (windows.depthwise,),
    "TRANSPOSE_CONV": (windows.transposed,),
    "FULLY_CONNECTED": (windows.dense,),
    "AVERAGE_POOL_2D": (windows.pool,),
    "MAX_POOL_2D": (windows.pool,),
    "L2_POOL_2D": (windows.pool,),
    "CONCATENATION": (_concatenated,),
    **dict.fromkeys(
        ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL"), (_reduced,)
    ),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), (_reduced,)),
    "TRANSPOSE": (_transpose, _same_values),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), (_padded,)),
    "RESHAPE": (_reshaped,),
    **dict.fromkeys(("SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE", "CAST", "LOGISTIC", "TANH"), (_same_values,)),
    **dict.fromkeys(("RELU", "RELU6", "RELU_0_TO_1", "LEAKY_RELU", "ELU", "HARD_SWISH", "GELU"), (_same_values,)),
    **dict.fromkeys(("ABS", "NEG", "EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "SIN", "COS"), (_same_values,)),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX"), (_softmax,)),
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"), (_broadcast,)),
    "STRIDED_SLICE": (_strided,),
    "SLICE": (_sliced,),
    "SPLIT": (_split,),
    "SPLIT_V": (_split,),
    "PACK": (_packed,),
    "UNPACK": (_unpacked,),
    "GATHER": (_gathered,),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), (_blocks,)),
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"), (_batches,)),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), (_resized,)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (_gates,),
}
