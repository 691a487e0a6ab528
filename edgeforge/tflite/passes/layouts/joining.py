"""Layouts in a row, joined: two RESHAPEs are one, two TRANSPOSEs are one or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.tflite.conversion import operator_code
from edgeforge.tflite.graph import Graph, layer_label, sources, targets
from edgeforge.tflite.passes.layouts.edits import LAYOUTS, add_constant, drop_unread, laid_out, makers_of, write_reshape

if TYPE_CHECKING:
    from numpy.typing import NDArray


def join_layouts(graph: Graph) -> str:
    """Make one operator, or none, of layouts in a row; return a label of what was done, "" where nothing is."""
    makers = makers_of(graph)
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
        moved = laid_out(graph, place, moved)
    if not np.array_equal(moved.reshape(-1), order.reshape(-1)):
        permutation = _permutation(order, moved) if len(row) > 1 else None
        if permutation is None:
            return False
        last.opcodeIndex, last.builtinOptionsType, last.builtinOptions = (
            operator_code(graph.model, "TRANSPOSE"),
            0,
            None,
        )
        last.inputs = [source, add_constant(graph, target, b"_permutation", permutation)]
    elif shape == wanted and target not in graph.outputs:
        for reader in graph.readers(target):
            operator = graph.operators[reader]
            operator.inputs = [source if int(tensor) == target else int(tensor) for tensor in operator.inputs]
        graph.graph.operators = [operator for operator in graph.operators if operator is not last]
    elif len(row) > 1 or graph.names[row[0]] == "TRANSPOSE":
        write_reshape(graph, last, source, target)
    else:
        return False
    drop_unread(graph)
    return True


def _permutation(order: NDArray[Any], moved: NDArray[Any]) -> list[int] | None:
    """Return the order of axes by which one TRANSPOSE moves values so; None where none does."""
    from itertools import permutations

    import numpy as np

    for axes in permutations(range(order.ndim)):
        if order.transpose(axes).shape == moved.shape and np.array_equal(order.transpose(axes), moved):
            return list(axes)
    return None
