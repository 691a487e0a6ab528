"""Concatenations of no more parts than TensorFlow Lite Micro takes."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph, layer_label, sources, targets

MOST = 10  # kMaxInputNum in TFLM's concatenation.cc


class NarrowConcatenations(Pass[bytes]):
    """Write each CONCATENATION of more than ten parts as one of concatenations.

    TFLM refuses it at allocation. Requires a float model of one subgraph. Ensures that none is left, and that nothing
    but concatenations has been added.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with narrower ones; the very bytes where there is none to narrow."""
        graph, changed = Graph(model), []
        kept: list[Any] = []
        for place, operator in enumerate(graph.operators):
            if graph.names[place] == "CONCATENATION" and len(sources(operator)) > MOST:
                changed.append(layer_label(graph, place))
                kept += _narrowed(graph, operator)
            kept.append(operator)
        graph.graph.operators = kept
        return Rewritten(write_model(graph.model) if changed else model, tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield those that are still too wide, and other operators than there were."""
        made = Graph(after.model)
        for place, name in enumerate(made.names):
            if name == "CONCATENATION" and len(sources(made.operators[place])) > MOST:
                yield f"{layer_label(made, place)} has {len(sources(made.operators[place]))} parts"
        more = Counter(operators(after.model)) - Counter(operators(before))
        if set(more) - {"CONCATENATION"}:
            yield f"the operators were {operators(before)}, are {operators(after.model)}"


def _narrowed(graph: Graph, operator: Any) -> list[Any]:
    """Return concatenations of some of its parts each, in front of the operator, which then joins these."""
    made = []
    while len(parts := sources(operator)) > MOST:
        rows = [parts[start : start + MOST] for start in range(0, len(parts), MOST)]
        joined = []
        for row in rows:
            if len(row) == 1:
                joined += row
                continue
            one, target = copy.copy(operator), copy.copy(graph.tensors[targets(operator)[0]])
            axis = operator.builtinOptions.axis
            target.shape = copy.copy(target.shape)
            target.shape[axis] = sum(graph.shape(part)[axis] for part in row)
            target.name = graph.tensors[row[0]].name + b"_and_on"
            graph.tensors.append(target)
            one.inputs, one.outputs = row, [len(graph.tensors) - 1]
            made.append(one)
            joined.append(len(graph.tensors) - 1)
        operator.inputs = joined
    return made
