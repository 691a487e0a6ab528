"""How well maps cover the true ones: intersection over union and Dice by class, and whether a difference is chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.evaluate.statistics import resampled
from edgeforge.results.head import IGNORED, Head
from edgeforge.results.rows.report import Drop, HeadMetrics, Verdict
from edgeforge.torchvision_import import import_torchvision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 0.005  # points of mean IoU; less is shown as 0.00


def map_metrics(counts: NDArray[np.int64], head: Head) -> HeadMetrics:
    """Return the metrics of a map over all pixels of all images. counts: `confusions`.

    The mean over classes leaves out what neither is there nor is found; its interval is a bootstrap over images.
    """
    import numpy as np

    whole = counts.sum(0)
    low, high = np.percentile(mean_iou(_resampled_sums(counts)), (2.5, 97.5))
    by_class = [None if np.isnan(one) else float(one) for one in ious(whole)]
    dice = 2 * np.diagonal(whole) / np.maximum(whole.sum(0) + whole.sum(1), 1)
    known = [place for place, one in enumerate(by_class) if one is not None]
    return HeadMetrics(
        images=len(counts),
        head=head.name,
        iou=float(mean_iou(whole)),
        iou_low=float(low),
        iou_high=float(high),
        ious=by_class,
        dice=float(dice[known].mean()),
        pixels=float(np.trace(whole) / whole.sum()),
        confusion=whole.tolist(),
    )


def confusions(found: NDArray[np.int64], truth: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return each image's confusion matrix (N,classes,classes): rows true, columns found. found, truth: N,H*W.

    Pixels whose truth is IGNORED are not counted.
    """
    import_torchvision()
    import numpy as np
    import torch
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    pairs = zip(torch.from_numpy(found), torch.from_numpy(truth), strict=True)
    options: Any = {"ignore_index": IGNORED, "validate_args": False}
    return np.stack([multiclass_confusion_matrix(*pair, classes, **options).numpy() for pair in pairs])


def ious(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return intersection over union by class of confusion matrices (…,K,K); NaN of one that is nowhere."""
    import numpy as np

    both = np.diagonal(counts, axis1=-2, axis2=-1)
    union = counts.sum(-1) + counts.sum(-2) - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)


def mean_iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean over classes of `ious` (…)."""
    import numpy as np

    return np.asarray(np.nanmean(ious(counts), axis=-1))


def iou_drop(now: NDArray[np.int64], was: NDArray[np.int64]) -> Drop:
    """Judge a variant's mean IoU against the reference's by bootstrap over images, in pairs; both `confusions`."""
    gained = 100 * (mean_iou(_resampled_sums(now)) - mean_iou(_resampled_sums(was)))
    return _drop(100 * float(mean_iou(was.sum(0)) - mean_iou(now.sum(0))), gained)


def image_errors(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how much of 1 each image's own mean IoU lacks (N). counts: `confusions`."""
    return 1 - mean_iou(counts)


def error_drop(was: NDArray[np.float64], now: NDArray[np.float64]) -> Drop:
    """Judge `image_errors` of two models on the same images by paired bootstrap."""
    gained = 100 * (was - now)
    return _drop(-float(gained.mean()), gained[resampled(len(gained))].mean(1))


def _drop(points: float, gained: NDArray[np.float64]) -> Drop:
    """Return a drop of so many points, judged by what resampled images gain."""
    import numpy as np

    low, high = (float(one) for one in np.percentile(gained, (2.5, 97.5)))
    verdict: Verdict = "better" if low > 0 else "worse" if high < 0 else "tie"
    if abs(points) < SHOWN:  # of so many pixels the bootstrap tells the least difference from none
        verdict = "tie"
    return Drop(points=points, verdict=verdict, iou_low=low, iou_high=high)


def _resampled_sums(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the summed confusion matrices of images drawn anew, again and again (resamples,K,K)."""
    import numpy as np

    index = resampled(len(counts))
    times = np.stack([np.bincount(row, minlength=len(counts)) for row in index])
    return (times @ counts.reshape(len(counts), -1)).reshape(len(index), *counts.shape[1:])
