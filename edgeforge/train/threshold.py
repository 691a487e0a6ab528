"""From which probability on yes is said: what separates best on the validation split, told beside what is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeforge.data.labels import head_labels
from edgeforge.results.head import HALF
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding
from edgeforge.torchvision_import import import_torchvision

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH = 512


def threshold_finding(
    network: nn.Module,
    weights: Mapping[str, torch.Tensor],
    preprocessing: Preprocessing,
    raw: NDArray[Any],
    labels: NDArray[Any],
) -> list[Finding]:
    """Return a note where another threshold gives more balanced accuracy on the validation split (raw N,C,H,W).

    weights: those that are kept. Empty for a head that is no yes or no, and where the one that is set is as good.
    """
    head = preprocessing.heads[0]
    truth = head_labels(labels, preprocessing.heads)
    if head.kind != "yes_no" or len(np.unique(truth)) < 2:
        return []
    network.load_state_dict(dict(weights))
    found = head.probabilities(_outputs(network.cpu().eval(), preprocessing, raw)[:, :1])[:, 0]
    best, reached = best_threshold(found, truth)
    now = HALF if head.threshold is None else head.threshold
    at_now = balanced_accuracy(found >= now, truth)
    if reached <= at_now:
        return []
    what = f"on the validation split a threshold of {best:.3f} separates best: balanced accuracy {100 * reached:.2f} %"
    return [
        Finding(severity="note", what=f"{what}, {100 * at_now:.2f} % at {now:g}", remedy=f"data.threshold: {best:.3f}")
    ]


def errors_of_normal(network: nn.Module, preprocessing: Preprocessing, raw: NDArray[Any]) -> NDArray[np.float64]:
    """Return the errors (N) of a network that gives its input again, of raw inputs (N,C,H,W)."""
    return preprocessing.heads[0].errors(_outputs(network, preprocessing, raw), preprocessing.as_outputs(raw))


def percentile_of(errors: NDArray[np.float64], percentile: float) -> float:
    """Return the threshold, rounded to 6 digits upwards: errors of that share are below it."""
    value = float(np.percentile(errors, percentile))
    return float(f"{value * (1 + 1e-5):.6g}")


def _outputs(network: nn.Module, preprocessing: Preprocessing, raw: NDArray[Any]) -> NDArray[np.float32]:
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(preprocessing.apply(raw[at : at + BATCH]))) for at in range(0, len(raw), BATCH)
        ]
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found


def best_threshold(found: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[float, float]:
    """Return the threshold of the largest balanced accuracy (Youden 1950), halfway to the next lower output, and that.

    found: probabilities of yes (N). truth: 0 and 1.
    """
    import_torchvision()
    from torchmetrics.functional.classification import binary_roc

    false, true, thresholds = binary_roc(torch.from_numpy(found), torch.from_numpy(truth))
    place = int((true - false).argmax())
    least = min(float(thresholds[place]), 1.0)
    below = found[found < least]
    chosen = (least + float(below.max())) / 2 if len(below) else least
    chosen = min(max(round(chosen, 3), 0.001), 0.999)
    return chosen, balanced_accuracy(found >= chosen, truth)


def balanced_accuracy(said: NDArray[np.bool_], truth: NDArray[np.int64]) -> float:
    """Return the mean of the shares of yes and of no that are told rightly."""
    return float((said[truth == 1].mean() + (~said[truth == 0]).mean()) / 2)
