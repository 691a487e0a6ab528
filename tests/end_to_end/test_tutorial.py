"""docs/tutorial.md as a new user meets it: its commands, in order, in an empty folder; then the other pages'."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from edgeforge.results.report_file import read_report

pytestmark = pytest.mark.build


def commands(page: str) -> list[str]:
    """Return the blocks of a page that are commands to run; those in ```console need what a test has not."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / page).read_text(), flags=re.M | re.S)


def run(blocks: list[str], folder: Path) -> list[str]:
    """Run a page's commands, and return what each has printed."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {**os.environ, "PATH": os.pathsep.join(places), "PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    shown = []
    for number, block in enumerate(blocks, start=1):
        done = subprocess.run(["bash", "-ec", block], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"block {number}: {done.stderr}"
        shown.append(done.stdout)
    return shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the tutorial is followed in."""
    return tmp_path_factory.mktemp("tutorial")


@pytest.fixture(scope="module")
def shown(folder: Path) -> list[str]:
    """What the tutorial's commands have printed."""
    return run(commands("tutorial.md"), folder)


def test_the_tutorial_leads_to_a_sketch(shown: list[str], folder: Path) -> None:
    assert len(shown) == 8
    report = read_report(folder / "build" / "photos")
    rows = {row.name: row for row in report.variants}
    assert all(row.status == "ok" for row in rows.values()), [row.reason for row in rows.values()]
    tflm = rows["tflm-int8"].metrics
    assert tflm and tflm.images == 130 and tflm.top1 > 0.8
    assert report.classes == ["flower", "temple"] and report.input_shape == [3, 32, 32]
    assert "photos.ino" in shown[5]
    assert (folder / "build" / "transfer" / "train" / "model.ckpt").exists()
    finished = read_report(folder / "build" / "finished")
    again = {row.name: row for row in finished.variants}
    assert finished.reference == "onnx-fp32" and not finished.training.epochs
    assert again["onnx-fp32"].metrics == rows["onnx-fp32"].metrics, "the same model on the same photographs"
    for name, row in again.items():
        left_out = name.startswith("torch-")
        assert (row.status == "failed") == left_out, name
        assert ("photos_fp32.onnx is a finished ONNX model" in row.reason) == left_out
        assert left_out or (row.drop and row.drop.verdict in ("tie", "reference")), name
    assert any("data.normalize is not set" in finding.what for finding in finished.findings)
    assert (folder / "build" / "finished" / "arduino" / "finished" / "finished.ino").exists()


PAGES = {page.name: len(commands(page.name)) for page in sorted((ROOT / "docs").glob("*.md"))}


@pytest.mark.parametrize("page", [page for page, blocks in PAGES.items() if blocks and page != "tutorial.md"])
def test_other_pages_commands_run_behind_the_tutorial(page: str, shown: list[str], folder: Path) -> None:
    run(commands(page), folder)


def test_the_pages_have_commands() -> None:
    assert {"boards.md", "engine.md", "parity.md", "recipe.md", "report.md"} <= {page for page in PAGES if PAGES[page]}
