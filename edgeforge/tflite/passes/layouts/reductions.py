"""Reductions that read what a TRANSPOSE reads, and squeeze-and-excitation blocks, which begin with one."""

from __future__ import annotations

import copy
from typing import Any

from edgeforge.tflite.graph import Graph, sources, targets
from edgeforge.tflite.layers import constant
from edgeforge.tflite.passes.layouts.edits import (
    add_constant,
    as_shape,
    drop_unread,
    makers_of,
    place_of,
    put_behind,
    write_reshape,
)
from edgeforge.tflite.passes.pointwise import POINTWISE

REDUCTIONS = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM")


def below_reduction(graph: Graph) -> str:
    """Move a TRANSPOSE behind a reduction that alone reads it; return a label of what was done, "" where nothing is."""
    makers = makers_of(graph)
    for place, operator in enumerate(graph.operators):
        before = makers.get(sources(operator)[0]) if graph.names[place] in REDUCTIONS else None
        if before is None or graph.names[before] != "TRANSPOSE":
            continue
        layout = graph.operators[before]
        turned = targets(layout)[0]
        axes = _axes_in_source(graph, operator, layout)
        if axes is None or graph.readers(turned) != [place] or turned in graph.outputs:
            continue
        _reduce_source(graph, operator, layout, axes)
        drop_unread(graph)
        return f"{graph.names[place]} {place}"
    return ""


def below_gate(graph: Graph) -> str:
    """Move a TRANSPOSE behind its product with one value a channel, and behind the reductions that those are made of.

    So is a squeeze-and-excitation block (arXiv:1709.01507) computed in the layout of the convolutions around it.
    Returns a label of what was done, "" where nothing is.
    """
    makers = makers_of(graph)
    for place, operator in enumerate(graph.operators):
        given = sources(operator)
        if graph.names[place] not in POINTWISE or len(given) != 2:
            continue
        for turned, gate in (given, given[::-1]):
            before = makers.get(turned)
            if before is not None and graph.names[before] == "TRANSPOSE" and _gated(graph, place, before, gate):
                return f"{graph.names[place]} {place}"
    return ""


def _gated(graph: Graph, place: int, before: int, gate: int) -> bool:
    """Move the TRANSPOSE at `before` behind the operator at `place`; False where it has to stay."""
    operator, layout = graph.operators[place], graph.operators[before]
    turned, target, order = targets(layout)[0], targets(operator)[0], _order(graph, layout)
    wanted, small = graph.shape(target), graph.shape(gate)
    if order is None or not _in_order(small, order) or graph.shape(turned) != wanted or turned in graph.outputs:
        return False
    if gate not in graph.activations(place):
        return False
    reductions = [graph.operators[reader] for reader in graph.readers(turned) if reader != place]
    found = [(one, _axes_in_source(graph, one, layout)) for one in reductions]
    for one, axes in found:
        if not axes or (one.builtinOptions.keepDims and not _in_order(graph.shape(targets(one)[0]), order)):
            return False
    for one, axes in found:
        _reduce_source(graph, one, copy.copy(layout), axes or [])
    own = _reshaped(graph, gate, _in_source(small, order), operator)
    operator.inputs = [sources(layout)[0] if tensor == turned else own for tensor in sources(operator)]
    graph.tensors[target].shape = as_shape(_in_source(wanted, order))
    put_behind(graph, layout, place_of(graph, operator), wanted)
    return True


def _reshaped(graph: Graph, tensor: int, shape: tuple[int, ...], before: Any) -> int:
    """Return a tensor's values in another shape, made right before the operator `before`."""
    from ai_edge_litert import schema_py_generated as schema

    made, operator, place = copy.copy(graph.tensors[tensor]), schema.OperatorT(), len(graph.tensors)
    made.name, made.shape = made.name + b"_by_channel", as_shape(shape)
    graph.tensors.append(made)
    write_reshape(graph, operator, tensor, place)
    operator.outputs = [place]
    at = place_of(graph, before)
    graph.graph.operators = [*graph.graph.operators[:at], operator, *graph.graph.operators[at:]]
    return place


def _axes_in_source(graph: Graph, operator: Any, layout: Any) -> list[int] | None:
    """Return the axes of a reduction of a TRANSPOSE as axes of what that reads; None where it cannot be read before."""
    kind = graph.names[place_of(graph, operator)]
    order = _order(graph, layout)
    axes = constant(graph.model, int(operator.inputs[1])) if kind in REDUCTIONS else None
    if order is None or axes is None:
        return None
    reduced = {int(axis) % len(order) for axis in axes.reshape(-1)}
    kept = [order[axis] for axis in range(len(order)) if axis not in reduced]
    if not operator.builtinOptions.keepDims and kept != sorted(kept):
        return None
    return sorted(order[axis] for axis in reduced)


def _reduce_source(graph: Graph, operator: Any, layout: Any, axes: list[int]) -> None:
    """Let a reduction read what a TRANSPOSE reads, over these axes; `layout` lays its result out as before."""
    target, source = targets(operator)[0], sources(layout)[0]
    operator.inputs = [source, add_constant(graph, target, b"_axes", axes)]
    if operator.builtinOptions.keepDims:
        wanted, shape = graph.shape(target), graph.shape(source)
        graph.tensors[target].shape = as_shape([1 if axis in axes else size for axis, size in enumerate(shape)])
        put_behind(graph, layout, place_of(graph, operator), wanted)


def _order(graph: Graph, layout: Any) -> list[int] | None:
    """Return the axes of a TRANSPOSE; None where they are computed."""
    order = constant(graph.model, int(layout.inputs[1]))
    return None if order is None else [int(axis) for axis in order]


def _in_source(shape: tuple[int, ...], order: list[int]) -> tuple[int, ...]:
    """Return the shape of what a TRANSPOSE makes this shape of."""
    return tuple(shape[order.index(axis)] for axis in range(len(order)))


def _in_order(shape: tuple[int, ...], order: list[int]) -> bool:
    """Tell whether a TRANSPOSE to this shape moves no value: its sides above 1 keep their order."""
    moved = [axis for axis, size in zip(order, shape, strict=False) if size > 1]
    return len(shape) == len(order) and moved == sorted(moved)
