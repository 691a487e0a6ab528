"""The stage `trial-score`: how well the model that ships does on the validation images.

A search chooses by it. The test images choose nothing, or the figures that the report has of them would flatter.
"""

from __future__ import annotations

import json

from edgeforge.builder.stage import Job
from edgeforge.data.labels import head_labels
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.evaluate.metrics import head_metrics
from edgeforge.results.files import ONNX_FLOAT_FILE, SCORE_FILE
from edgeforge.results.head import Head
from edgeforge.results.variant import shipped_variant
from edgeforge.runtimes.load import load_runner


def scored(head: Head) -> tuple[str, ...]:
    """Return the figures of a head; the first is the one that it loses by quantization."""
    if head.kind == "map":
        return ("iou", "drop")
    if head.kind == "reconstruction":  # of the input again: the validation images are of the normal class alone
        return ("rmse",)
    return ("top1", "balanced", "drop") if head.classes else ("rmse",)


def score(job: Job) -> None:
    """Write score.json: the figures of the primary head that `scored` names; drop in points against float.

    Raises StageFailed when there is no model to ship.
    """
    preprocessing = read_preprocessing(job.inputs["data"])
    raw, labels = read_split(job.inputs["data"], "val")
    images, head = preprocessing.apply(raw), preprocessing.heads[0]
    truth = head_labels(labels, preprocessing.heads)
    variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    if head.kind == "reconstruction":
        errors = head.errors(load_runner(folder / str(variant.file)).run(images), preprocessing.as_outputs(raw))
        (job.output / SCORE_FILE).write_text(json.dumps({"rmse": float(errors.mean() ** 0.5)}, indent=1))
        return
    found, reference = (
        head_metrics(load_runner(path).run(images)[:, : head.size], truth, head)
        for path in (folder / str(variant.file), job.inputs["onnx"] / ONNX_FLOAT_FILE)
    )
    row = {name: getattr(found, name) for name in scored(head) if name != "drop"}
    first = scored(head)[0]
    if "drop" in scored(head):
        row["drop"] = max(100 * (getattr(reference, first) - getattr(found, first)), 0.0)
    (job.output / SCORE_FILE).write_text(json.dumps(row, indent=1))
