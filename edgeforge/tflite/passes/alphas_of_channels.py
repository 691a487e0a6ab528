"""PRELU's slopes, one a channel, in the shape of their input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph, layer_label, sources


class AlphasOfChannels(Pass[bytes]):
    """Give a PRELU's slopes the shape 1,1,C where they are one a channel and its input is …,C.

    onnx2tf's direct way leaves 1,C,1,1 where the picture is one pixel, and no runtime takes that. Requires a float
    model of one subgraph. Ensures the same operators.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with the shapes set; the very bytes where they are right."""
        import numpy as np

        graph, changed = Graph(model), []
        for place, name in enumerate(graph.names):
            if name != "PRELU":
                continue
            given, alpha = sources(graph.operators[place])
            shape, slopes = graph.shape(given), graph.shape(alpha)
            channels = shape[-1] if shape else 1
            fits = all(a in (1, b) for a, b in zip(reversed(slopes), reversed(shape), strict=False))
            if not fits and channels in slopes and int(np.prod(slopes)) == channels and alpha in graph.constants:
                graph.tensors[alpha].shape = np.array([1] * (len(shape) - 2) + [channels], np.int32)
                changed.append(layer_label(graph, place))
        return Rewritten(write_model(graph.model) if changed else model, tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are others."""
        if Counter(operators(after.model)) != Counter(operators(before)):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
