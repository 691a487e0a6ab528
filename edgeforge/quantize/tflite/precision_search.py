"""Which layers must be kept wider than int8, and how few of them are enough.

The search knows no runtime: it is given a function that makes and judges a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgeforge.quantize.tflite.static import Precision

CURVE = 8  # points of the curve of accuracy against bytes, beside those that the search tries


@dataclass(frozen=True)
class Judged:
    """A model tried on validation images: its size, its accuracy, and the mean squared error of its logits."""

    bytes: int
    accuracy: float  # share in [0, 1]
    error: float  # against the float model's logits


@dataclass(frozen=True)
class Sensitivity:
    """What quantizing one layer alone costs, all others in float."""

    layer: str
    drop: float  # points of accuracy
    error: float  # mean squared error of the logits


@dataclass(frozen=True)
class Point:
    """One mix of precisions on the curve of accuracy against bytes."""

    wide: tuple[str, ...]
    judged: Judged


Judge = Callable[[Precision, Mapping[str, Precision]], Judged]
Progress = Callable[[float, str], None]


def sensitivities(layers: list[str], judge: Judge, reference: Judged, progress: Progress) -> list[Sensitivity]:
    """Return what each layer costs when it alone is int8, the costliest first.

    Validation images are few, so many layers cost the same number of them: the logits' error decides between those.
    """
    found = []
    for done, layer in enumerate(layers):
        progress(done / len(layers), f"{layer} alone in int8")
        judged = judge("float32", {layer: "int8"})
        found.append(Sensitivity(layer, 100 * (reference.accuracy - judged.accuracy), judged.error))
    return sorted(found, key=lambda entry: (-entry.drop, -entry.error))


def fewest_wide(
    order: list[str], wide: Precision, judge: Judge, reference: Judged, max_drop: float, progress: Progress
) -> tuple[Point | None, list[Point]]:
    """Return the mix with the fewest wide layers found whose drop is within `max_drop` points, and all mixes tried.

    Layers are widened in `order` until the drop is small enough; then each is narrowed again, the least costly
    first, where the drop allows it. None: not even all layers wide are enough.
    """
    tried: dict[tuple[str, ...], Judged] = {}

    def drop(layers: tuple[str, ...]) -> float:
        key = tuple(sorted(layers, key=order.index))
        if key not in tried:
            tried[key] = judge("int8", dict.fromkeys(key, wide))
        return 100 * (reference.accuracy - tried[key].accuracy)

    chosen: tuple[str, ...] | None = None
    for count in range(len(order) + 1):
        progress(count / (len(order) + 1), f"{count} of {len(order)} layers in {wide}")
        if drop(tuple(order[:count])) <= max_drop:
            chosen = tuple(order[:count])
            break
    if chosen:
        for layer in reversed(chosen):
            narrower = tuple(other for other in chosen if other != layer)
            if drop(narrower) <= max_drop:
                chosen = narrower
    for count in {round(len(order) * share / CURVE) for share in range(CURVE + 1)}:
        drop(tuple(order[:count]))  # what further widening would buy: the curve in the report
    points = [Point(layers, judged) for layers, judged in tried.items()]
    best = None if chosen is None else Point(chosen, tried[tuple(sorted(chosen, key=order.index))])
    return best, points
