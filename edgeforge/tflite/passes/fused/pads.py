"""Zeros around an image as the own padding of the convolutions that read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph, layer_label, sources, targets
from edgeforge.tflite.layers import constant, same_padding

WINDOWS = ("CONV_2D", "DEPTHWISE_CONV_2D")


class FusePads(Pass[bytes]):
    """Take away each PAD whose zeros are those that SAME puts around the convolutions behind it.

    onnx2tf's direct way writes a PAD before each convolution of a stride; it is an operator more, and its output is
    often the largest tensor of the arena. PyTorch pads both sides alike, SAME does so where size, kernel and stride
    leave an even number over. Requires a float model of one subgraph. Ensures that only PADs go. Refused: a PAD of
    other amounts, or that something else reads, too.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with SAME convolutions; the very bytes where no PAD can go."""
        from ai_edge_litert import schema_py_generated as schema

        graph = Graph(model)
        gone, changed, refused = [], [], []
        for place, name in enumerate(graph.names):
            if name != "PAD":
                continue
            reason = _refusal(graph, place)
            if reason:
                refused.append(Refusal(layer_label(graph, place), reason))
                continue
            for reader in _readers(graph, place):
                one = graph.operators[reader]
                one.inputs = [sources(graph.operators[place])[0], *sources(one)[1:]]
                one.builtinOptions.padding = schema.Padding.SAME
            gone.append(place)
            changed.append(layer_label(graph, place))
        return Rewritten(graph.without(gone) if gone else model, tuple(changed), tuple(refused))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield operators that have come or gone otherwise."""
        was, made = Counter(operators(before)), Counter(operators(after.model))
        if was - made != Counter({"PAD": len(after.changed)} if after.changed else {}) or made - was:
            yield f"the operators were {dict(was)}, are {dict(made)}"


def _readers(graph: Graph, pad: int) -> list[int]:
    return graph.readers(targets(graph.operators[pad])[0])


def _refusal(graph: Graph, pad: int) -> str:
    """Return why a PAD stays; empty when it goes."""
    source, amounts = sources(graph.operators[pad])
    given = constant(graph.model, amounts)
    zeros = [] if given is None else [int(one) for one in given.reshape(-1)]
    if len(zeros) != 8 or any(zeros[:2] + zeros[6:]):
        return "it pads other dimensions than height and width"
    readers = _readers(graph, pad)
    if targets(graph.operators[pad])[0] in graph.outputs or not readers:
        return "its output is the network's"
    for reader in readers:
        if (
            graph.names[reader] not in WINDOWS
            or sources(graph.operators[reader])[0] != targets(graph.operators[pad])[0]
        ):
            return f"{layer_label(graph, reader)} reads it"
        if graph.operators[reader].builtinOptions.padding != 1:  # VALID
            return f"{layer_label(graph, reader)} pads by itself"
        if _same(graph, reader, graph.shape(source)) != zeros[2:6]:
            return f"SAME would pad otherwise in {layer_label(graph, reader)}"
    return ""


def _same(graph: Graph, place: int, shape: tuple[int, ...]) -> list[int]:
    """Return the zeros above, below, left and right of an image N,H,W,C that SAME puts there."""
    operator = graph.operators[place]
    options, kernel = operator.builtinOptions, graph.shape(sources(operator)[1])[1:3]
    strides, dilations = (options.strideH, options.strideW), (options.dilationHFactor, options.dilationWFactor)
    sizes = zip(shape[1:3], kernel, strides, dilations, strict=True)
    return [zeros for size in sizes for zeros in same_padding(*size)]
