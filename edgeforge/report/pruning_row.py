"""Gathers the report's row on pruning from the stages' artifacts."""

from __future__ import annotations

import json

from edgeforge.builder.stage import Job
from edgeforge.files import gzip_bytes
from edgeforge.results.files import DENSE_FILE, PRUNING_FILE
from edgeforge.results.rows.pruning import PrunedFile, PruningRow
from edgeforge.results.rows.report import VariantRow
from edgeforge.results.variant import TFLITE_FLOAT, TFLITE_INT8, TFLM_INT8, TORCH_FLOAT, TORCH_PRUNED, read_variants

FILES = (TFLITE_FLOAT, TFLITE_INT8)


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
    for field, name in (("top1_before", TORCH_FLOAT), ("top1_after", TORCH_PRUNED)):
        metrics = measured[name].metrics
        setattr(row, field, metrics.top1 if metrics else None)
    row.arena_bytes = measured[TFLM_INT8].arena_bytes if TFLM_INT8 in measured else None
    row.dense_arena_bytes = dense["arena_bytes"]
    return row
