"""What each layer costs the network's output: its own error alone, carried through the rest of the float network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.evaluate.statistics import decibels
from edgeforge.results.rows.parity import LayerRow
from edgeforge.tflite.graph import Graph, TensorRunner, cut, downstream, targets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Injection:
    """One image: every float activation, each layer's own error (None: not measured), and the tensor it is of."""

    floats: Mapping[int, NDArray[Any]]
    errors: list[NDArray[np.float32] | None]
    tensors: list[int]


def measure_costs(
    graph: Graph, rows: list[LayerRow], injections: list[Injection], progress: Callable[[float, str], None]
) -> None:
    """Fill in `output_sqnr_db` and `cost` of every row that was measured.

    A layer's error is added to its float value, and the float network after it is run from there. Errors of
    different layers hardly depend on each other, so their noise at the output adds up to about the whole: a
    layer's share of that sum is its cost.
    """
    noises: dict[int, float] = {}
    signal = 0.0
    for number, row in enumerate(rows):
        if row.own is None:
            continue
        progress(number / len(rows), row.name)
        noises[number], signal = _noise(graph, number, injections)
    total = sum(noises.values())
    for number, noise in noises.items():
        rows[number].output_sqnr_db = decibels(signal, noise)
        rows[number].cost = noise / total if total else 0.0


def _noise(graph: Graph, number: int, injections: list[Injection]) -> tuple[float, float]:
    """Return the noise at the network's outputs that one layer makes, and the outputs' signal, as sums of squares.

    Where the error makes the network infinite (a variance below 0 has no root), the noise is as large as the signal.
    """
    import numpy as np

    tensor = injections[0].tensors[number]
    tail = downstream(graph, tensor)
    reached = {place for n in tail for place in targets(graph.operators[n])}
    ends = [place for place in graph.outputs if place in reached]  # of several outputs not all depend on it
    part = cut(graph, tail, ends) if ends else None
    exact = all(error is not None and not error.any() for error in (one.errors[number] for one in injections))
    runner = None if part is None or exact else TensorRunner(part.flatbuffer, kernels="xnnpack")
    noise = signal = 0.0
    for one in injections:
        expected = [one.floats[place].astype(np.float64) for place in graph.outputs]
        power = sum(float(np.square(value).sum()) for value in expected)
        signal += power
        error = one.errors[number]
        if exact or error is None:
            continue
        injected = one.floats[tensor] + error
        found = [injected if place == tensor else one.floats[place] for place in graph.outputs]
        if runner is not None and part is not None:
            given = [injected if place == tensor else one.floats[place] for place in part.inputs]
            run = dict(zip(part.outputs, runner.run(given), strict=True))
            found = [run.get(place, value) for place, value in zip(graph.outputs, found, strict=True)]
        lost = sum(float(np.square(a - b).sum()) for a, b in zip(expected, found, strict=True))
        noise += lost if np.isfinite(lost) else power
    return noise, signal
