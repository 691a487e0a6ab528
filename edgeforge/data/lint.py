"""Finds the usual mistakes in a representative dataset by comparing it with the training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.data.labels import head_labels
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEW_SAMPLES = 50


def lint_calibration(
    x: NDArray[np.float32],
    y: NDArray[Any] | None,
    training: NDArray[np.float32],
    preprocessing: Preprocessing,
) -> list[Finding]:
    """Return what is wrong with calibration inputs x (N,C,H,W) beside the training inputs of the model.

    Wrong layout is an error already when the file is read, where the shapes tell it apart.
    """
    return [*_range(x, training, preprocessing), *_labels(y, preprocessing), *_size(x, len(training))]


def _range(x: NDArray[np.float32], training: NDArray[np.float32], preprocessing: Preprocessing) -> list[Finding]:
    import numpy as np

    low, high = float(training.min()), float(training.max())
    span = high - low
    seen = f"values from {x.min():.3g} to {x.max():.3g}, mean {x.mean():.3g}"
    expected = f"the model is trained on {low:.3g} to {high:.3g}, mean {training.mean():.3g}"
    if x.max() > high + span or x.min() < low - span:
        raw = x.min() >= 0 and x.max() <= preprocessing.raw_max and x.max() > 1.5
        remedy = "these look like raw pixels: " if raw else ""
        return [_error(f"wrong range: {seen}; {expected}", f"{remedy}normalise them as the model expects")]
    # Without normalisation, pixels in [0, 1] keep a mean and spread far from the training inputs'.
    axes = (0, 2, 3)
    shift = np.abs(x.mean(axes) - training.mean(axes)) / training.std(axes)
    spread = x.std(axes) / training.std(axes)
    if shift.max() > 0.5 or spread.max() > 1.5 or spread.min() < 1 / 1.5:
        unnormalised = x.min() >= -1e-6 and x.max() <= 1 + 1e-6 and low < -0.1
        remedy = "these look like pixels in [0, 1] without normalisation: " if unnormalised else ""
        mean, std = list(preprocessing.mean), list(preprocessing.std)
        fix = f"{remedy}apply (x - mean) / std with mean {mean} and std {std}"
        return [
            _error(
                f"wrong normalisation: {seen}, spread {x.std():.3g}; {expected}, spread {training.std():.3g}",
                fix,
            )
        ]
    return []


def _labels(y: NDArray[Any] | None, preprocessing: Preprocessing) -> list[Finding]:
    import numpy as np

    head = preprocessing.heads[0]
    if head.kind in ("map", "reconstruction"):
        return []
    whole = "every class" if head.classes else "the whole range"
    if y is None:
        return [_warning(f"no labels: whether {whole} is represented is not known", "save y=labels beside x")]
    labels = head_labels(y, preprocessing.heads)
    if not head.classes:
        if labels.min() < labels.max():
            return []
        return [_error(f"one value only: every sample is {labels[0]:.4g} {head.unit}", "draw samples of many values")]
    present = set(np.unique(labels).tolist())
    names = [name for i, name in enumerate(preprocessing.classes) if i not in present]
    if len(present) == 1:
        only = preprocessing.classes[present.pop()]
        return [_error(f"one class only: every sample is '{only}'", "draw samples from every class")]
    if names:
        return [_warning(f"{len(names)} classes are missing: {', '.join(names[:8])}", "draw some of each class")]
    return []


def _size(x: NDArray[np.float32], available: int) -> list[Finding]:
    if len(x) >= min(FEW_SAMPLES, available):  # more than all training images there cannot be
        return []
    return [_warning(f"only {len(x)} samples: ranges may be too narrow", "use 100 to 500 samples")]


def _error(what: str, remedy: str) -> Finding:
    return Finding(severity="error", what=f"calibration, {what}", remedy=remedy)


def _warning(what: str, remedy: str) -> Finding:
    return Finding(severity="warning", what=f"calibration, {what}", remedy=remedy)
