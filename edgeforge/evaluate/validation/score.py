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
from edgeforge.results.variant import shipped_variant
from edgeforge.runtimes.load import load_runner


def score(job: Job) -> None:
    """Write score.json: top1 and balanced (shares), drop (points against float), or rmse, of the primary head.

    Raises StageFailed when there is no model to ship.
    """
    preprocessing = read_preprocessing(job.inputs["data"])
    raw, labels = read_split(job.inputs["data"], "val")
    images, head = preprocessing.apply(raw), preprocessing.heads[0]
    truth = head_labels(labels, preprocessing.heads)
    variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    found, reference = (
        head_metrics(load_runner(path).run(images)[:, : head.size], truth, head)
        for path in (folder / str(variant.file), job.inputs["onnx"] / ONNX_FLOAT_FILE)
    )
    row: dict[str, float | None] = {"rmse": found.rmse}
    if head.classes:
        drop = max(100 * ((reference.top1 or 0.0) - (found.top1 or 0.0)), 0.0)
        row = {"top1": found.top1, "balanced": found.balanced, "drop": drop}
    (job.output / SCORE_FILE).write_text(json.dumps(row, indent=1))
