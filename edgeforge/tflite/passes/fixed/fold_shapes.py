"""What a model computes from its own shapes: constants, once the shapes are fixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import VARIABLES, Graph, TensorRunner, layer_label, sources, targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

OF_SHAPES = ("SHAPE", "RANK")


class FoldShapes(Pass[bytes]):
    """Store what SHAPE and RANK give, and all that is computed of it and of constants alone, as constants.

    Keras asks for the batch in each Flatten, Reshape and Conv2DTranspose: SHAPE, STRIDED_SLICE, PACK. Requires fixed
    shapes. Ensures no SHAPE and no RANK, but for one that is the model's own output; other operators stay.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model without them; the very bytes where there are none."""
        graph = Graph(model)
        places = _of_shapes(graph)
        if not places:
            return Rewritten(model)
        wanted = [tensor for place in places for tensor in targets(graph.operators[place])]
        for tensor, value in zip(wanted, _values(graph, wanted), strict=True):
            _store(graph, tensor, value)
        changed = tuple(layer_label(graph, place) for place in places)
        return Rewritten(graph.without(places), changed)

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are more or fewer than those folded."""
        folded = Counter(label.split()[0] for label in after.changed)
        if Counter(operators(after.model)) != Counter(operators(before)) - folded:
            yield f"the operators were {operators(before)}, are {operators(after.model)}"


def _of_shapes(graph: Graph) -> list[int]:
    """Return the operators whose results follow from shapes and constants, in their order."""
    known: set[int] = set()
    found = []
    for place, (name, operator) in enumerate(zip(graph.names, graph.operators, strict=True)):
        read, written = sources(operator), targets(operator)
        follows = name in OF_SHAPES or (
            name not in VARIABLES and bool(known & set(read)) and set(read) <= known | graph.constants
        )
        if follows and not set(written) & set(graph.outputs):
            known.update(written)
            found.append(place)
    return found


def _values(graph: Graph, wanted: list[int]) -> list[NDArray[Any]]:
    """Return the tensors in an inference on zeros, as on any other input."""
    import numpy as np

    runner = TensorRunner(graph.model_bytes, every=True)
    return runner.run([np.zeros(graph.shape(place), graph.spec(place).dtype) for place in graph.inputs], wanted)


def _store(graph: Graph, tensor: int, value: NDArray[Any]) -> None:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
    graph.model.buffers.append(buffer)
    graph.tensors[tensor].buffer = len(graph.model.buffers) - 1
    graph.tensors[tensor].shape = list(value.shape)
