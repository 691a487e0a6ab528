"""Transposes that move nothing: before a reshape, where all dimensions but one are 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph, layer_label, sources, targets


class DropTransposes(Pass[bytes]):
    """Let each RESHAPE behind a TRANSPOSE that keeps the order of values read what the TRANSPOSE reads.

    onnx2tf's direct way leaves one where PyTorch flattens N,C,1,1. Requires a float model of one subgraph. Ensures as
    many TRANSPOSEs fewer as it dropped, and nothing else. Refused: one that others than RESHAPE read, or that moves
    values; the latter is what a report calls a stray transpose.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model without them; the very bytes where there are none."""
        graph = Graph(model)
        gone, changed, refused = [], [], []
        for place, name in enumerate(graph.names):
            if name != "TRANSPOSE":
                continue
            transpose = graph.operators[place]
            source, target = sources(transpose)[0], targets(transpose)[0]
            readers = [graph.operators[n] for n in graph.readers(target)]
            if sum(size > 1 for size in graph.shape(source)) > 1:
                refused.append(Refusal(layer_label(graph, place), "it moves values"))
            elif target in graph.outputs or any(graph.names[n] != "RESHAPE" for n in graph.readers(target)):
                refused.append(Refusal(layer_label(graph, place), "not only RESHAPE reads it"))
            else:
                for reader in readers:
                    reader.inputs = [source, *list(reader.inputs)[1:]]
                gone.append(place)
                changed.append(layer_label(graph, place))
        if not gone:
            return Rewritten(model, refused=tuple(refused))
        return Rewritten(graph.without(gone), tuple(changed), tuple(refused))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are more or fewer than those dropped."""
        if Counter(operators(after.model)) != Counter(operators(before)) - Counter(TRANSPOSE=len(after.changed)):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
