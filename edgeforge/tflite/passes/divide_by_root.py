"""Division by a root as a product, as TensorFlow's converter writes layer norms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.conversion import operator_code
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph, layer_label, sources, targets
from edgeforge.tflite.layers import activation_of


class DivideByRoot(Pass[bytes]):
    """Write each DIV by a SQRT as a MUL by RSQRT.

    onnx2tf's direct way divides in a layer norm; in int8 a small root is rounded to 0, and LiteRT does not divide by
    that. Requires a float model of one subgraph. Ensures that every DIV by a SQRT that nobody else reads is gone.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with products; the very bytes where there are no such divisions."""
        from ai_edge_litert import schema_py_generated as schema

        graph = Graph(model)
        changed, refused = [], []
        for place, root in _divisions(graph):
            label = layer_label(graph, place)
            if len(graph.readers(targets(graph.operators[root])[0])) > 1:
                refused.append(Refusal(label, "others read the root"))
                continue
            division = graph.operators[place]
            options = schema.MulOptionsT()
            options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation_of(division))
            division.builtinOptionsType, division.builtinOptions = schema.BuiltinOptions.MulOptions, options
            division.opcodeIndex = operator_code(graph.model, "MUL")
            graph.operators[root].opcodeIndex = operator_code(graph.model, "RSQRT")
            changed.append(label)
        return Rewritten(write_model(graph.model) if changed else model, tuple(changed), tuple(refused))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators other than those exchanged."""
        count = len(after.changed)
        expected = Counter(operators(before)) - Counter(DIV=count, SQRT=count) + Counter(MUL=count, RSQRT=count)
        if Counter(operators(after.model)) != expected:
            yield f"the operators were {operators(before)}, are {operators(after.model)}"


def _divisions(graph: Graph) -> list[tuple[int, int]]:
    """Return each DIV by a SQRT, and that SQRT."""
    makers = {tensor: n for n, operator in enumerate(graph.operators) for tensor in targets(operator)}
    found = []
    for place, name in enumerate(graph.names):
        root = makers.get(sources(graph.operators[place])[1]) if name == "DIV" else None
        if root is not None and graph.names[root] == "SQRT":
            found.append((place, root))
    return found
