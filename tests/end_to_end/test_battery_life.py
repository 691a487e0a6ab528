"""One build of recipes/matr1.yaml on the real cells: a value and its class, from CSV files to the sketch."""

import os
from pathlib import Path

import pytest
from builds import open_folder
from places import ROOT

from edgeforge.results.rows.report import Report, VariantRow

pytestmark = [
    pytest.mark.build,
    pytest.mark.proof,
    pytest.mark.skipif("EDGEFORGE_DATA" not in os.environ, reason="EDGEFORGE_DATA names no folder with MATR1"),
]
RECIPE = ROOT / "recipes" / "matr1.yaml"


@pytest.fixture(scope="module")
def build(builds: Path, edgeforge) -> Path:  # type: ignore[no-untyped-def]
    out = open_folder(builds / "matr1", builds / "store")
    settings = {"data.root": f"{os.environ['EDGEFORGE_DATA']}/MATR1", "measure.runs": 20,
                "quantize.torch.variants": "[static-fx]", "quantize.torch.also_fx_on": "[]",
                "quantize.tflite.variants": "[float32, int8]"}  # fmt: skip
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = edgeforge("build", RECIPE, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    return out / "matr1"


def test_int8_is_within_three_cycles_of_float_in_every_runtime(rows: dict[str, VariantRow]) -> None:
    reference = rows["torch-fp32"].metrics
    assert reference and reference.rmse and reference.images == 42 and reference.unit == "cycles"
    assert reference.rmse < 136  # the variance model's
    for name in ("torch-fx-int8", "onnx-static-int8", "tflite-int8", "tflm-int8"):
        metrics = rows[name].metrics
        assert metrics and metrics.rmse and abs(metrics.rmse - reference.rmse) < 3, name


def test_the_second_test_set_and_the_class_stand_beside(rows: dict[str, VariantRow]) -> None:
    metrics = rows["tflm-int8"].metrics
    assert metrics and metrics.further["matr2"].images == 40
    (long_lived,) = metrics.others
    assert long_lived.head == "long_lived" and long_lived.top1 and long_lived.top1 > 0.85


def test_it_fits_the_board_and_the_page_shows_cycles(build: Path, report: Report, rows: dict[str, VariantRow]) -> None:
    assert (rows["tflm-int8"].arena_bytes or 10**9) < 150_000
    assert [target.fits for target in report.targets] == [True]
    page = (build / "report.html").read_text()
    assert "RMSE cycles" in page and "Predicted against true" in page
    assert '"cycles"' in (build / "arduino" / "matr1" / "heads.cc").read_text()
