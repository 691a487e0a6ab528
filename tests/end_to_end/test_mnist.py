"""The MNIST recipe on the real data: one epoch, every variant, and onnx2tf's own conversion beside ours."""

import os
from pathlib import Path

import pytest
from builds import artifact, open_folder
from places import ROOT

from edgeforge.data.splits import read_split
from edgeforge.evaluate.predict import read_predictions
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.report import Report
from edgeforge.results.variant import read_variants

pytestmark = [
    pytest.mark.build,
    pytest.mark.proof,
    pytest.mark.skipif(
        not os.environ.get("EDGEFORGE_DATA"),
        reason="set EDGEFORGE_DATA to a folder that holds MNIST/raw to run the MNIST build",
    ),
]

SETTINGS = ("--set", f"data.root={os.environ.get('EDGEFORGE_DATA')}", "--set", "train.epochs=1",
            "--set", "quantize.torch.also_fx_on=[]")  # fmt: skip
BUILD = ("build", ROOT / "recipes" / "mnist.yaml", *SETTINGS)

# Bytes / 1024 of the same network, measured by hand with each tool: what EdgeForge ships must be within 1 %.
SIZES = {
    "torch-fp32": 4690.1,
    "torch-dynamic-int8": 1231.7,
    "torch-fx-int8": 1184.0,
    "onnx-fp32": 4697.6,
    "onnx-static-int8": 1186.2,
    "tflite-float32": 4690.0,
    "tflite-float16": 2347.4,
    "tflite-dynamic": 1178.6,
    "tflite-int8": 1181.4,
}


@pytest.fixture(scope="module")
def report(builds: Path, edgeforge) -> Report:  # type: ignore[no-untyped-def]
    out = open_folder(builds / "mnist", builds / "store")
    done = edgeforge(*BUILD, "--out", out, "--set", "quantize.ptq=[{ranges: torch}]")
    assert done.returncode == 0, done.stderr
    return read_report(out / "mnist")


def test_sizes_and_accuracy(report: Report) -> None:
    rows = {row.name: row for row in report.variants}
    reference = rows["torch-fp32"].metrics
    assert reference and reference.images == 10_000 and reference.top1 > 0.97
    assert report.training.parameters == 1_199_882
    for name, kilobytes in SIZES.items():
        size = rows[name].size_bytes
        assert size and abs(size / 1024 / kilobytes - 1) < 0.01, name
    for name in ("torch-eager-int8", "torch-fx-int8", "onnx-static-int8", "tflite-int8"):
        metrics = rows[name].metrics
        assert metrics and abs(metrics.top1 - reference.top1) <= 0.003, name
    tflm = rows["tflm-int8"].metrics
    assert tflm and 3000 < tflm.images < 10_000, "a stated part of the test split: all of it takes over a minute"


def test_pytorch_s_ranges_in_tflite_leave_only_the_kernels_to_differ(report: Report) -> None:
    row = {row.name: row for row in report.variants}["tflite-int8-torch-ranges"]
    checks = {check.name: check for check in row.checks}
    assert all(check.passed for check in checks.values()), checks
    outputs = checks["gives the outputs of torch-fx-int8"].detail  # within one step and the same class, or not passed
    assert float(outputs.split(" %")[0]) >= 95.0, outputs
    assert "1,199,648 of 1,199,648 int8 weights identical" in checks["PyTorch's weight scales"].detail


def test_the_model_is_too_large_for_one_board_and_fits_the_other(report: Report) -> None:
    targets = {row.board: row for row in report.targets}
    assert targets["arduino-nano-33-ble"].fits is False and "flash" in targets["arduino-nano-33-ble"].reason
    assert targets["arduino-giga-r1"].fits is True


def test_tensorflow_s_converter_gives_the_same_model(report: Report, out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge(*BUILD, "--out", out, "--set", "quantize.tflite.backend=tensorflow",
                     "--set", "quantize.tflite.variants=[int8]", "--until", "predict-tflite")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (own,) = read_variants(artifact(out, "tflite", "mnist"))
    assert own.name == "tflite-int8" and own.file, own.reason
    size = (artifact(out, "tflite", "mnist") / own.file).stat().st_size
    logits = read_predictions(artifact(out, "predict-tflite", "mnist"))[own.name]
    _, labels = read_split(artifact(out, "data", "mnist"), "test")
    direct = {row.name: row for row in report.variants}[own.name]
    assert direct.size_bytes and size and direct.metrics and len(logits) == direct.metrics.images
    assert abs(direct.size_bytes / size - 1) < 0.02
    assert abs(direct.metrics.top1 - (logits.argmax(1) == labels).mean()) <= 0.002
