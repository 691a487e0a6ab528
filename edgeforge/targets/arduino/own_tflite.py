"""A .tflite file made anywhere: is it one that a board can run?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.targets.fit.judge import QUANTIZE
from edgeforge.tflite.flatbuffer import type_name
from edgeforge.tflite.graph import CONVERSIONS, VARIABLES, Graph, layer_label, sources, targets
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes, input_names
from edgeforge.tflite.passes.fixed.order import read_fixed
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import image_shape

TYPES = ("int8", "uint8", "int16", "float32")  # of inputs and outputs that a sketch can handle
INDICES = "int32"  # of inputs that are no quantized values, such as the places of words, and of outputs beside others
Shape = tuple[int, int, int]
# Operators that give on values as they are.
MOVES = ("CONCATENATION", "EXPAND_DIMS", "GATHER", "PACK", "RESHAPE", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE",
         "STRIDED_SLICE", "TRANSPOSE", "UNPACK")  # fmt: skip


@dataclass(frozen=True)
class OwnTFLite:
    """A full-integer model. shapes: of each input C,H,W, as its tensor is read."""

    path: Path
    flatbuffer: bytes
    graph: Graph
    shapes: tuple[Shape, ...]
    changes: tuple[str, ...] = ()  # what fixing its shapes has changed, in words

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The input tensors' types and quantization."""
        return tuple(self.graph.spec(place) for place in self.graph.inputs)

    @property
    def names(self) -> tuple[str, ...]:
        """What its inputs are called."""
        return input_names(self.graph)


def load_own(path: Path, shapes: Shapes = AS_THE_FILE_SAYS) -> OwnTFLite:
    """Read a .tflite file and fix its shapes; `shapes`: of inputs that it leaves free beyond the batch.

    Raises RecipeError when it is none, or not full-integer.
    """
    flatbuffer, changes = read_fixed(path, shapes)
    try:
        graph = Graph(flatbuffer)
        require_full_integer(graph)
        shapes_of = _shapes(graph)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error
    return OwnTFLite(path, graph.model_bytes, graph, shapes_of, changes)


def require_full_integer(graph: Graph) -> None:
    """Raise RecipeError, which says how to quantize, when a layer computes in float.

    TensorFlow's converter leaves resource variables in float: what only moves their values computes nothing.
    """
    computing = [
        (part, place)
        for part in graph.parts
        for place, name in enumerate(part.names)
        if name not in (*CONVERSIONS, *VARIABLES)
    ]
    moves = MOVES if graph.resources else ()
    floats = [layer for layer in computing if _touches_float(*layer) and layer[0].names[layer[1]] not in moves]
    if not floats:
        return
    hybrid = any("int8" in _types(*layer) for layer in floats)
    kind = "its weights are int8, but it" if hybrid else "it"
    if any(_types(*layer) & {"int8", "int16", "uint8"} for layer in computing if layer not in floats):
        kind = "it is quantized in part: it"
    where = layer_label(*floats[0])
    others = f" and {len(floats) - 1} more of {len(computing)} layers" if len(floats) > 1 else ""
    raise RecipeError(f"{kind} computes in float: {where}{others}", fix=QUANTIZE)


def _touches_float(graph: Graph, place: int) -> bool:
    return any(name.startswith("float") for name in _types(graph, place))


def _types(graph: Graph, place: int) -> set[str]:
    operator = graph.operators[place]
    return {type_name(graph.tensors[tensor].type).lower() for tensor in (*sources(operator), *targets(operator))}


def _shapes(graph: Graph) -> tuple[Shape, ...]:
    """Return each input's C,H,W. Raises RecipeError for inputs and outputs that a sketch cannot handle."""
    for name, place in zip(input_names(graph), graph.inputs, strict=True):
        spec = graph.spec(place)
        if spec.dtype not in TYPES and not (spec.dtype == INDICES and spec.scale is None):
            called = f"its input {name}" if len(graph.inputs) > 1 else "its input"
            raise RecipeError(
                f"{called} is {spec.dtype}", fix=f"convert it with one of: {', '.join((*TYPES, INDICES))}"
            )
    types = list(dict.fromkeys(graph.spec(tensor).dtype for tensor in graph.outputs))
    wrong = [kind for kind in types if kind not in TYPES and not (kind == INDICES and len(types) > 1)]
    if wrong or not types:
        raise RecipeError(
            f"its {'output is' if len(graph.outputs) == 1 else 'outputs are'} {' and '.join(types) or 'none'}",
            fix=f"convert it with outputs of these types: {', '.join(TYPES)}",
        )
    return tuple(image_shape(graph.shape(place)) for place in graph.inputs)
