"""The stage `trial-score`: how well the model that ships does on the validation images.

A search chooses by it. The test images choose nothing, or the figures that the report has of them would flatter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from edgeforge.builder.stage import Job
from edgeforge.data.labels import head_labels
from edgeforge.data.splits import deployed_preprocessing, read_split
from edgeforge.evaluate.metrics import head_metrics, judged_by
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


def every_figure(heads: Sequence[Head]) -> tuple[str, ...]:
    """Return the figures of all heads: top1 of the first, size.top1 of a further one by the name of size."""
    first, *others = heads
    return (*scored(first), *(f"{head.name}.{name}" for head in others for name in scored(head)))


def score(job: Job) -> None:
    """Write score.json: the figures that `every_figure` names; drop in points against float.

    Raises StageFailed when there is no model to ship.
    """
    preprocessing = deployed_preprocessing(job)
    raw, labels = read_split(job.inputs["data"], "val")
    images, heads = preprocessing.apply(raw), preprocessing.heads
    variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    shipped = load_runner(folder / str(variant.file)).run(images)
    if heads[0].kind == "reconstruction":
        errors = heads[0].errors(shipped, preprocessing.as_outputs(raw))
        (job.output / SCORE_FILE).write_text(json.dumps({"rmse": float(errors.mean() ** 0.5)}, indent=1))
        return
    in_float = load_runner(job.inputs["onnx"] / ONNX_FLOAT_FILE).run(images)
    row: dict[str, float] = {}
    for place, (head, part) in enumerate(zip(heads, preprocessing.slices().values(), strict=True)):
        truth = head_labels(labels, heads, place)
        found, reference = (
            head_metrics(judged_by(outputs[:, part], truth, head), truth, head) for outputs in (shipped, in_float)
        )
        figures = {name: getattr(found, name) for name in scored(head) if name != "drop"}
        if "drop" in scored(head):
            first = scored(head)[0]
            figures["drop"] = max(100 * (getattr(reference, first) - getattr(found, first)), 0.0)
        row |= {f"{head.name}.{name}" if place else name: figure for name, figure in figures.items()}
    (job.output / SCORE_FILE).write_text(json.dumps(row, indent=1))
