"""Metrics of each head over a test split: classes by torchmetrics, values in their unit, maps by their overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.data.labels import head_labels
from edgeforge.evaluate.maps.overlap import confusions, image_errors, iou_drop, map_metrics
from edgeforge.evaluate.statistics import mcnemar, rmse_difference, rmse_interval, wilson_interval
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.report import Drop, HeadMetrics, Metrics
from edgeforge.torchvision_import import import_torchvision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS = 400  # of a value's scatter plot


def judged_by(outputs: NDArray[np.float32], truth: NDArray[Any], head: Head) -> NDArray[Any]:
    """Return what a primary head is judged by: its outputs (N,outputs), of a map each image's `confusions` (N,K,K).

    truth: N, of a map N,H*W. Counting pixels takes long: it is done once.
    """
    return confusions(head.decide(outputs), truth, len(head.classes)) if head.kind == "map" else outputs


def metrics(
    outputs: NDArray[Any],
    expected: NDArray[Any] | None,
    labels: NDArray[Any],
    preprocessing: Preprocessing,
    further: dict[str, tuple[NDArray[np.float32], NDArray[Any]]],
    given: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> tuple[Metrics, Drop]:
    """Return the metrics of every head, and the primary head's drop.

    outputs, expected: N,outputs of the variant and the reference (None: it is the reference), of a map `judged_by`.
    labels: see labels.py.
    further: more test sets by name, as (outputs, labels). given: N,outputs each, what the variant and the reference,
    which give their input again, should give; their errors are judged then.
    """
    import numpy as np

    if given is not None:
        head = preprocessing.heads[0]
        outputs = head.errors(outputs, given[0])[:, None].astype(np.float32)
        expected = None if expected is None else head.errors(expected, given[1])[:, None].astype(np.float32)
    heads = preprocessing.heads
    parts = {heads[0].name: slice(0, 1)} if given is not None else preprocessing.slices()
    rows: list[tuple[HeadMetrics, Drop]] = []
    for place, (head, part) in enumerate(zip(heads, parts.values(), strict=True)):
        truth = head_labels(labels, heads, place)
        found = outputs[:, part]
        drop = Drop(points=0.0, verdict="reference")
        if expected is not None:
            drop = _drop(found, expected[:, part], truth, head)
        rows.append((head_metrics(found, truth, head), drop))
    (first, drop), *others = rows
    part = slice(0, heads[0].size)
    more = {name: head_metrics(found[:, part], head_labels(y, heads), heads[0]) for name, (found, y) in further.items()}
    return Metrics(
        **first.model_dump(),
        others=[row.model_copy(update={"drop": of_head}) for row, of_head in others],
        further=more,
    ), drop


def head_metrics(outputs: NDArray[Any], truth: NDArray[Any], head: Head) -> HeadMetrics:
    """Return one head's metrics. outputs: N,size, of an input again its error, N,1, of a map `judged_by`. truth: N."""
    if head.kind == "map":
        return map_metrics(outputs, head)
    if head.kind == "reconstruction":
        return anomaly_metrics(outputs[:, 0], truth, head)
    if head.kind == "yes_no":
        return yes_no_metrics(outputs, truth, head)
    if head.classes:
        return classification_metrics(outputs, truth, head.size, head.name)
    return value_metrics(outputs[:, 0], truth, head)


def head_errors(outputs: NDArray[Any], truth: NDArray[Any], head: Head) -> NDArray[Any]:
    """Return one head's error on each input (N): of classes whether it is wrong, of a value found minus true.

    Of a map what its mean IoU lacks of 1. outputs: N,size, of an input again its error, N,1, of a map `judged_by`.
    """
    if head.kind == "reconstruction":
        return (outputs[:, 0] >= (head.threshold or 0.0)) != truth
    if head.kind == "map":
        return image_errors(outputs)
    if head.classes:
        return head.decide(outputs) != truth
    return head.value(outputs[:, 0]) - truth


def classification_metrics(
    logits: NDArray[np.float32], labels: NDArray[np.int64], classes: int, name: str = "class"
) -> HeadMetrics:
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
    confusion = multiclass_confusion_matrix(predicted, truth, classes)
    present = confusion.sum(1) > 0
    recalls = confusion.diagonal()[present] / confusion.sum(1)[present]
    return HeadMetrics(
        images=images,
        head=name,
        correct=correct,
        top1=correct / images,
        top1_low=low,
        top1_high=high,
        precision_macro=float(multiclass_precision(predicted, truth, classes, average="macro")),
        recall_macro=float(multiclass_recall(predicted, truth, classes, average="macro")),
        balanced=float(recalls.mean()),
        confusion=confusion.tolist(),
    )


def yes_no_metrics(outputs: NDArray[np.float32], truth: NDArray[np.int64], head: Head) -> HeadMetrics:
    """Return the metrics of one output (N,1): those of both classes at the head's threshold, and those of all."""
    return _decided(head.decide(outputs), head.probabilities(outputs)[:, 0], truth, head)


def anomaly_metrics(errors: NDArray[np.float32], truth: NDArray[np.int64], head: Head) -> HeadMetrics:
    """Return the metrics of errors of reconstruction (N): at the head's threshold, and over all of them."""
    return _decided((errors >= (head.threshold or 0.0)).astype(int), errors, truth, head)


def _decided(said: NDArray[np.int64], found: NDArray[Any], truth: NDArray[np.int64], head: Head) -> HeadMetrics:
    """Return the metrics of a yes or no. said: 0 or 1 (N). found: what it was decided by (N), larger for a yes.

    AUROC: how often an input of classes[1] has the larger output of two; AUPRC: precision, averaged over recall.
    """
    import_torchvision()
    import numpy as np
    import torch
    from torchmetrics.functional.classification import binary_auroc, binary_average_precision

    # torchmetrics takes shares: ranks keep the order, where a sigmoid of large outputs would not.
    _, ranks = np.unique(found, return_inverse=True)
    order, expected = torch.from_numpy(ranks / max(len(ranks), 1)), torch.from_numpy(truth)
    right, asked, there = int((said & truth).sum()), int(said.sum()), int(truth.sum())
    return classification_metrics(np.eye(2, dtype=np.float32)[said], truth, 2, head.name).model_copy(
        update={
            "threshold": head.threshold,
            "precision": right / asked if asked else None,
            "recall": right / there if there else None,
            "f1": 2 * right / (asked + there) if asked + there else None,
            "auroc": float(binary_auroc(order, expected)),
            "auprc": float(binary_average_precision(order, expected)),
        }
    )


def value_metrics(outputs: NDArray[np.float32], truth: NDArray[np.float64], head: Head) -> HeadMetrics:
    """Return a value head's errors in its unit. outputs: N, normalised. truth: N in the unit."""
    import_torchvision()
    import numpy as np
    import torch
    from torchmetrics.functional import r2_score

    found = head.value(outputs)
    errors = found - truth
    low, high = rmse_interval(errors)
    shown = np.unique(np.linspace(0, len(truth) - 1, min(POINTS, len(truth))).round().astype(int))
    return HeadMetrics(
        images=len(truth),
        head=head.name,
        unit=head.unit,
        rmse=float(np.sqrt((errors**2).mean())),
        rmse_low=low,
        rmse_high=high,
        mae=float(abs(errors).mean()),
        r2=float(r2_score(torch.from_numpy(found), torch.from_numpy(truth))) if len(truth) > 1 else None,
        largest=float(abs(errors).max()),
        truth=[float(f"{value:.6g}") for value in truth[shown]],
        predicted=[float(f"{value:.6g}") for value in found[shown]],
    )


def _drop(outputs: NDArray[Any], expected: NDArray[Any], truth: NDArray[Any], head: Head) -> Drop:
    if head.kind == "map":
        return iou_drop(outputs, expected)
    if head.classes:
        return mcnemar(~head_errors(expected, truth, head), ~head_errors(outputs, truth, head))
    found, reference = (head_errors(rows, truth, head) for rows in (outputs, expected))
    difference, low, high, verdict = rmse_difference(reference, found)
    return Drop(points=0.0, verdict=verdict, rmse=difference, rmse_low=low, rmse_high=high, unit=head.unit)
