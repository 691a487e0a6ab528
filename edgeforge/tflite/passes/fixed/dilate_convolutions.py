"""Dilated convolutions as one operator, which is how TensorFlow wrote them before it took them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph, layer_label, sources, targets
from edgeforge.tflite.layers import constant

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
SAME, VALID = 0, 1


class DilateConvolutions(Pass[bytes]):
    """Write SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND as one convolution with a dilation.

    The same values, of one operator for three and without their tensors. Keras writes the three where the batch is
    free. Requires fixed shapes. Ensures two operators fewer for each. Refused: a stride, padding that a convolution
    does not have, a tensor between that others read.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with dilated convolutions; the very bytes where there are none."""
        graph = Graph(model)
        gone, changed, refused = [], [], []
        for place, name in enumerate(graph.names):
            if name != "SPACE_TO_BATCH_ND":
                continue
            chain = _chain(graph, place)
            padding, reason = _padding(graph, *chain) if chain else (None, "no convolution alone stands behind it")
            if chain is None or padding is None:
                refused.append(Refusal(layer_label(graph, place), reason))
                continue
            changed.append(layer_label(graph, chain[0]))
            _merge(graph, place, *chain, padding)
            gone += [place, chain[1]]
        if not gone:
            return Rewritten(model, refused=tuple(refused))
        return Rewritten(graph.without(gone), tuple(changed), tuple(refused))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that are more or fewer than those merged."""
        count = len(after.changed)
        merged = Counter(SPACE_TO_BATCH_ND=count, BATCH_TO_SPACE_ND=count)
        if Counter(operators(after.model)) != Counter(operators(before)) - merged:
            yield f"the operators were {operators(before)}, are {operators(after.model)}"


def _chain(graph: Graph, place: int) -> tuple[int, int] | None:
    """Return the convolution and the BATCH_TO_SPACE_ND that alone read what comes before them."""
    found = []
    for wanted in (CONVOLUTIONS, ("BATCH_TO_SPACE_ND",)):
        (tensor,) = targets(graph.operators[place])
        readers = graph.readers(tensor)
        if len(readers) != 1 or tensor in graph.outputs or graph.names[readers[0]] not in wanted:
            return None
        if sources(graph.operators[readers[0]])[0] != tensor:
            return None
        place = readers[0]
        found.append(place)
    return found[0], found[1]


def _padding(graph: Graph, convolution: int, back: int) -> tuple[int | None, str]:
    """Return the padding of the one convolution, or None and the reason why there is none."""
    layer, last = graph.operators[convolution], graph.operators[back]
    options = layer.builtinOptions
    first = next(n for n in range(convolution) if sources(layer)[0] in targets(graph.operators[n]))
    spread = graph.operators[first]
    block, pads = (constant(graph.model, place) for place in sources(spread)[1:])
    unblock, crops = (constant(graph.model, place) for place in sources(last)[1:])
    if block is None or pads is None or unblock is None or crops is None or block.size != 2:
        return None, "its block or padding is no constant of two dimensions"
    if [*block] != [*unblock] or options.padding != VALID:
        return None, "what is taken apart is not put together again"
    if (options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor) != (1, 1, 1, 1):
        return None, "the convolution has a stride or a dilation"
    before, after = graph.shape(sources(spread)[0]), graph.shape(targets(last)[0])
    reach = [(int(size) - 1) * int(step) for size, step in zip(graph.shape(sources(layer)[1])[1:3], block, strict=True)]
    for padding, totals in ((SAME, reach), (VALID, [0, 0])):
        starts = [int(pads[axis][0] - crops[axis][0]) for axis in (0, 1)]
        sizes = [before[1 + axis] + totals[axis] - reach[axis] for axis in (0, 1)]
        if starts == [total // 2 for total in totals] and sizes == [*after[1:3]]:
            return padding, ""
    return None, "no convolution pads as it does"


def _merge(graph: Graph, spread: int, convolution: int, back: int, padding: int) -> None:
    layer: Any = graph.operators[convolution]
    height, width = (int(step) for step in constant(graph.model, sources(graph.operators[spread])[1]))  # type: ignore[union-attr]
    layer.builtinOptions.padding = padding
    layer.builtinOptions.dilationHFactor, layer.builtinOptions.dilationWFactor = height, width
    layer.inputs = [sources(graph.operators[spread])[0], *list(layer.inputs)[1:]]
    layer.outputs = list(graph.operators[back].outputs)
