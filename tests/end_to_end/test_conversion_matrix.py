"""The conversion matrix: what passed in docs/conversion.md passes, and what failed fails for the same reason."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

pytestmark = [pytest.mark.build, pytest.mark.proof]
TABLE = ROOT / "docs" / "conversion.md"
needs_timm = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")


def outcomes(text: str) -> dict[str, str]:
    """Architecture → outcome of a Markdown table; figures in a reason differ from machine to machine."""
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith(("| timm", "| torchvision"))]
    return {cells[0].strip(): re.sub(r"\d+(\.\d+)?(e-\d+)? ?%?", "#", cells[8].strip()) for cells in rows}


@needs_timm
@pytest.mark.skipif(not TABLE.exists(), reason="there is no docs/conversion.md: run scripts/conversion_matrix.py once")
def test_every_architecture_has_the_outcome_that_the_table_says(tmp_path: Path) -> None:
    committed = outcomes(TABLE.read_text())
    assert len(committed) >= 20 and sum(outcome == "passes" for outcome in committed.values()) >= 15
    found = tmp_path / "conversion.md"
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "conversion_matrix.py", "--write", found],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert outcomes(found.read_text()) == committed
