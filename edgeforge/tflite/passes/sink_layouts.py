"""Transposes and reshapes that a converter puts around single operators, moved behind functions of single values.

onnx2tf's direct way computes some operators (ELU, SIN, comparisons, all between one-dimensional convolutions) in
PyTorch's layout, between a TRANSPOSE and one back.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.conversion import operator_code
from edgeforge.tflite.flatbuffer import operator_name, operators, write_model
from edgeforge.tflite.graph import Graph, layer_label, sources, targets
from edgeforge.tflite.layers import constant
from edgeforge.tflite.passes.pointwise import POINTWISE, functions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LAYOUTS = ("TRANSPOSE", "RESHAPE")
REDUCTIONS = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM")


class SinkLayouts(Pass[bytes]):
    """Let TRANSPOSE and RESHAPE change places with what computes value by value, and join those that meet.

    Two RESHAPEs are one, two TRANSPOSEs are one or none, and TRANSPOSE, RESHAPE, TRANSPOSE that leave the channels
    last are one RESHAPE. Requires a float model of one subgraph. Ensures no TRANSPOSE more than before, and the same
    operators that compute.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with fewer of them; the very bytes where none can move."""
        graph, changed = Graph(model), []
        while what := next(filter(None, (move(graph) for move in MOVES)), ""):
            changed.append(what)
            graph = Graph(graph.model)
        return Rewritten(write_model(graph.model) if changed else model, tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are more, or computing ones that are fewer."""
        old, new = operators(before), operators(after.model)
        if new.get("TRANSPOSE", 0) > old.get("TRANSPOSE", 0):
            yield f"there are {new['TRANSPOSE']} TRANSPOSEs, there were {old.get('TRANSPOSE', 0)}"
        if {k: n for k, n in old.items() if k not in LAYOUTS} != {k: n for k, n in new.items() if k not in LAYOUTS}:
            yield f"the operators were {old}, are {new}"


def _joined(graph: Graph) -> str:
    """Make one operator, or none, of layouts in a row; return a label of what was done, "" where nothing is."""
    makers = _makers(graph)
    for place in range(len(graph.operators)):
        if graph.names[place] not in LAYOUTS or place not in graph.layers:
            continue
        row = _row(graph, place, makers)
        for length in range(len(row), 0, -1):
            if _join(graph, row[-length:]):
                return layer_label(graph, place)
    return ""


def _row(graph: Graph, place: int, makers: dict[int, int]) -> list[int]:
    """Return the layouts that follow each other up to this one."""
    row = [place]
    while (before := makers.get(sources(graph.operators[row[0]])[0])) is not None and graph.names[before] in LAYOUTS:
        row.insert(0, before)
    return row


def _join(graph: Graph, row: list[int]) -> bool:
    """Write a row of layouts as one RESHAPE, one TRANSPOSE or nothing; False where that is no gain."""
    import numpy as np

    first, last = graph.operators[row[0]], graph.operators[row[-1]]
    source, target = sources(first)[0], targets(last)[0]
    shape, wanted = graph.shape(source), graph.shape(target)
    order = np.arange(int(np.prod(shape))).reshape(shape)
    moved = order
    for place in row:
        moved = _apply(graph, place, moved)
    if not np.array_equal(moved.reshape(-1), order.reshape(-1)):
        permutation = _permutation(order, moved) if len(row) > 1 else None
        if permutation is None:
            return False
        last.opcodeIndex, last.builtinOptionsType, last.builtinOptions = (
            operator_code(graph.model, "TRANSPOSE"),
            0,
            None,
        )
        last.inputs = [source, _constant(graph, target, b"_permutation", permutation)]
    elif shape == wanted and target not in graph.outputs:
        for reader in graph.readers(target):
            operator = graph.operators[reader]
            operator.inputs = [source if int(tensor) == target else int(tensor) for tensor in operator.inputs]
        graph.graph.operators = [operator for operator in graph.operators if operator is not last]
    elif len(row) > 1 or graph.names[row[0]] == "TRANSPOSE":
        _write_reshape(graph, last, source, target)
    else:
        return False
    _drop_unread(graph)
    return True


def _sunk(graph: Graph) -> str:
    """Move one layout behind the function of single values that alone reads it."""
    known = functions(graph)
    for place in range(len(graph.operators)):
        if graph.names[place] not in LAYOUTS or place not in graph.layers:
            continue
        operator = graph.operators[place]
        source, target = sources(operator)[0], targets(operator)[0]
        found = [one for one in known if one.source == target]
        inside = {n for one in found for n in one.operators}
        if len(found) != 1 or target in graph.outputs or not set(graph.readers(target)) <= inside:
            continue
        for n in found[0].operators:
            reader = graph.operators[n]
            reader.inputs = [source if int(tensor) == target else int(tensor) for tensor in reader.inputs]
            graph.tensors[targets(reader)[0]].shape = graph.tensors[source].shape
        _put_behind(graph, operator, found[0].operators[-1], graph.shape(target))
        return layer_label(graph, place)
    return ""


def _sunk_below_several(graph: Graph) -> str:
    """Move one and the same layout of all inputs behind what combines them: a residual's ADD, a concatenation."""
    makers = _makers(graph)
    for place, operator in enumerate(graph.operators):
        kind, given = graph.names[place], sources(operator)
        joins = kind == "CONCATENATION" and len(given) > 1
        if (not joins and not (kind in POINTWISE and len(given) == 2)) or len(set(given)) < len(given):
            continue
        before = [makers.get(tensor) for tensor in given]
        movable = ("TRANSPOSE",) if joins else LAYOUTS
        if any(n is None or graph.names[n] not in movable for n in before):
            continue
        if any(len(graph.readers(tensor)) > 1 or tensor in graph.outputs for tensor in given):
            continue
        first, *others = [graph.operators[n] for n in before if n is not None]
        target = targets(operator)[0]
        wanted, shape = graph.shape(target), graph.shape(sources(first)[0])
        if joins:
            orders = [constant(graph.model, int(one.inputs[1])) for one in (first, *others)]
            order = [int(axis) for axis in orders[0]] if orders[0] is not None else []
            if any(one is None or list(one) != order for one in orders):
                continue
            operator.builtinOptions.axis = order[operator.builtinOptions.axis]
            shape = tuple(wanted[order.index(axis)] for axis in range(len(order)))
        elif not _same_layout(graph, first, others[0]):
            continue
        operator.inputs = [sources(one)[0] for one in (first, *others)]
        graph.tensors[target].shape = _int32(shape)
        graph.graph.operators = [o for o in graph.operators if all(o is not other for other in others)]
        _put_behind(graph, first, next(n for n, o in enumerate(graph.graph.operators) if o is operator), wanted)
        return f"{kind} {place}"
    return ""


def _sunk_below_function(graph: Graph) -> str:
    """Move one and the same layout of all that a function of several steps reads behind it: GREATER and SELECT of a
    Softplus, which both read the one, and SELECT the other.
    """
    makers = _makers(graph)
    for last in range(len(graph.operators)):
        inside, before = _function_of_layouts(graph, last, makers)
        free = [one for one in before if set(graph.readers(targets(one)[0])) <= inside]
        free = [one for one in free if targets(one)[0] not in graph.outputs]
        if len(inside) < 2 or not free or not all(_same_layout(graph, before[0], one) for one in before[1:]):
            continue
        source = {targets(layout)[0]: sources(layout)[0] for layout in before}
        target, shape = targets(graph.operators[last])[0], graph.shape(sources(free[0])[0])
        wanted = graph.shape(target)
        for place in inside:
            operator = graph.operators[place]
            operator.inputs = [source.get(int(tensor), int(tensor)) for tensor in operator.inputs]
            graph.tensors[targets(operator)[0]].shape = _int32(shape)
        _put_behind(graph, free[0], last, wanted)
        _drop_unread(graph)
        return f"{graph.names[last]} {last}"
    return ""


def _function_of_layouts(graph: Graph, last: int, makers: dict[int, int]) -> tuple[set[int], list[Any]]:
    """Return the operators that compute value by value up to `last` and are read in between alone, and the layouts that
    are all they read; nothing where they read anything else.
    """
    inside = {last} if _is_pointwise(graph, last) else set[int]()
    waiting, before = sorted(inside), dict[int, Any]()
    while waiting:
        for tensor in graph.activations(waiting.pop()):
            maker = makers.get(tensor)
            if maker is None:
                return set(), []
            if graph.names[maker] in LAYOUTS:
                before[maker] = graph.operators[maker]
            elif maker not in inside:
                inside.add(maker)
                waiting.append(maker)
    for place in inside - {last}:
        target = targets(graph.operators[place])[0]
        if not _is_pointwise(graph, place) or target in graph.outputs or not set(graph.readers(target)) <= inside:
            return set(), []
    return inside, list(before.values())


def _is_pointwise(graph: Graph, place: int) -> bool:
    """Tell whether each value is made of the same place's values, and of single constants."""
    if graph.names[place] not in POINTWISE or place not in graph.layers:
        return False
    activations, shape = graph.activations(place), graph.shape(targets(graph.operators[place])[0])
    constants = [tensor for tensor in sources(graph.operators[place]) if tensor not in activations]
    same = all(graph.shape(tensor) == shape for tensor in activations)
    return same and all(prod(graph.shape(tensor)) == 1 for tensor in constants)


def _sunk_below_reduction(graph: Graph) -> str:
    """Move a TRANSPOSE behind a reduction that alone reads it, whose axes are then those of the source."""
    makers = _makers(graph)
    for place, operator in enumerate(graph.operators):
        if graph.names[place] not in REDUCTIONS:
            continue
        given, before = sources(operator)[0], makers.get(sources(operator)[0])
        if before is None or graph.names[before] != "TRANSPOSE" or graph.readers(given) != [place]:
            continue
        layout = graph.operators[before]
        order, axes = constant(graph.model, int(layout.inputs[1])), constant(graph.model, int(operator.inputs[1]))
        if order is None or axes is None:
            continue
        target, source = targets(operator)[0], sources(layout)[0]
        reduced = {int(axis) % len(order) for axis in axes.reshape(-1)}
        kept = [int(order[axis]) for axis in range(len(order)) if axis not in reduced]
        if not operator.builtinOptions.keepDims and kept != sorted(kept):
            continue
        own = sorted(int(order[axis]) for axis in reduced)
        operator.inputs = [source, _constant(graph, target, b"_axes", own)]
        if operator.builtinOptions.keepDims:
            wanted, shape = graph.shape(target), graph.shape(source)
            graph.tensors[target].shape = _int32([1 if axis in own else size for axis, size in enumerate(shape)])
            _put_behind(graph, layout, place, wanted)
        else:
            graph.graph.operators = [one for one in graph.operators if one is not layout]
        return f"{graph.names[place]} {place}"
    return ""


def _same_layout(graph: Graph, one: Any, other: Any) -> bool:
    import numpy as np

    if any(graph.shape(a[0]) != graph.shape(b[0]) for a, b in
           ((sources(one), sources(other)), (targets(one), targets(other)))):  # fmt: skip
        return False
    shape = graph.shape(sources(one)[0])
    order = np.arange(int(np.prod(shape))).reshape(shape)
    places = [next(n for n, o in enumerate(graph.operators) if o is wanted) for wanted in (one, other)]
    first, second = (_apply(graph, place, order) for place in places)
    return bool(np.array_equal(first, second))


def _put_behind(graph: Graph, layout: Any, place: int, shape: tuple[int, ...]) -> None:
    """Let the operator at `place` write a tensor of its own, and the layout make of it what was written before.

    The new tensor takes the name: it holds the values that the name says.
    """
    operator = graph.graph.operators[place]
    old = targets(operator)[0]
    own = copy.copy(graph.tensors[old])
    graph.tensors.append(own)
    graph.tensors[old].name += b"_laid_out"
    graph.tensors[old].shape = _int32(shape)
    operator.outputs = [len(graph.tensors) - 1]
    layout.inputs, layout.outputs = [len(graph.tensors) - 1, *list(layout.inputs)[1:]], [old]
    rest = [o for o in graph.graph.operators if o is not layout]
    at = next(n for n, o in enumerate(rest) if o is operator)
    graph.graph.operators = [*rest[: at + 1], layout, *rest[at + 1 :]]


def _apply(graph: Graph, place: int, values: NDArray[Any]) -> NDArray[Any]:
    """Return what a layout makes of values."""
    operator = graph.operators[place]
    if graph.names[place] == "RESHAPE":
        return values.reshape(graph.shape(targets(operator)[0]))
    permutation = constant(graph.model, int(operator.inputs[1]))
    assert permutation is not None
    return values.transpose([int(axis) for axis in permutation])


def _permutation(order: NDArray[Any], moved: NDArray[Any]) -> list[int] | None:
    """Return the order of axes by which one TRANSPOSE moves values so; None where none does."""
    from itertools import permutations

    import numpy as np

    for axes in permutations(range(order.ndim)):
        if order.transpose(axes).shape == moved.shape and np.array_equal(order.transpose(axes), moved):
            return list(axes)
    return None


def _write_reshape(graph: Graph, operator: Any, source: int, target: int) -> None:
    from ai_edge_litert import schema_py_generated as schema

    shape = list(graph.shape(target))
    operator.opcodeIndex = operator_code(graph.model, "RESHAPE", 1)
    operator.builtinOptionsType, operator.builtinOptions = (
        schema.BuiltinOptions.ReshapeOptions,
        schema.ReshapeOptionsT(),
    )
    operator.builtinOptions.newShape = _int32(shape)
    operator.inputs = [source, _constant(graph, target, b"_shape", shape)]


def _constant(graph: Graph, tensor: int, suffix: bytes, values: list[int]) -> int:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    buffer, made = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(_int32(values).tobytes(), np.uint8)
    graph.model.buffers.append(buffer)
    made.name, made.shape = graph.tensors[tensor].name + suffix, _int32([len(values)])
    made.type, made.buffer = schema.TensorType.INT32, len(graph.model.buffers) - 1
    graph.tensors.append(made)
    return len(graph.tensors) - 1


def _int32(values: Sequence[int]) -> NDArray[np.int32]:
    """Return numbers as a flatbuffer holds a shape."""
    import numpy as np

    return np.array(values, np.int32)


def _drop_unread(graph: Graph) -> None:
    """Leave out the layouts that nothing reads any more."""
    while True:
        read = {tensor for operator in graph.graph.operators for tensor in sources(operator)} | set(graph.outputs)
        kept = [o for o in graph.graph.operators
                if operator_name(graph.model, o) not in LAYOUTS or targets(o)[0] in read]  # fmt: skip
        if len(kept) == len(graph.graph.operators):
            return
        graph.graph.operators = kept


def _makers(graph: Graph) -> dict[int, int]:
    return {tensor: n for n, operator in enumerate(graph.operators) for tensor in targets(operator)}


MOVES = (_joined, _sunk, _sunk_below_several, _sunk_below_function, _sunk_below_reduction)
