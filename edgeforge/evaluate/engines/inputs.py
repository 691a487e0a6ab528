"""Inputs to try a model with where nobody gave any: over the whole range, the same for the same model."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.graph import Graph, targets
from edgeforge.tflite.tensors import each_input, to_inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST, FEWEST = 8, 3
MACS = 10**9  # what reference kernels manage in a second or two


def inputs_of(graph: Graph) -> list[list[NDArray[Any]]]:
    """Return inputs, each a value for every input tensor: all at the lowest, all at the highest, the others random."""
    import numpy as np

    random = np.random.default_rng(zlib.crc32(graph.model_bytes))
    turns = range(_affordable(graph))
    return [[_value(graph, place, random, turn) for place in graph.inputs] for turn in turns]


def inputs_of_images(graph: Graph, images: NDArray[Any]) -> list[list[NDArray[Any]]]:
    """Return some of the images (N,C,H,W float32; of several inputs records), evenly spaced, as inputs of the model."""
    import numpy as np

    specs = [graph.spec(place) for place in graph.inputs]
    count = min(_affordable(graph), len(images))
    index = np.linspace(0, len(images) - 1, count).round().astype(np.int64)
    return [each_input(tensor, specs) for tensor in to_inputs(images[index], specs)]


def _affordable(graph: Graph) -> int:
    return max(FEWEST, min(MOST, MACS // max(macs(graph.model_bytes), 1)))


def _value(graph: Graph, place: int, random: np.random.Generator, turn: int) -> NDArray[Any]:
    import numpy as np

    spec = graph.spec(place)
    if spec.dtype == "bool":
        return random.integers(0, 2, spec.shape).astype(bool)
    if spec.dtype.startswith("float"):
        return _real(graph, place, random, turn)
    if spec.scale is None:  # an index or a count, which may be too large
        return random.integers(0, 2, spec.shape).astype(spec.dtype)
    limits = np.iinfo(spec.dtype)
    if turn < 2:
        return np.full(spec.shape, limits.max if turn else limits.min, spec.dtype)
    return random.integers(limits.min, limits.max + 1, spec.shape).astype(spec.dtype)


def _real(graph: Graph, place: int, random: np.random.Generator, turn: int) -> NDArray[Any]:
    """Return real numbers over the range of the tensor that they are quantized into."""
    import numpy as np

    spec = graph.spec(place)
    readers = [n for n in graph.readers(place) if graph.names[n] == "QUANTIZE"]
    if not readers:
        return random.normal(0, 1, spec.shape).astype(spec.dtype)
    inside = graph.spec(targets(graph.operators[readers[0]])[0])
    limits, scale, zero = np.iinfo(inside.dtype), inside.scale or 1.0, inside.zero_point or 0
    low, high = scale * (int(limits.min) - zero), scale * (int(limits.max) - zero)
    if turn < 2:
        return np.full(spec.shape, high if turn else low, spec.dtype)
    return random.uniform(low, high, spec.shape).astype(spec.dtype)
