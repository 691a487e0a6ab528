"""What a board's answers are worth beside the desk's: steps between them, and each head's figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.board_run import BoardHead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def steps_between(expected: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
    """Return each input's largest difference in steps (N); of float outputs, in units in the last place."""
    import numpy as np

    if expected.dtype.kind == "f":
        whole = [values.astype(np.float32).view(np.int32).astype(np.int64) for values in (expected, answers)]
        ordered = [np.where(values < 0, -(values & 0x7FFFFFFF), values) for values in whole]
        return abs(ordered[0] - ordered[1]).max(1)
    return abs(expected.astype(np.int64) - answers.astype(np.int64)).max(1)


def say_answer(preprocessing: Preprocessing, output: NDArray[np.float32], given: NDArray[np.float32]) -> str:
    """Say what the outputs mean, head by head."""
    parts = zip(preprocessing.heads, preprocessing.slices().values(), strict=True)
    return ", ".join(head.say(output[part], given) for head, part in parts)


def head_figures(
    preprocessing: Preprocessing,
    board: NDArray[np.float32],
    desk: NDArray[np.float32],
    given: NDArray[np.float32],
    labels: NDArray[Any] | None,
) -> list[BoardHead]:
    """Return each head's figure on the board and on the desk; without labels that of reconstructions alone."""
    columns = None if labels is None else labels.reshape(len(labels), -1)
    rows = []
    for number, (head, part) in enumerate(zip(preprocessing.heads, preprocessing.slices().values(), strict=True)):
        truth = columns[:, number] if columns is not None and number < columns.shape[1] else None
        if head.kind == "map" and number == 0:
            truth = columns  # a class for each pixel
        found = [_figure(head, values[:, part], given, truth) for values in (board, desk)]
        if found[0] is not None and found[1] is not None:
            judged = truth is not None and head.threshold is not None and head.kind == "reconstruction"
            kind = "classes" if judged else head.kind
            rows.append(BoardHead(name=head.name, kind=kind, unit=head.unit, board=found[0], desk=found[1]))
    return rows


def _figure(
    head: Head, outputs: NDArray[np.float32], given: NDArray[np.float32], truth: NDArray[Any] | None
) -> float | None:
    """Return the share of right classes, the mean error of a value or of reconstructions, a map's mean IoU; or None."""
    if head.kind == "reconstruction":
        errors = head.errors(outputs, given)
        if truth is None or head.threshold is None:
            return float(errors.mean())
        return float(((errors >= head.threshold) == (truth > 0)).mean())
    if truth is None or (head.kind == "value" and head.size > 1):
        return None
    if head.kind == "map":
        return _mean_iou(head, outputs, truth)
    if head.kind == "value":
        return float(abs(head.value(outputs[:, 0]) - truth).mean())
    return float((head.decide(outputs) == truth).mean())


def _mean_iou(head: Head, outputs: NDArray[np.float32], truth: NDArray[Any]) -> float | None:
    """Return the mean intersection over union of maps (N,H*W*K); truth: N,H*W, a class for each pixel."""
    import numpy as np

    from edgeforge.evaluate.maps.overlap import mean_iou

    found, classes = head.decide(outputs), len(head.classes)
    if truth.shape != found.shape:
        return None
    judged = (truth >= 0) & (truth < classes)
    pairs = truth[judged].astype(np.int64) * classes + found[judged]
    counts = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    return float(mean_iou(counts)) if judged.any() else None
