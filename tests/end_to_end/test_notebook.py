"""docs/mnist.ipynb, executed on the digits: their build is there already, so that it takes seconds."""

from pathlib import Path

import nbformat
import pytest
from builds import FEW_EPOCHS
from nbclient import NotebookClient
from places import ROOT

pytestmark = pytest.mark.build


def test_the_notebook_runs(digits_out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RECIPE", "digits.yaml"), ("EPOCHS", str(FEW_EPOCHS)), ("OUT", str(digits_out))):
        monkeypatch.setenv(f"EDGEFORGE_{name}", value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / "docs" / "mnist.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT / "docs")}}).execute()
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    assert "digits is built; 0 stages were run" in "".join(texts)
    assert "tflm-int8" in "".join(texts) and "times smaller" in "".join(texts)
    images = [
        output for cell in notebook.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})
    ]
    assert len(images) == 2
