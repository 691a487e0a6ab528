"""Tensors that no operator touches: what an operator that was taken out leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph, intermediates, sources, targets


class DropUnused(Pass[bytes]):
    """Leave out the tensors that are no operator's and no end of the model.

    A quantizer never meets them: in a full-integer file they would stay float, and TFLM would keep room for each.
    Requires a model of one subgraph. Ensures the same operators, and no such tensor.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model without them, the others in their order; the very bytes where there are none."""
        graph = Graph(model)
        used = _used(graph)
        dropped = tuple(graph.name(place) for place in range(len(graph.tensors)) if place not in used)
        if not dropped:
            return Rewritten(model)
        places = {old: new for new, old in enumerate(sorted(used))}
        graph.graph.tensors = [graph.tensors[old] for old in places]
        graph.graph.inputs = [places[old] for old in graph.inputs]
        graph.graph.outputs = [places[old] for old in graph.outputs]
        for operator in graph.operators:
            operator.inputs = [places.get(int(old), -1) for old in operator.inputs]
            operator.outputs = [places[int(old)] for old in operator.outputs]
            operator.intermediates = [places[old] for old in intermediates(operator)] or None
        for signature in graph.model.signatureDefs or []:
            if signature.subgraphIndex:
                continue
            for end in (*signature.inputs, *signature.outputs):
                end.tensorIndex = places[end.tensorIndex]
        return Rewritten(write_model(graph.model), dropped)

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that have changed, and tensors that are still of no use."""
        if operators(after.model) != operators(before):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
        graph = Graph(after.model)
        if len(_used(graph)) < len(graph.tensors):
            yield "there are still tensors that nobody uses"


def _used(graph: Graph) -> set[int]:
    """Return the places of all tensors that an operator reads or writes, or that are the model's ends."""
    ends = (sources, targets, intermediates)
    touched = {place for operator in graph.operators for of in ends for place in of(operator)}
    return touched | set(graph.inputs) | set(graph.outputs)
