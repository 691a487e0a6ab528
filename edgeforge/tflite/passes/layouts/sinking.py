"""Layouts moved behind what computes value by value, one move at a time."""

from __future__ import annotations

from math import prod
from typing import Any

from edgeforge.tflite.graph import Graph, layer_label, sources, targets
from edgeforge.tflite.layers import constant
from edgeforge.tflite.passes.layouts.edits import (
    LAYOUTS,
    as_shape,
    drop_unread,
    makers_of,
    place_of,
    put_behind,
    same_layout,
)
from edgeforge.tflite.passes.pointwise import POINTWISE, functions


def below_one(graph: Graph) -> str:
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
        put_behind(graph, operator, found[0].operators[-1], graph.shape(target))
        return layer_label(graph, place)
    return ""


def below_several(graph: Graph) -> str:
    """Move one and the same layout of all inputs behind what combines them: a residual's ADD, a concatenation."""
    makers = makers_of(graph)
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
        elif not same_layout(graph, first, others[0]):
            continue
        operator.inputs = [sources(one)[0] for one in (first, *others)]
        graph.tensors[target].shape = as_shape(shape)
        graph.graph.operators = [o for o in graph.operators if all(o is not other for other in others)]
        put_behind(graph, first, place_of(graph, operator), wanted)
        return f"{kind} {place}"
    return ""


def below_function(graph: Graph) -> str:
    """Move one and the same layout of all that a function of several steps reads behind it: GREATER and SELECT of a
    Softplus, which both read the one, and SELECT the other.
    """
    makers = makers_of(graph)
    for last in range(len(graph.operators)):
        inside, before = _function_of_layouts(graph, last, makers)
        free = [one for one in before if set(graph.readers(targets(one)[0])) <= inside]
        free = [one for one in free if targets(one)[0] not in graph.outputs]
        if len(inside) < 2 or not free or not all(same_layout(graph, before[0], one) for one in before[1:]):
            continue
        source = {targets(layout)[0]: sources(layout)[0] for layout in before}
        target, shape = targets(graph.operators[last])[0], graph.shape(sources(free[0])[0])
        wanted = graph.shape(target)
        for place in inside:
            operator = graph.operators[place]
            operator.inputs = [source.get(int(tensor), int(tensor)) for tensor in operator.inputs]
            graph.tensors[targets(operator)[0]].shape = as_shape(shape)
        put_behind(graph, free[0], last, wanted)
        drop_unread(graph)
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
