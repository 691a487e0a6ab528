"""A digits build with further TFLite variants: they appear in the report as the others do."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeforge.export.associated_files import read_preprocessing_of
from edgeforge.report.write import read_report

pytestmark = pytest.mark.build
DIGITS = Path(__file__).parents[2] / "recipes" / "digits.yaml"
ENTRIES = (
    "[{observer: mse, io: uint8, equalize: true, bias_correction: true}, {scheme: int16x8}, {scheme: weight-only}, "
    "{weights: per-tensor, adaround: {iterations: 50, samples: 64}, name: rounded}]"
)
NAMES = {
    "tflite-int8-mse-uint8-equalized-corrected": "int8",
    "tflite-int16x8": "int16x8",
    "tflite-weight-only": "weight-int8",
    "tflite-rounded": "int8",
}


def test_variants_of_the_recipe_s_ptq_are_measured_like_the_others(
    tmp_path: Path, edgeforge: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    settings = {
        "train.epochs": 4,
        "quantize.ptq": ENTRIES,
        "quantize.torch.variants": "[]",
        "quantize.torch.also_fx_on": "[]",
        "quantize.tflite.variants": "[float32]",
        "targets": "[]",
        "measure.runs": 20,
    }
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = edgeforge("build", DIGITS, "--out", tmp_path, *options)
    assert done.returncode == 0, done.stderr
    rows = {row.name: row for row in read_report(tmp_path / "digits").variants}
    reference = rows["torch-fp32"].metrics
    assert reference
    for name, precision in NAMES.items():
        row = rows[name]
        assert row.status == "ok" and row.precision == precision and row.latency_ms and row.drop, row.reason
        assert row.metrics and abs(row.metrics.top1 - reference.top1) < 0.02
        assert row.agreement and row.agreement.top1 > 0.98
        assert row.file == f"tflite/digits_{name.removeprefix('tflite-')}.tflite"
        data = (tmp_path / "digits" / row.file).read_bytes()
        assert len(data) == row.size_bytes and read_preprocessing_of(data)
        assert all(check.passed for check in row.checks), row.checks
