"""The stages `predict-*`: the logits of every variant over the whole test split, and whether it repeats them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.splits import further_sets, read_preprocessing, read_split
from edgeforge.results.files import PREDICTIONS_FILE, SELF_AGREEMENT_FILE
from edgeforge.results.variant import Variant, read_variants
from edgeforge.runtimes.load import load_runner
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.runtimes.runner import Runner
from edgeforge.runtimes.second_process import Model
from edgeforge.runtimes.self_agreement import IMAGES, Agreement, agreements, on_this_desk, twice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FAKE_QUANT = ":fake-quant"  # suffix of the outputs of a fake-quant model, after its file
ON = ":on:"  # before the name of a further test set
PORTION = 500
RUNTIMES = {"predict-torch": "torch", "predict-onnx": "onnxruntime", "predict-tflite": "litert"}  # by stage


def predict(job: Job) -> None:
    """Write predictions.npz: variant name → outputs (N,outputs float32) over the test split, and further test sets.

    And self_agreement.json: whether each variant gives the same outputs again, and in a second process.
    """
    import numpy as np

    sets = test_sets(job.inputs["data"])
    models = _models(job)
    few = sets[""][:IMAGES]
    logits: dict[str, Any] = {}
    runs: dict[str, Any] = {}
    for done, (name, path) in enumerate(models.items()):
        runner = _runner(name, path)
        for suffix, images in sets.items():
            rows: list[NDArray[np.float32]] = []
            for start in range(0, len(images), PORTION):
                job.progress((done + start / len(images)) / len(models), name)
                rows.append(runner.run(images[start : start + PORTION]))
            logits[name + suffix] = np.concatenate(rows)
        if not name.endswith(FAKE_QUANT):
            runs[name] = twice(runner, few)
    np.savez(job.output / PREDICTIONS_FILE, **logits)
    job.progress(1.0, "once more in a second process")
    found = agreements(runs, {name: Model(models[name]) for name in runs}, few)
    write_agreements(job.output, found, RUNTIMES[job.stage])


def write_agreements(folder: Path, found: dict[str, Agreement], runtime: str) -> None:
    """Write self_agreement.json: variant → agrees, and what was found, on which runtime and processor."""
    where = on_this_desk(runtime)
    rows = {name: {"agrees": one.agrees, "detail": f"{where}: {one}"} for name, one in found.items()}
    (folder / SELF_AGREEMENT_FILE).write_text(json.dumps(rows, indent=1))


def read_agreements(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what `write_agreements` wrote; empty for a stage that ran no model."""
    path = folder / SELF_AGREEMENT_FILE
    return dict(json.loads(path.read_text())) if path.exists() else {}


def test_sets(data: Path) -> dict[str, NDArray[np.float32]]:
    """Return the model's inputs of each test set, by what a variant's name takes at its end for it."""
    preprocessing = read_preprocessing(data)
    names = {"": "test"} | {f"{ON}{name}": name for name in further_sets(data)}
    return {suffix: preprocessing.apply(read_split(data, name)[0]) for suffix, name in names.items()}


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
