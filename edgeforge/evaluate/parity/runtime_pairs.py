"""Every runtime against every other: outputs on the same images, in steps of the TFLite model's output."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import EdgeForgeError
from edgeforge.foreign.wording import reason_of
from edgeforge.results.preprocessing import Classified
from edgeforge.results.rows.parity import RuntimePairRow
from edgeforge.runtimes.litert import Kernels, LiteRTRunner
from edgeforge.tflite.graph import Graph, sources, targets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

XNNPACK, BUILTIN, REFERENCE, TFLM = "litert-xnnpack", "litert-builtin", "litert-reference", "tflm"
LITERT: dict[str, Kernels] = {XNNPACK: "xnnpack", BUILTIN: "builtin", REFERENCE: "reference"}
NO_XNNPACK = "XNNPACK refuses this model"


@dataclass(frozen=True)
class Outputs:
    """One runtime's logits (N,classes float32) of the test images `index` (N, ascending).

    one_file: it ran the TFLite model itself, so that its outputs are whole steps of that model's grid.
    """

    runtime: str
    logits: NDArray[np.float32]
    index: NDArray[np.int64]
    one_file: bool = False


def output_steps(graph: Graph) -> list[float | None]:
    """Return the scale of each output, also where a DEQUANTIZE makes it float; None for a float layer."""
    return [_step(graph, place) for place in graph.outputs]


def _step(graph: Graph, place: int) -> float | None:
    maker = next((n for n, op in enumerate(graph.operators) if place in targets(op)), None)
    if graph.spec(place).scale is None and maker is not None and graph.names[maker] == "DEQUANTIZE":
        place = sources(graph.operators[maker])[0]
    return graph.spec(place).scale


def grid_of(graph: Graph) -> float | NDArray[Any] | None:
    """Return the grid that a model's outputs are on: of several, one of each value's; None where one has none."""
    import numpy as np

    steps = output_steps(graph)
    if len(steps) == 1 or None in steps:
        return steps[0] if len(steps) == 1 else None
    return np.repeat(np.array(steps, np.float64), [prod(graph.shape(place)) for place in graph.outputs])


def largest(outputs: NDArray[Any]) -> NDArray[Any]:
    """Return the place of each output vector's largest value (N)."""
    return outputs.argmax(1)


def largest_of_each(graph: Graph) -> Classified:
    """Return what tells the places of the largest values of all outputs (N,outputs) as one record (N)."""
    import numpy as np

    sizes = [prod(graph.shape(place)) for place in graph.outputs]
    if len(sizes) == 1:
        return largest
    ends = np.cumsum(sizes)[:-1]
    record = [(str(place), np.int64) for place in range(len(sizes))]

    def places(outputs: NDArray[Any]) -> NDArray[Any]:
        found = [part.argmax(1) for part in np.split(outputs, ends, axis=1)]
        return np.rec.fromarrays(found, dtype=record)

    return places


def runtime_pairs(
    outputs: list[Outputs],
    step: float | NDArray[Any] | None,
    classified: Classified | None = largest,
    counted: NDArray[np.bool_] | None = None,
) -> list[RuntimePairRow]:
    """Return a row for every pair, over the images that both ran.

    step: the grid that outputs are rounded onto (`grid_of`). Runtimes of the one file have their outputs there already;
    others have scales of their own, and are rounded to the nearest step. Without a grid, float outputs are compared.
    classified: tells the primary head's classes of output vectors; None: that head is a value.
    counted: pixels (N,H*W of all test images) of maps whose classes are compared; None: all.
    """
    return [_pair(a, b, step, classified, counted) for a, b in combinations(outputs, 2)]


def run_litert(
    path: Path, images: NDArray[Any], kernels: list[str], index: NDArray[np.int64]
) -> tuple[list[Outputs], dict[str, str]]:
    """Run a .tflite file with several of LiteRT's kernels; return outputs, and what was left out and why.

    images: N,C,H,W float32, the test images `index`.
    """
    outputs, left_out = [], {}
    for name in kernels:
        try:
            runner = LiteRTRunner(path, threads=1, kernels=LITERT[name])
            if runner.kernels != LITERT[name]:
                left_out[name] = NO_XNNPACK
                continue
            outputs.append(Outputs(name, runner.run(images), index, one_file=True))
        except (EdgeForgeError, RuntimeError) as error:  # an operator that these kernels lack
            left_out[name] = reason_of(error)
    return outputs, left_out


def _pair(
    a: Outputs,
    b: Outputs,
    step: float | NDArray[Any] | None,
    classified: Classified | None,
    counted: NDArray[np.bool_] | None,
) -> RuntimePairRow:
    import numpy as np

    both, of_a, of_b = np.intersect1d(a.index, b.index, return_indices=True)
    ours, theirs = a.logits[of_a].astype(np.float64), b.logits[of_b].astype(np.float64)
    apart = abs(ours - theirs)
    steps = abs(np.rint(ours / step) - np.rint(theirs / step)) if step is not None else None
    equal = apart == 0 if steps is None else steps == 0
    same = None if classified is None else classified(ours) == classified(theirs)
    if same is not None and counted is not None:
        same = same[counted[both]]
    return RuntimePairRow(
        a=a.runtime,
        b=b.runtime,
        images=len(both),
        identical=float(equal.mean()) if len(both) else 0.0,
        within_one=None if steps is None or not len(both) else float((steps <= 1).mean()),
        max_steps=None if steps is None else int(steps.max(initial=0)),
        max_difference=float(apart.max(initial=0.0)),
        same_class=None if same is None else float(same.mean()) if same.size else 0.0,
        one_file=a.one_file and b.one_file,
    )
