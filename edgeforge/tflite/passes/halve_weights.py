"""Weights and biases in float16: half the file, and the float32 model's answers but for their rounding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.conversion import add_twin, conversion
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph, sources
from edgeforge.tflite.layers import constant

WITH_WEIGHTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


class HalveWeights(Pass[bytes]):
    """Store the float32 constants of layers with weights as float16, and a DEQUANTIZE of each before all operators.

    XNNPACK unpacks them once, as it loads the model, if a layer's bias is float16 as well. Requires a float model of
    one subgraph, its weights within float16's range. Ensures a DEQUANTIZE more for each constant, and nothing else.
    """

    def requires(self, model: bytes) -> Iterator[str]:
        """Yield constants that float16 cannot hold."""
        graph = Graph(model)
        for place in _constants(graph):
            values = constant(graph.model, place)
            if values is not None and abs(values).max(initial=0) > 65504:
                yield f"'{graph.name(place)}' holds {abs(values).max():.3g}, and float16 ends at 65,504"

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with float16 weights; `changed` are the constants."""
        import numpy as np
        from ai_edge_litert import schema_py_generated as schema

        graph = Graph(model)
        unpacked: list[Any] = []
        twins: dict[int, int] = {}
        changed = []
        for place in _constants(graph):
            values = constant(graph.model, place)
            assert values is not None
            twins[place] = add_twin(graph.graph, place, "float32")
            tensor, buffer = graph.tensors[place], schema.BufferT()
            buffer.data = np.frombuffer(values.astype(np.float16).tobytes(), np.uint8)
            graph.model.buffers.append(buffer)
            tensor.type, tensor.buffer = schema.TensorType.FLOAT16, len(graph.model.buffers) - 1
            unpacked.append(conversion(graph.model, "DEQUANTIZE", place, twins[place]))
            changed.append(graph.name(place))
        for operator in graph.operators:
            operator.inputs = [twins.get(int(place), int(place)) for place in operator.inputs]
        graph.graph.operators = [*unpacked, *graph.operators]
        _drop_unused_buffers(graph.model)
        return Rewritten(write_model(graph.model), tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are more or fewer than the conversions."""
        if Counter(operators(after.model)) != Counter(operators(before)) + Counter(DEQUANTIZE=len(after.changed)):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"


def _constants(graph: Graph) -> list[int]:
    """Return the float32 constants of layers with weights, each once."""
    layers = [operator for operator, name in zip(graph.operators, graph.names, strict=True) if name in WITH_WEIGHTS]
    places = dict.fromkeys(place for operator in layers for place in sources(operator))
    return [place for place in places if place in graph.constants and graph.spec(place).dtype == "float32"]


def _drop_unused_buffers(model: Any) -> None:
    """Empty the buffers that no tensor names any more: they would be written all the same."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or []}
    for place, buffer in enumerate(model.buffers):
        if place not in used:
            buffer.data = None
