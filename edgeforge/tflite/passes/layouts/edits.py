"""How a graph is changed where a layout is moved, and what a layout does to values."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgeforge.tflite.conversion import operator_code
from edgeforge.tflite.flatbuffer import operator_name
from edgeforge.tflite.graph import Graph, sources, targets
from edgeforge.tflite.layers import constant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LAYOUTS = ("TRANSPOSE", "RESHAPE")


def makers_of(graph: Graph) -> dict[int, int]:
    """Return tensor → place of the operator that makes it."""
    return {tensor: n for n, operator in enumerate(graph.operators) for tensor in targets(operator)}


def place_of(graph: Graph, operator: Any) -> int:
    """Return an operator's place now."""
    return next(n for n, one in enumerate(graph.graph.operators) if one is operator)


def same_layout(graph: Graph, one: Any, other: Any) -> bool:
    """Tell whether two layouts do the same to values of one shape."""
    import numpy as np

    if any(graph.shape(a[0]) != graph.shape(b[0]) for a, b in
           ((sources(one), sources(other)), (targets(one), targets(other)))):  # fmt: skip
        return False
    shape = graph.shape(sources(one)[0])
    order = np.arange(int(np.prod(shape))).reshape(shape)
    places = [place_of(graph, wanted) for wanted in (one, other)]
    first, second = (laid_out(graph, place, order) for place in places)
    return bool(np.array_equal(first, second))


def put_behind(graph: Graph, layout: Any, place: int, shape: tuple[int, ...]) -> None:
    """Let the operator at `place` write a tensor of its own, and the layout make of it what was written before.

    The new tensor takes the name: it holds the values that the name says.
    """
    operator = graph.graph.operators[place]
    old = targets(operator)[0]
    own = copy.copy(graph.tensors[old])
    graph.tensors.append(own)
    graph.tensors[old].name += b"_laid_out"
    graph.tensors[old].shape = as_shape(shape)
    operator.outputs = [len(graph.tensors) - 1]
    layout.inputs, layout.outputs = [len(graph.tensors) - 1, *list(layout.inputs)[1:]], [old]
    rest = [o for o in graph.graph.operators if o is not layout]
    at = next(n for n, one in enumerate(rest) if one is operator)
    graph.graph.operators = [*rest[: at + 1], layout, *rest[at + 1 :]]


def laid_out(graph: Graph, place: int, values: NDArray[Any]) -> NDArray[Any]:
    """Return what a layout makes of values."""
    operator = graph.operators[place]
    if graph.names[place] == "RESHAPE":
        return values.reshape(graph.shape(targets(operator)[0]))
    permutation = constant(graph.model, int(operator.inputs[1]))
    assert permutation is not None
    return values.transpose([int(axis) for axis in permutation])


def write_reshape(graph: Graph, operator: Any, source: int, target: int) -> None:
    """Make an operator the RESHAPE of `source` to the shape of `target`."""
    from ai_edge_litert import schema_py_generated as schema

    shape = list(graph.shape(target))
    operator.opcodeIndex = operator_code(graph.model, "RESHAPE", 1)
    operator.builtinOptionsType, operator.builtinOptions = (
        schema.BuiltinOptions.ReshapeOptions,
        schema.ReshapeOptionsT(),
    )
    operator.builtinOptions.newShape = as_shape(shape)
    operator.inputs = [source, add_constant(graph, target, b"_shape", shape)]


def add_constant(graph: Graph, tensor: int, suffix: bytes, values: list[int]) -> int:
    """Add numbers as a constant tensor, called after another tensor; return its place."""
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    buffer, made = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(as_shape(values).tobytes(), np.uint8)
    graph.model.buffers.append(buffer)
    made.name, made.shape = graph.tensors[tensor].name + suffix, as_shape([len(values)])
    made.type, made.buffer = schema.TensorType.INT32, len(graph.model.buffers) - 1
    graph.tensors.append(made)
    return len(graph.tensors) - 1


def as_shape(values: Sequence[int]) -> NDArray[np.int32]:
    """Return numbers as a flatbuffer holds a shape."""
    import numpy as np

    return np.array(values, np.int32)


def drop_unread(graph: Graph) -> None:
    """Leave out the layouts that nothing reads any more."""
    while True:
        read = {tensor for operator in graph.graph.operators for tensor in sources(operator)} | set(graph.outputs)
        kept = [o for o in graph.graph.operators
                if operator_name(graph.model, o) not in LAYOUTS or targets(o)[0] in read]  # fmt: skip
        if len(kept) == len(graph.graph.operators):
            return
        graph.graph.operators = kept
