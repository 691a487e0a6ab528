"""The stage `dense`: what the network before pruning takes as TFLite and in TFLM, to set beside the pruned one."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.errors import StageFailed
from edgeforge.files import gzip_bytes
from edgeforge.quantize.tflite.convert import convert_variants
from edgeforge.recipe.sections.quantize import TFLiteVariant
from edgeforge.results.files import DENSE_FILE, ONNX_FLOAT_FILE
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.runtimes.tflm import TFLMRunner


def measure_dense(job: Job) -> None:
    """Write dense.json: {files: {tflite-int8: {dense_bytes, dense_gzip_bytes}…}, arena_bytes}."""
    settings = job.recipe.quantize.tflite
    wanted: tuple[TFLiteVariant, ...] = ("float32", "int8")
    kinds = tuple(kind for kind in wanted if kind in settings.variants)
    facts: dict[str, Any] = {"files": {}, "arena_bytes": None}
    if kinds:
        samples = read_calibration(job.inputs["calibration"])
        source = job.inputs["dense-onnx"] / ONNX_FLOAT_FILE
        made = convert_variants(source, samples, settings.model_copy(update={"variants": kinds}), job.progress)
        for kind, outcome in made.variants.items():
            if isinstance(outcome, Exception):
                continue
            data = with_preprocessing(outcome, deployed_preprocessing(job))
            facts["files"][f"tflite-{kind}"] = {"dense_bytes": len(data), "dense_gzip_bytes": gzip_bytes(data)}
            if kind == "int8":
                facts["arena_bytes"] = _arena(data, samples[:1])
    (job.output / DENSE_FILE).write_text(json.dumps(facts, indent=1, sort_keys=True))


def _arena(data: bytes, image: Any) -> int | None:
    """Return the bytes that TFLM takes of its arena; None when it refuses the model."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "dense.tflite"
        path.write_bytes(data)
        try:
            runner = TFLMRunner(path)
            runner.run(image)
            return runner.arena().total
        except StageFailed:
            return None
