"""Gathers the report's row on pruning from the stages' artifacts."""

from __future__ import annotations

import json

from edgeforge.builder.stage import Job
from edgeforge.evaluate.dense import DENSE_FILE
from edgeforge.evaluate.measure import REFERENCE
from edgeforge.files import gzip_bytes
from edgeforge.results.report import PrunedFile, PruningRow, VariantRow
from edgeforge.results.variant import read_variants
from edgeforge.train.prune.stage import PRUNING_FILE

PRUNED = "torch-pruned-fp32"  # the float network that is then quantized
FILES = ("tflite-float32", "tflite-int8")


def pruning_row(job: Job, variants: list[VariantRow]) -> PruningRow | None:
    """Return the report's row on pruning; None when the recipe does not prune."""
    if "prune" not in job.inputs:
        return None
    row = PruningRow.model_validate_json((job.inputs["prune"] / PRUNING_FILE).read_bytes())
    dense = json.loads((job.inputs["dense"] / DENSE_FILE).read_text())
    for variant in read_variants(job.inputs["tflite"]):
        if variant.name in FILES and variant.file:
            data = (job.inputs["tflite"] / variant.file).read_bytes()
            known = dense["files"].get(variant.name, {})
            sizes = PrunedFile(name=variant.name, bytes=len(data), gzip_bytes=gzip_bytes(data), **known)
            row.files.append(sizes)
    measured = {variant.name: variant for variant in variants}
    for field, name in (("top1_before", REFERENCE), ("top1_after", PRUNED)):
        metrics = measured[name].metrics
        setattr(row, field, metrics.top1 if metrics else None)
    row.arena_bytes = measured["tflm-int8"].arena_bytes if "tflm-int8" in measured else None
    row.dense_arena_bytes = dense["arena_bytes"]
    return row
