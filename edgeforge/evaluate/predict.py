"""The stages `predict-*`: the logits of every variant over the whole test split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.artifact import Variant, read_variants
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.runtimes.load import load_runner
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.runtimes.runner import Runner
from edgeforge.stage import Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREDICTIONS_FILE = "predictions.npz"
FAKE_QUANT = ":fake-quant"  # suffix of the outputs of a fake-quant model, after its file
PORTION = 500


def predict(job: Job) -> None:
    """Write predictions.npz: variant name → logits (N,classes float32) over the test split."""
    import numpy as np

    raw, _ = read_split(job.inputs["data"], "test")
    images = read_preprocessing(job.inputs["data"]).apply(raw)
    models = _models(job)
    logits = {}
    for done, (name, path) in enumerate(models.items()):
        runner = _runner(name, path)
        rows: list[NDArray[np.float32]] = []
        for start in range(0, len(images), PORTION):
            job.progress((done + start / len(images)) / len(models), name)
            rows.append(runner.run(images[start : start + PORTION]))
        logits[name] = np.concatenate(rows)
    np.savez(job.output / PREDICTIONS_FILE, **logits)


def read_predictions(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return what `predict` wrote."""
    import numpy as np

    with np.load(folder / PREDICTIONS_FILE) as arrays:
        return {name: arrays[name] for name in arrays}


def _runner(name: str, path: Path) -> Runner:
    if name.endswith(FAKE_QUANT) and path.suffix == ".onnx":
        return OnnxRunner(path, optimized=False)
    return load_runner(path)


def _models(job: Job) -> dict[str, Path]:
    """Return name → file of every variant that could be made, and of the fake-quant models."""
    models: dict[str, Path] = {}
    for folder in job.inputs.values():
        for variant in read_variants(folder):
            if variant.file:
                models[variant.name] = folder / variant.file
                models |= _fake_quant(folder, variant)
    return models


def _fake_quant(folder: Path, variant: Variant) -> dict[str, Path]:
    file = variant.extra.get("fake_quant")
    return {file + FAKE_QUANT: folder / file} if file else {}
