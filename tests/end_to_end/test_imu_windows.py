"""One build of recipes/imu.yaml on recordings made here: csv to every runtime, the sketch and the bundle."""

import csv
import tarfile
from pathlib import Path

import numpy as np
import pytest
from builds import open_folder
from places import ROOT

from edgeforge.results.rows.report import Report, VariantRow
from edgeforge.tflite.graph import Graph

pytestmark = [pytest.mark.build, pytest.mark.proof]
AXES = ("ax", "ay", "az", "gx", "gy", "gz")
MOTIONS = {"rest": 0.0, "walk": 2.0, "run": 4.0, "jump": 7.0}  # Hz


def record(root: Path) -> Path:
    """Write four recordings of eight seconds of each motion."""
    for label, hertz in MOTIONS.items():
        for number in range(4):
            random = np.random.default_rng((number, round(hertz)))
            wave = (hertz > 0) * np.sin(2 * np.pi * hertz * np.arange(400) / 50 + random.uniform(0, 6))
            values = np.outer(wave, [1, 0.5, 0.2, 40, 20, 5]) + random.standard_normal((400, 6)) * 0.1
            path = root / label / f"{number}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([AXES, *values.tolist()])
    return root


@pytest.fixture(scope="module")
def build(builds: Path, edgeforge, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    out = open_folder(builds / "imu", builds / "store")
    settings = {"data.root": record(tmp_path_factory.mktemp("imu")), "measure.runs": 20, "train.epochs": 20,
                "quantize.qat.epochs": 1, "quantize.torch.variants": "[static-eager, static-fx, pt2e]",
                "quantize.torch.also_fx_on": "[]", "quantize.tflite.variants": "[float32, int8]"}  # fmt: skip
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = edgeforge("build", ROOT / "recipes" / "imu.yaml", "--out", out, *options)
    assert done.returncode == 0, done.stderr
    return out / "imu"


def test_every_variant_is_made_and_right(rows: dict[str, VariantRow]) -> None:
    assert {row.status for row in rows.values()} == {"ok"}, [row.reason for row in rows.values()]
    for row in rows.values():
        assert row.metrics and row.metrics.top1 and row.metrics.top1 >= 0.9, row.name
        assert [check.name for check in row.checks if not check.passed] == [], row.name
    assert {"torch-eager-int8", "torch-fx-int8", "torch-pt2e-int8", "tflite-qat-int8", "tflm-int8"} <= set(rows)


def test_no_transpose_is_left(build: Path) -> None:
    for path in sorted(build.rglob("*int8.tflite")):
        graph = Graph(path.read_bytes())
        assert "TRANSPOSE" not in [graph.names[place] for place in graph.layers], path


def test_it_goes_to_the_board_and_the_pi(build: Path, report: Report) -> None:
    assert [target.deployable for target in report.targets] == [True]
    assert "readAcceleration" in (build / "arduino" / "imu" / "sample.cc").read_text()
    assert report.raspberry_pi and all(test.passed for test in report.raspberry_pi.devices[0].selftest)
    with tarfile.open(build / "raspberry-pi" / "imu.tar.gz") as archive:
        assert [name for name in archive.getnames() if "/samples/" in name and name.endswith(".csv")]
