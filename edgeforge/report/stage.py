"""The stage `report`: gathers every measurement into report.json, and renders report.html from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from edgeforge import __version__
from edgeforge.builder.key import library_versions
from edgeforge.builder.stage import Job
from edgeforge.data.splits import deployed_preprocessing, read_findings, read_split
from edgeforge.evaluate.fidelity import too_little
from edgeforge.evaluate.measure import AGREES_WITH_ITSELF, FOLLOWS_FAKE_QUANT, reference_of
from edgeforge.evaluate.tflm import read_tflm
from edgeforge.machine import machine_facts
from edgeforge.recipe.schema import Recipe
from edgeforge.report.html import render
from edgeforge.report.parity.view import parity_findings
from edgeforge.report.pruning_row import pruning_row
from edgeforge.report.sentences.raspberry_pi import raspberry_pi_findings
from edgeforge.results.board_files import board_files_among, crc_of, read_runs
from edgeforge.results.devices import raspberry_pi_row
from edgeforge.results.files import (
    CALIBRATION_ROW_FILE,
    EDGE_TPU_FILE,
    EMULATED_FILE,
    HTML_FILE,
    JSON_FILE,
    LATENCY_FILE,
    LISTENING_FILE,
    MAPS_FILE,
    MEASUREMENTS_FILE,
    MISTAKES_FILE,
    MIXED_FILE,
    PARITY_FILE,
    QAT_TRAINING_FILE,
    TARGETS_FILE,
    TRAINING_FILE,
    published,
)
from edgeforge.results.pace import Pace, pace_of
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.board_run import BoardRun
from edgeforge.results.rows.calibration import CalibrationRow, Finding
from edgeforge.results.rows.engine import EngineRow
from edgeforge.results.rows.mixed import MixedRow
from edgeforge.results.rows.parity import ParityRow
from edgeforge.results.rows.pictures.maps import MapsRow
from edgeforge.results.rows.report import (
    Drop,
    EdgeTPURow,
    HeadRow,
    MistakesRow,
    Report,
    StageRow,
    TargetRow,
    VariantRow,
)
from edgeforge.results.rows.row import Row
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.results.rows.training import TrainingRow
from edgeforge.results.variant import ENGINE_INT8, TFLM_INT8, shipped_variant
from edgeforge.results.variant import TORCH_PRUNED as PRUNED

TOOLCHAIN = (
    "torch", "torchvision", "pytorch-lightning", "torchmetrics", "torch-pruning", "onnx", "onnxscript", "onnxruntime",
    "onnx2tf", "tensorflow", "ai-edge-litert", "tflite-micro", "scikit-learn", "numpy",
)  # fmt: skip


def write_report(job: Job) -> None:
    """Write report.json and report.html."""
    report = gather(job)
    (job.output / JSON_FILE).write_text(report.model_dump_json(indent=1, by_alias=True) + "\n")
    job.progress(0.3, "drawing")
    (job.output / HTML_FILE).write_text(render(report), encoding="utf-8")


def gather(job: Job) -> Report:
    """Return the report's data from the stages' artifacts."""
    recipe = job.recipe
    listening = _optional(job, "listen", LISTENING_FILE, ListeningRow)
    preprocessing = deployed_preprocessing(job)
    calibration = CalibrationRow.model_validate_json((job.inputs["calibration"] / CALIBRATION_ROW_FILE).read_bytes())
    targets = [TargetRow(**row) for row in json.loads((job.inputs["arduino"] / TARGETS_FILE).read_text())]
    engine = _optional(job, "engine-emulated", EMULATED_FILE, EngineRow)
    variants = _variants(job, recipe.name, engine)
    edge_tpu = job.inputs["edgetpu"] / EDGE_TPU_FILE
    parity = ParityRow.model_validate_json((job.inputs["parity"] / PARITY_FILE).read_bytes())
    raspberry_pi = raspberry_pi_row(job.inputs, job.files)
    training = TrainingRow.model_validate_json((job.inputs["train"] / TRAINING_FILE).read_bytes())
    return Report(
        recipe=recipe.name,
        build=job.facts["build"],
        finished=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        shipped=read_tflm(job.inputs["tflm"])["source"],
        seed=recipe.seed,
        reference=reference_of(row.name for row in variants if row.status == "ok"),
        classes=list(preprocessing.classes),
        heads=[
            HeadRow(name=head.name, classes=list(head.classes), unit=head.unit, kind=head.kind)
            for head in preprocessing.heads
        ],
        input_shape=list(preprocessing.shape),
        normalize=_normalize(preprocessing),
        split={split: len(read_split(job.inputs["data"], split)[1]) for split in ("train", "val", "test")},
        toolchain={"edgeforge": __version__, **library_versions(TOOLCHAIN)},
        machine=machine_facts(),
        variants=variants,
        targets=targets,
        calibration=calibration,
        training=training,
        pruning=pruning_row(job, variants),
        edge_tpu=EdgeTPURow.model_validate_json(edge_tpu.read_bytes()) if edge_tpu.exists() else None,
        findings=training.findings
        + read_findings(job.inputs["data"])
        + as_it_is_findings(recipe)
        + _findings(variants, calibration, targets)
        + pace_findings(targets, engine, pace_of(preprocessing, listening))
        + parity_findings(parity)
        + raspberry_pi_findings(raspberry_pi),
        stages=[StageRow(**row) for row in job.facts["stages"]],
        recipe_yaml=yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False),
        parity=parity,
        mixed=_optional(job, "mixed", MIXED_FILE, MixedRow),
        engine=engine,
        qat=_optional(job, "qat", QAT_TRAINING_FILE, TrainingRow),
        raspberry_pi=raspberry_pi,
        listening=listening,
        mistakes=_optional(job, "measure", MISTAKES_FILE, MistakesRow),
        maps=_optional(job, "measure", MAPS_FILE, MapsRow),
        board_runs=_board_runs(job),
    )


def _board_runs(job: Job) -> list[BoardRun]:
    """Return the runs on boards of the model that ships; runs of earlier ones say nothing of it."""
    if not board_files_among(job.files):
        return []
    variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    return read_runs(job.files, crc_of((folder / str(variant.file)).read_bytes()))


def _variants(job: Job, name: str, engine: EngineRow | None) -> list[VariantRow]:
    latency: dict[str, Any] = json.loads((job.inputs["latency"] / LATENCY_FILE).read_text())
    tflm = read_tflm(job.inputs["tflm"])
    rows = []
    for values in json.loads((job.inputs["measure"] / MEASUREMENTS_FILE).read_text()):
        row = VariantRow(**(values | latency.get(values["name"], {})))
        row.file = published(row.file, row.runtime, name) if row.file else None
        if row.name == TFLM_INT8:
            row.arena_bytes = tflm.get("arena_bytes")
        rows.append(row)
    shipped = {row.name: row for row in rows}
    on_board, source = shipped.get(TFLM_INT8), shipped.get(tflm["source"])
    if on_board and source and on_board.status == "ok":  # TFLM runs the very file that LiteRT runs
        on_board.file, on_board.size_bytes = source.file, source.size_bytes
    if engine and engine.runs:
        run, row = engine.runs[0], shipped[ENGINE_INT8]
        row.size_bytes, row.arena_bytes = run.flash_bytes, run.arena_bytes
    return rows


def _findings(variants: list[VariantRow], calibration: CalibrationRow, targets: list[TargetRow]) -> list[Finding]:
    """Return everything a person should look at, the gravest first."""
    found = list(calibration.findings)
    for row in variants:
        if row.precision == "int8" and row.agreement and (what := too_little(row.name, row.agreement.sqnr_db)):
            remedy = "Layer by layer names the costly ones; try another observer, quantize.qat or quantize.max_drop"
            found.insert(0, Finding(severity="error", what=what, remedy=remedy))
    for reason in dict.fromkeys(row.reason for row in variants if row.status == "failed"):
        names = ", ".join(row.name for row in variants if row.status == "failed" and row.reason == reason)
        found.append(Finding(severity="error", what=f"{names} could not be made: {reason}", remedy=""))
    for row in variants:
        found += [Finding(severity="warning", what=f"{row.name}: {text}", remedy="") for text in row.warnings]
        for check in row.checks:
            if not check.passed and check.name == AGREES_WITH_ITSELF:
                what = f"{row.name} disagrees with itself: {check.detail}"
                remedy = "its figures are of one run; `edgeforge doctor` says what is trustworthy on this desk"
                found.append(Finding(severity="error", what=what, remedy=remedy))
            elif not check.passed and check.name != FOLLOWS_FAKE_QUANT:  # that one has its own warning
                what = f"{row.name}: not proven: {check.name}: {check.detail}"
                found.append(Finding(severity="warning", what=what, remedy=""))
        if row.drop and row.drop.verdict == "worse" and _loss(row.drop) > _lost_by_pruning(row, variants):
            what = f"{row.name} is {row.drop.points:.2f} points less accurate (McNemar p = {row.drop.p_value or 0:.2g})"
            if row.drop.rmse is not None:
                what = f"{row.name} is {row.drop.rmse:.3g} {row.drop.unit} of RMSE worse (paired bootstrap)"
            if row.drop.iou_low is not None:
                what = f"{row.name} has {row.drop.points:.2f} points less of mean IoU (paired bootstrap over images)"
            remedy = "compare it with its fake-quant model under Proofs"
            if row.runtime == "litert":
                remedy = "try another observer, per-channel weights, quantize.qat or quantize.max_drop"
            if row.name == PRUNED:
                remedy = "prune less, or raise prune.epochs"
            found.append(Finding(severity="warning", what=what, remedy=remedy))
    for target in targets:
        if target.deployable is False:
            advice = target.fit.advice if target.fit else []
            what = f"{target.title}: {target.reason}"
            found.append(Finding(severity="error", what=what, remedy="; ".join(advice)))
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity))


def pace_findings(targets: list[TargetRow], engine: EngineRow | None, pace: Pace | None) -> list[Finding]:
    """Return a warning for each board on which the model takes longer than its sensor's samples leave."""
    if pace is None:
        return []
    times = {row.title: row.fit.time.milliseconds for row in targets if row.fit and row.fit.time}
    times |= {row.title: row.milliseconds for row in (engine.boards if engine else []) if row.milliseconds}
    told = {title: pace.told(milliseconds) for title, milliseconds in times.items()}
    remedy = "raise data.stride or listen.every_ms, or take a smaller network"
    return [Finding(severity="warning", what=f"{title}: {what}", remedy=remedy) for title, what in told.items() if what]


def as_it_is_findings(recipe: Recipe) -> list[Finding]:
    """Return what to look at when a network was not trained here."""
    found, model = [], recipe.model
    if not model.finished and recipe.train.epochs:
        return []
    if not model.finished and not model.weights:
        what, remedy = "the network was not trained: its weights are random", "set train.epochs, or model.weights"
        found.append(Finding(severity="warning", what=what, remedy=remedy))
    elif recipe.data.normalize is None and not model.named_weights:  # of those, training tells more
        what = "data.normalize is not set: the inputs are normalised with this data's own mean and standard deviation"
        remedy = f"set those that {Path(model.weights or model.name).name} was trained with"
        found.append(Finding(severity="warning", what=what, remedy=remedy))
    return found


def _lost_by_pruning(row: VariantRow, variants: list[VariantRow]) -> float:
    """Return the points that the pruned float network has lost: said once, not again of what is made from it."""
    pruned = next((other for other in variants if other.name == PRUNED), None)
    return _loss(pruned.drop) if pruned and pruned.drop and row is not pruned else 0.0


def _loss(drop: Drop) -> float:
    """Return points of accuracy, or RMSE in a value's unit."""
    return drop.points if drop.rmse is None else drop.rmse


def _optional[AnyRow: Row](job: Job, stage: str, file: str, kind: type[AnyRow]) -> AnyRow | None:
    """Return what a stage that a recipe need not ask for has written, or one need not write."""
    path = job.inputs[stage] / file if stage in job.inputs else None
    return kind.model_validate_json(path.read_bytes()) if path and path.exists() else None


def _normalize(preprocessing: Preprocessing) -> dict[str, list[float]]:
    return {
        "raw_max": [preprocessing.raw_max],
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
    }
