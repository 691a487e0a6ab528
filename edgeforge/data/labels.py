"""Labels of one or several heads: how they are stored, split, and read back.

One head of classes: (N) int64. A map: (N,H*W) uint8, the class of each pixel, row by row, or IGNORED. Anything else:
(N,heads) float64, a class as its number, a value in its unit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.results.head import IGNORED, Head
from edgeforge.results.preprocessing import Preprocessing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STRATA = 5  # parts of a value's range, with as many inputs each, that splits keep in proportion


def head_labels(labels: NDArray[Any], heads: tuple[Head, ...], place: int = 0) -> NDArray[Any]:
    """Return one head's labels (N): int64 of classes, float64 of a value in its unit. 0: the primary head.

    Those of a map are (N,H*W) int64.
    """
    import numpy as np

    if heads[place].kind == "map":
        return labels.astype(np.int64)
    column = labels if labels.ndim == 1 else labels[:, place]
    return column.astype(np.int64 if heads[place].classes else np.float64, copy=False)


def counted_pixels(labels: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.bool_] | None:
    """Return which pixels (N,H*W) of a map are of a class; None where all are, and of other heads."""
    if preprocessing.heads[0].kind != "map" or not (labels == IGNORED).any():
        return None
    counted: NDArray[np.bool_] = labels != IGNORED
    return counted


def as_stored(labels: NDArray[Any], heads: tuple[Head, ...]) -> NDArray[Any]:
    """Return labels (N or N,heads) in the type that they are stored in. Raises RecipeError where one is no number."""
    import numpy as np

    if heads[0].kind == "map":
        return labels.reshape(len(labels), -1).astype(np.uint8, copy=False)
    if len(heads) == 1 and heads[0].classes:
        return labels.reshape(len(labels)).astype(np.int64, copy=False)
    table = np.asarray(labels, np.float64).reshape(len(labels), -1)
    if table.shape[1] != len(heads):
        raise RecipeError(
            f"data: {table.shape[1]} labels an input, {len(heads)} heads: {', '.join(head.name for head in heads)}",
            fix="give one column a head",
        )
    for place, head in enumerate(heads):
        column = table[:, place]
        if not np.isfinite(column).all() or (head.log and (column <= 0).any()):
            wanted = "numbers above 0, for their logarithms are learned" if head.log else "finite numbers"
            raise RecipeError(f"data: labels of '{head.name}' are not all {wanted}", fix="leave those inputs out")
    return table


def fitted_heads(heads: tuple[Head, ...], labels: NDArray[Any]) -> tuple[Head, ...]:
    """Return the heads with mean and standard deviation of the training labels (of their logarithms) for values."""
    import numpy as np

    fitted = []
    for place, head in enumerate(heads):
        if not head.classes:
            values = head_labels(labels, heads, place)
            values = np.log(values) if head.log else values
            std = float(values.std())
            if std == 0:
                raise RecipeError(f"data: every training label of '{head.name}' is the same", fix="look at the labels")
            head = replace(head, mean=round(float(values.mean()), 6), std=round(std, 6))
        fitted.append(head)
    return tuple(fitted)


def strata(values: NDArray[Any], head: Head, parts: int = STRATA) -> NDArray[np.int64]:
    """Return what splits and calibration keep in proportion: the class, or which part of the value's quantiles.

    Of a map nothing: all are of one kind.
    """
    import numpy as np

    if head.kind == "map":
        return np.zeros(len(values), np.int64)
    if head.classes:
        return values.astype(np.int64, copy=False)
    edges = np.quantile(values, np.linspace(0, 1, min(parts, len(values)) + 1)[1:-1])
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def truths(labels: NDArray[Any], heads: tuple[Head, ...]) -> list[str]:
    """Return what each input is, in words: `class 7`, or `life 812 cycles, long_lived yes`; what a map has."""
    if heads[0].kind == "map":
        return [
            " and ".join(heads[0].classes[label] for label in sorted(set(row) - {IGNORED})) for row in labels.tolist()
        ]
    columns = [head_labels(labels, heads, place) for place in range(len(heads))]
    return [
        ", ".join(
            f"{head.name} {head.classes[label] if head.classes else f'{label:.4g} {head.unit}'.strip()}"
            for head, label in zip(heads, row, strict=True)
        )
        for row in zip(*columns, strict=True)
    ]
