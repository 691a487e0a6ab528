"""Activations fused into the operators before them, as TensorFlow's converter does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.flatbuffer import operators, read_model
from edgeforge.tflite.graph import Graph, layer_label, targets
from edgeforge.tflite.layers import activation_of

ACTIVATIONS = ("RELU", "RELU6", "RELU_N1_TO_1")
FUSING = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL")


class FuseActivations(Pass[bytes]):
    """Fuse each RELU, RELU6 and RELU_N1_TO_1 into the operator that alone gives it its input.

    onnx2tf's direct way leaves the one behind FULLY_CONNECTED, which in int8 is one operator and one rounding more.
    Requires a float model of one subgraph. Ensures as many operators fewer as it fused. Refused: an activation whose
    input others read, too, or that no operator with room for it computes.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with activations fused; the very bytes where there are none."""
        from ai_edge_litert import schema_py_generated as schema

        graph = Graph(model)
        gone, changed, refused = [], [], []
        for place, name in enumerate(graph.names):
            if name not in ACTIVATIONS:
                continue
            activation = graph.operators[place]
            maker, reason = _maker(graph, int(activation.inputs[0]))
            if maker is None:
                refused.append(Refusal(layer_label(graph, place), reason))
                continue
            maker.builtinOptions.fusedActivationFunction = getattr(schema.ActivationFunctionType, name)
            maker.outputs = activation.outputs
            gone.append(place)
            changed.append(layer_label(graph, place))
        if not gone:
            return Rewritten(model, refused=tuple(refused))
        return Rewritten(graph.without(gone), tuple(changed), tuple(refused))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are more or fewer than those fused."""
        fused = Counter(label.split()[0] for label in after.changed)
        if Counter(operators(after.model)) != Counter(operators(before)) - fused:
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
        if after.changed and read_model(after.model).subgraphs[0].outputs[0] not in _written(after.model):
            yield "nobody computes the output"


def _written(model: bytes) -> set[int]:
    return {place for operator in read_model(model).subgraphs[0].operators for place in targets(operator)}


def _maker(graph: Graph, tensor: int) -> tuple[Any, str]:
    """Return the operator that an activation of this tensor can be fused into, or None and the reason why none."""
    if len(graph.readers(tensor)) > 1 or tensor in graph.outputs:
        return None, "its input has other readers"
    place = next((n for n, operator in enumerate(graph.operators) if tensor in targets(operator)), None)
    if place is None:
        return None, "it reads the model's input"
    if graph.names[place] not in FUSING or graph.operators[place].builtinOptions is None:
        return None, f"{graph.names[place]} has no room for it"
    if activation_of(graph.operators[place]) != "NONE":
        return None, f"{graph.names[place]} has another one already"
    return graph.operators[place], ""
