"""Classification metrics over a test split, by torchmetrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.evaluate.statistics import wilson_interval
from edgeforge.report.schema import Metrics
from edgeforge.torchvision_import import import_torchvision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def classification_metrics(logits: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> Metrics:
    """Return accuracy with its 95 % Wilson interval, macro precision and recall, and the confusion matrix.

    logits: N,classes. labels: N. A class that is never predicted has precision 0.
    """
    import_torchvision()
    import torch
    from torchmetrics.functional.classification import (
        multiclass_confusion_matrix,
        multiclass_precision,
        multiclass_recall,
    )

    predicted, truth = torch.from_numpy(logits).argmax(1), torch.from_numpy(labels)
    correct, images = int((predicted == truth).sum()), len(labels)
    low, high = wilson_interval(correct, images)
    return Metrics(
        images=images,
        correct=correct,
        top1=correct / images,
        top1_low=low,
        top1_high=high,
        precision_macro=float(multiclass_precision(predicted, truth, classes, average="macro")),
        recall_macro=float(multiclass_recall(predicted, truth, classes, average="macro")),
        confusion=multiclass_confusion_matrix(predicted, truth, classes).tolist(),
    )
