"""head.json: from which output on the primary head says yes, chosen on the validation split, and what outputs are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeforge.builder.stage import Job
from edgeforge.data.labels import head_labels
from edgeforge.data.splits import read_split
from edgeforge.results.files import HEAD_FILE
from edgeforge.results.head import HALF, IGNORED, Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    from torch import nn

BATCH = 512
FEW = 20  # validation inputs of a class say little of a threshold
SURE = 1e-6  # the least probability that a threshold may be, and what it lacks of 1 at most
Outputs = Callable[[NDArray[Any]], NDArray[np.float32]]  # raw inputs (N,C,H,W) → output vectors (N,outputs)


def balanced_accuracy(true: NDArray[np.int64], false: NDArray[np.int64], yes: int, no: int) -> NDArray[np.float64]:
    """Return the mean of the shares of yes and of no that are told rightly (Youden 1950)."""
    return np.asarray((true / yes + 1 - false / no) / 2)


def f1_score(true: NDArray[np.int64], false: NDArray[np.int64], yes: int, no: int) -> NDArray[np.float64]:
    """Return the harmonic mean of precision and recall of yes; of a map that is Dice."""
    return np.asarray(2 * true / (true + false + yes))


CRITERIA = {"balanced": (balanced_accuracy, "balanced accuracy"), "f1": (f1_score, "F1")}


def ended(preprocessing: Preprocessing, lasts: tuple[str, ...]) -> Preprocessing:
    """Return it with heads that know whether the network gives probabilities. lasts: the last function of each."""
    heads = preprocessing.heads
    if len(lasts) != len(heads):
        return preprocessing
    wanted = ["sigmoid" if head.decides else "softmax" if head.kind == "classes" else None for head in heads]
    found = (replace(head, probability=last == one) for head, last, one in zip(heads, lasts, wanted, strict=True))
    return replace(preprocessing, heads=tuple(found))


def settle_head(job: Job, preprocessing: Preprocessing, outputs: Outputs) -> list[Finding]:
    """Write head.json, where there is more to say of the heads than the data does, and tell what was chosen.

    preprocessing: of the network, as `ended` returns it. outputs: the network that is kept.
    """
    head = preprocessing.heads[0]
    settled = Settled()
    if head.kind == "reconstruction":
        settled = _of_errors(job, preprocessing, outputs)
    elif head.kind == "yes_no" or (head.decides and _wanted(job) in CRITERIA):
        settled = _of_probabilities(job, preprocessing, outputs)
    facts: dict[str, Any] = {"probability": True} if head.probability else {}
    facts |= {} if settled.threshold is None else {"threshold": settled.threshold}
    others = [one.name for one in preprocessing.heads[1:] if one.probability]
    facts |= {"others": others} if others else {}  # that are probabilities
    if facts:
        (job.output / HEAD_FILE).write_text(json.dumps(facts))
    return list(settled.findings)


@dataclass(frozen=True)
class Settled:
    """A threshold, None where that of the data stays, and what is to be told of it."""

    threshold: float | None = None
    findings: tuple[Finding, ...] = ()


def _of_probabilities(job: Job, preprocessing: Preprocessing, outputs: Outputs) -> Settled:
    """Choose by data.threshold; where that is a number it stays, and a better one is told."""
    head, wanted = preprocessing.heads[0], _wanted(job)
    (train_x, _), (raw, labels) = (read_split(job.inputs["data"], name) for name in ("train", "val"))
    if np.array_equal(train_x, raw):
        note = Finding(
            severity="note",
            what=f"'{head.classes[1]}' is said from a probability of {head.threshold:g} on: there are no validation "
            "inputs to choose that by",
            remedy="data.threshold, or data.validation",
        )
        return Settled(findings=() if wanted else (note,))
    truth, found = head_labels(labels, preprocessing.heads).reshape(-1), outputs(raw)[:, : head.size].reshape(-1)
    if head.kind == "map":
        truth, found = truth[truth != IGNORED], found[truth != IGNORED]
    counts = np.bincount(truth, minlength=2)
    if not counts.all():
        only = f"all validation inputs are '{head.classes[int(counts.argmax())]}'"
        what = f"{only}: no threshold can be chosen, it stays {head.threshold:g}"
        return Settled(findings=(Finding(severity="warning", what=what, remedy="raise data.validation"),))
    name = wanted if isinstance(wanted, str) else "balanced"
    score, words = CRITERIA[name]
    threshold = best_threshold(found, truth, head, score)
    reached, now = (scored(found, truth, replace(head, threshold=one), score) for one in (threshold, head.threshold))
    shares = f"{words} {100 * reached:.2f} %, {100 * now:.2f} % at {head.threshold:g}"
    if isinstance(wanted, float):
        better = f"on the validation split a threshold of {threshold:.3g} separates best: {shares}"
        told = Finding(severity="note", what=better, remedy="data.threshold: balanced")
        return Settled(findings=(told,) if reached > now else ())
    what = f"'{head.classes[1]}' is said from a probability of {threshold:.3g} on, the best of {len(raw)} validation "
    what += f"inputs: {shares}"
    few = int(counts.min()) < FEW
    if few:
        what += f"; {counts.min()} of them are '{head.classes[int(counts.argmin())]}'"
    remedy = "so few say little of it: raise data.validation" if few else "data.threshold: balanced, f1 or a number"
    return Settled(threshold, (Finding(severity="warning" if few else "note", what=what, remedy=remedy),))


def _wanted(job: Job) -> float | str | None:
    """Return what the recipe says of the primary head's threshold: a number, a criterion, or nothing."""
    data = job.recipe.data
    return data.threshold if data.heads is None else next(iter(data.heads.values())).threshold


def best_threshold(
    found: NDArray[np.float32], truth: NDArray[np.int64], head: Head, score: Callable[..., NDArray[np.float64]]
) -> float:
    """Return the probability (6 digits) of the largest score; of several that nearest to one half.

    found: outputs (N), logits or probabilities as head says. truth: 0 and 1 (N), both occur. Tried are the middles
    between two outputs, and one half.
    """
    values = np.unique(found.astype(np.float64))
    half = HALF if head.probability else 0.0
    cuts = np.concatenate([[half], (values[1:] + values[:-1]) / 2])
    above = [len(part) - np.searchsorted(np.sort(part), cuts) for part in (found[truth == 1], found[truth == 0])]
    reached = score(*above, int((truth == 1).sum()), int((truth == 0).sum()))
    best = cuts[reached >= reached.max() - 1e-12]
    cut = float(best[abs(best - half).argmin()])
    probability = cut if head.probability else 1 / (1 + exp(-cut)) if cut > -500 else 0.0
    return min(max(float(f"{probability:.6g}"), SURE), 1 - SURE)


def scored(
    found: NDArray[np.float32], truth: NDArray[np.int64], head: Head, score: Callable[..., NDArray[np.float64]]
) -> float:
    """Return the score of outputs (N) at the head's threshold, as every runtime decides."""
    assert head.cut is not None
    said = found >= np.float32(head.cut)
    yes = truth == 1
    return float(score(np.int64((said & yes).sum()), np.int64((said & ~yes).sum()), int(yes.sum()), int((~yes).sum())))


def _of_errors(job: Job, preprocessing: Preprocessing, outputs: Outputs) -> Settled:
    """Choose the error from which on an input is an anomaly: a percentile of those of normal validation inputs."""
    raw = read_split(job.inputs["data"], "val")[0]
    errors = preprocessing.heads[0].errors(outputs(raw), preprocessing.as_outputs(raw))
    threshold = percentile_of(errors, job.recipe.data.percentile)
    what = f"an input is an anomaly from an error of {threshold:.4g} on: percentile {job.recipe.data.percentile:g} of "
    what += f"the errors of {len(errors)} normal validation inputs"
    few = len(errors) < FEW
    remedy = "so few say little of it: raise data.validation" if few else "data.percentile"
    return Settled(threshold, (Finding(severity="warning" if few else "note", what=what, remedy=remedy),))


def percentile_of(errors: NDArray[np.float64], percentile: float) -> float:
    """Return the threshold, rounded to 6 digits upwards: errors of that share are below it."""
    value = float(np.percentile(errors, percentile))
    return float(f"{value * (1 + 1e-5):.6g}")


def outputs_of(network: nn.Module, preprocessing: Preprocessing, one_by_one: bool = False) -> Outputs:
    """Return what gives a network's output vectors of raw inputs. one_by_one: a finished one may take no more."""
    import torch

    def run(raw: NDArray[Any]) -> NDArray[np.float32]:
        batch = 1 if one_by_one else BATCH
        with torch.inference_mode():
            parts = [
                network.cpu().eval()(torch.from_numpy(preprocessing.apply(raw[at : at + batch])))
                for at in range(0, len(raw), batch)
            ]
        found: NDArray[np.float32] = torch.cat(parts).numpy()
        return found

    return run
