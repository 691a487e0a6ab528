"""docs/tutorial.md as a new user meets it: its commands, in order, in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from edgeforge.results.report_file import read_report

pytestmark = pytest.mark.build


def test_the_tutorial_leads_to_a_sketch(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / "tutorial.md").read_text(), flags=re.M | re.S)
    assert len(blocks) == 8
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {**os.environ, "PATH": os.pathsep.join(places), "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    shown = {}
    for number, block in enumerate(blocks, start=1):
        done = subprocess.run(["bash", "-ec", block], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"block {number}: {done.stderr}"
        shown[number] = done.stdout
    report = read_report(tmp_path / "build" / "photos")
    rows = {row.name: row for row in report.variants}
    assert all(row.status == "ok" for row in rows.values()), [row.reason for row in rows.values()]
    tflm = rows["tflm-int8"].metrics
    assert tflm and tflm.images == 130 and tflm.top1 > 0.8
    assert report.classes == ["flower", "temple"] and report.input_shape == [3, 32, 32]
    assert "photos.ino" in shown[6]
    assert (tmp_path / "build" / "transfer" / "train" / "model.ckpt").exists()
    finished = read_report(tmp_path / "build" / "finished")
    again = {row.name: row for row in finished.variants}
    assert finished.reference == "onnx-fp32" and not finished.training.epochs
    assert again["onnx-fp32"].metrics == rows["onnx-fp32"].metrics, "the same model on the same photographs"
    for name, row in again.items():
        left_out = name.startswith("torch-")
        assert (row.status == "failed") == left_out, name
        assert ("photos_fp32.onnx is a finished ONNX model" in row.reason) == left_out
        assert left_out or (row.drop and row.drop.verdict in ("tie", "reference")), name
    assert any("data.normalize is not set" in finding.what for finding in finished.findings)
    assert (tmp_path / "build" / "finished" / "arduino" / "finished" / "finished.ino").exists()
