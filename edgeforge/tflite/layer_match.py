"""Which operator of a float32 .tflite is which of its quantized companion, and which tensor which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from edgeforge.tflite.graph import CONVERSIONS, Graph, sources, targets
from edgeforge.tflite.input_shapes import input_names, output_names
from edgeforge.tflite.layers import CLAMPS, activation_of
from edgeforge.tflite.tensors import as_records, fields_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOT_IN_INT8 = "the quantized model has no such operator here"
NOT_IN_FLOAT = "the float model has no such operator here"
OTHER_INPUTS = "it reads other tensors than the float model's operator"


@dataclass(frozen=True)
class Pair:
    """An operator of the quantized model and one of the float model; None where there is no counterpart.

    A conversion (QUANTIZE or DEQUANTIZE of an activation) is only in the quantized model. `reason` says why a
    pair cannot be compared.
    """

    quantized: int | None
    float32: int | None
    reason: str = ""


@dataclass
class Match:
    """The pairs in the order in which they run, and quantized tensor → float tensor of the same meaning."""

    pairs: list[Pair] = field(default_factory=list)
    tensors: dict[int, int] = field(default_factory=dict)


def match(float_graph: Graph, quantized: Graph) -> Match:
    """Match two graphs by the sequence of their operators' kinds and output shapes.

    Names of tensors are no guide: quantizers rename them. What stands in one graph alone, or reads other tensors
    than its counterpart, is a pair with a reason.
    """
    ours = [n for n in float_graph.layers if float_graph.names[n] not in CONVERSIONS]
    theirs = [n for n in quantized.layers if quantized.names[n] not in CONVERSIONS]
    found = Match(tensors=dict(zip(quantized.inputs, same_inputs(float_graph, quantized), strict=False)))
    conversions = [n for n in quantized.layers if quantized.names[n] in CONVERSIONS]
    for ours_at, theirs_at in align(
        [_key(float_graph, n) for n in ours], [_key(quantized, n) for n in theirs], lambda a, b: 1.0 if a == b else 0.0
    ):
        f = None if ours_at is None else ours[ours_at]
        q = None if theirs_at is None else theirs[theirs_at]
        while q is not None and conversions and conversions[0] < q:
            _convert(found, quantized, conversions.pop(0))
        _add(found, float_graph, quantized, f, q)
    for n in conversions:
        _convert(found, quantized, n)
    return found


def same_inputs(float_graph: Graph, quantized: Graph) -> list[int]:
    """Return the float model's input for each of the quantized one's: by name where all have one, else in order."""
    return _same(float_graph.inputs, input_names(float_graph), input_names(quantized))


def in_the_order_of(x: NDArray[Any], given: Graph, other: Graph) -> NDArray[Any]:
    """Return inputs of one model (of several, records) in the order of another's inputs."""
    if x.dtype.names is None:
        return x
    fields = list(fields_of(x).items())
    return as_records(dict(fields[given.inputs.index(place)] for place in same_inputs(given, other)))


def same_outputs(float_graph: Graph, quantized: Graph) -> list[int]:
    """Return the float model's output for each of the quantized one's, as `same_inputs` does."""
    return _same(float_graph.outputs, output_names(float_graph), output_names(quantized))


def _same(places: list[int], ours: Sequence[str], theirs: Sequence[str]) -> list[int]:
    return places if set(ours) != set(theirs) else [places[ours.index(name)] for name in theirs]


def align[A, B](
    ours: Sequence[A], theirs: Sequence[B], likeness: Callable[[A, B], float]
) -> list[tuple[int | None, int | None]]:
    """Return pairs of places in two sequences, in order; None where one has no counterpart.

    The pairs whose likeness (0: they never pair) adds up to most: the global alignment of Needleman and Wunsch
    (1970) with gaps that cost nothing.
    """
    best = [[0.0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    like = [[likeness(a, b) for b in theirs] for a in ours]
    for a in range(len(ours) - 1, -1, -1):
        for b in range(len(theirs) - 1, -1, -1):
            paired = like[a][b] + best[a + 1][b + 1] if like[a][b] else 0.0
            best[a][b] = max(paired, best[a + 1][b], best[a][b + 1])
    path: list[tuple[int | None, int | None]] = []
    a = b = 0
    while a < len(ours) or b < len(theirs):
        if a < len(ours) and b < len(theirs) and like[a][b] and best[a][b] == like[a][b] + best[a + 1][b + 1]:
            path.append((a, b))
            a, b = a + 1, b + 1
        elif b == len(theirs) or (a < len(ours) and best[a][b] == best[a + 1][b]):
            path.append((a, None))
            a += 1
        else:
            path.append((None, b))
            b += 1
    return path


def clamp_of(float_graph: Graph, tensor: int, quantized: Graph, operator: int | None) -> tuple[float, float]:
    """Return the range that the network itself leaves of a float tensor's values.

    That of the quantized operator's fused activation, and of activations that are all that reads the tensor:
    what lies outside of it is no loss.
    """
    low, high = -inf, inf
    if operator is not None:
        low, high = CLAMPS.get(activation_of(quantized.operators[operator]), (low, high))
    readers = float_graph.readers(tensor)
    ranges = [CLAMPS[name] for n in readers if (name := float_graph.names[n]) in CLAMPS]
    if readers and len(ranges) == len(readers) and tensor not in float_graph.outputs:
        low, high = max(low, min(r[0] for r in ranges)), min(high, max(r[1] for r in ranges))
    return low, high


def _key(graph: Graph, operator: int) -> tuple[str, tuple[int, ...]]:
    return graph.names[operator], graph.shape(targets(graph.operators[operator])[0])


def _convert(found: Match, quantized: Graph, operator: int) -> None:
    """A conversion's output means what its input means."""
    source, target = quantized.activations(operator)[0], targets(quantized.operators[operator])[0]
    known = found.tensors.get(source)
    if known is not None:
        found.tensors[target] = known
    found.pairs.append(Pair(operator, None, "" if known is not None else NOT_IN_FLOAT))


def _add(found: Match, float_graph: Graph, quantized: Graph, f: int | None, q: int | None) -> None:
    if f is None or q is None:
        found.pairs.append(Pair(q, f, NOT_IN_FLOAT if f is None else NOT_IN_INT8))
        return
    ours, theirs = float_graph.operators[f], quantized.operators[q]
    expected = sources(ours)
    for place, tensor in enumerate(sources(theirs)):
        if tensor in quantized.constants or tensor in found.tensors:
            continue
        # Its producer has no counterpart; the same input of the same operator has its meaning all the same.
        if place < len(expected) and float_graph.shape(expected[place]) == quantized.shape(tensor):
            found.tensors[tensor] = expected[place]
    meant = {found.tensors.get(tensor) for tensor in quantized.activations(q)}
    if meant != set(float_graph.activations(f)):
        found.pairs.append(Pair(q, f, OTHER_INPUTS))
        return
    found.tensors |= dict(zip(targets(theirs), targets(ours), strict=False))
    found.pairs.append(Pair(q, f))
