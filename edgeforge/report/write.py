"""The stage `report`: gathers every measurement into report.json, and renders report.html from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from edgeforge import __version__
from edgeforge.artifact import Preprocessing
from edgeforge.data.representative import CALIBRATION_ROW_FILE
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.evaluate.latency import LATENCY_FILE
from edgeforge.evaluate.measure import FOLLOWS_FAKE_QUANT, MEASUREMENTS_FILE
from edgeforge.machine import machine_facts
from edgeforge.report.devices import raspberry_pi_row
from edgeforge.report.html import render
from edgeforge.report.schema import (
    CalibrationRow,
    Finding,
    Report,
    StageRow,
    TargetRow,
    TrainingRow,
    VariantRow,
)
from edgeforge.stage import Job, library_versions
from edgeforge.train.fit import TRAINING_FILE

JSON_FILE, HTML_FILE = "report.json", "report.html"
TOOLCHAIN = (
    "torch", "torchvision", "pytorch-lightning", "torchmetrics", "onnx", "onnxscript", "onnxruntime", "onnx2tf",
    "tensorflow", "ai-edge-litert", "tflite-micro", "scikit-learn", "numpy",
)  # fmt: skip


def write_report(job: Job) -> None:
    """Write report.json and report.html."""
    report = gather(job)
    (job.output / JSON_FILE).write_text(report.model_dump_json(indent=1, by_alias=True) + "\n")
    job.progress(0.3, "drawing")
    (job.output / HTML_FILE).write_text(render(report), encoding="utf-8")


def read_report(path: Path) -> Report:
    """Return the report of a build folder, or of a report.json. Raises RecipeError when there is none."""
    file = path / JSON_FILE if path.is_dir() else path
    try:
        return Report.model_validate_json(file.read_bytes())
    except OSError as error:
        raise RecipeError(f"{file}: no report there", fix="build the recipe first: edgeforge build RECIPE") from error
    except ValueError as error:
        raise RecipeError(f"{file} is no report of this version of EdgeForge", fix="build the recipe again") from error


def gather(job: Job) -> Report:
    """Return the report's data from the stages' artifacts."""
    recipe = job.recipe
    preprocessing = read_preprocessing(job.inputs["data"])
    calibration = CalibrationRow.model_validate_json((job.inputs["calibration"] / CALIBRATION_ROW_FILE).read_bytes())
    targets = [TargetRow(**row) for row in json.loads((job.inputs["arduino"] / "targets.json").read_text())]
    variants = _variants(job, recipe.name)
    return Report(
        recipe=recipe.name,
        seed=recipe.seed,
        classes=list(preprocessing.classes),
        input_shape=list(preprocessing.shape),
        normalize=_normalize(preprocessing),
        split={split: len(read_split(job.inputs["data"], split)[1]) for split in ("train", "val", "test")},
        toolchain={"edgeforge": __version__, **library_versions(TOOLCHAIN)},
        machine=machine_facts(),
        variants=variants,
        targets=targets,
        calibration=calibration,
        training=TrainingRow.model_validate_json((job.inputs["train"] / TRAINING_FILE).read_bytes()),
        findings=_findings(variants, calibration, targets),
        stages=[StageRow(**row) for row in job.facts["stages"]],
        recipe_yaml=yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False),
        raspberry_pi=raspberry_pi_row(job.inputs, job.files),
    )


def _variants(job: Job, name: str) -> list[VariantRow]:
    latency: dict[str, Any] = json.loads((job.inputs["latency"] / LATENCY_FILE).read_text())
    tflm = json.loads((job.inputs["tflm"] / "tflm.json").read_text())
    rows = []
    for values in json.loads((job.inputs["measure"] / MEASUREMENTS_FILE).read_text()):
        row = VariantRow(**(values | latency.get(values["name"], {})))
        if row.name == "tflm-int8":
            row.arena_bytes = tflm.get("arena_bytes")
        rows.append(row)
    shipped = {row.name: row for row in rows}
    on_board, source = shipped.get("tflm-int8"), shipped.get("tflite-int8")
    if on_board and source and on_board.status == "ok":  # TFLM runs the very file that LiteRT runs
        on_board.file, on_board.size_bytes = source.file, source.size_bytes
    return rows


def _findings(variants: list[VariantRow], calibration: CalibrationRow, targets: list[TargetRow]) -> list[Finding]:
    """Return everything a person should look at, the gravest first."""
    found = list(calibration.findings)
    for row in variants:
        if row.status == "failed":
            found.append(Finding(severity="error", what=f"{row.name} could not be made: {row.reason}", remedy=""))
        found += [Finding(severity="warning", what=f"{row.name}: {text}", remedy="") for text in row.warnings]
        for check in row.checks:
            if not check.passed and check.name != FOLLOWS_FAKE_QUANT:  # that one has its own warning
                what = f"{row.name}: not proven: {check.name}: {check.detail}"
                found.append(Finding(severity="warning", what=what, remedy=""))
        if row.drop and row.drop.verdict == "worse":
            what = f"{row.name} is {row.drop.points:.2f} points less accurate (McNemar p = {row.drop.p_value:.2g})"
            found.append(
                Finding(severity="warning", what=what, remedy="compare it with its fake-quant model under Proofs")
            )
    for target in targets:
        if target.fits is False:
            what = f"does not fit {target.title}: {target.reason}"
            found.append(Finding(severity="error", what=what, remedy="use a smaller input or fewer channels"))
    return sorted(found, key=lambda finding: finding.severity != "error")


def _normalize(preprocessing: Preprocessing) -> dict[str, list[float]]:
    return {
        "raw_max": [preprocessing.raw_max],
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
    }
