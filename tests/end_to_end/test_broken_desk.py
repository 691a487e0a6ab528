"""A build on a desk whose ONNX Runtime computes int8 otherwise from call to call: named, and the build goes on."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from broken_runtime import SITE
from builds import DIGITS, EPOCHS, copy_build

from edgeforge.results.report_file import read_report

pytestmark = pytest.mark.build
AGAIN = ("predict-onnx", "raspberry-pi", "raspberry-pi-bench")


def goldens(build: Path) -> np.ndarray:
    with tarfile.open(build / "raspberry-pi" / "digits.tar.gz") as archive:
        file = archive.extractfile("digits/selftest.npz")
        assert file
        with np.load(file) as arrays:
            return np.array(arrays["onnx-static-int8"])


def test_the_runtime_is_named_its_goldens_are_the_references_and_the_build_goes_on(
    digits_out: Path, tmp_path: Path, edgeforge, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    out = copy_build(digits_out, tmp_path / "build")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=":")
    force = [word for stage in AGAIN for word in ("--force", stage)]
    done = edgeforge("build", DIGITS, "--out", out, *EPOCHS, *force)
    assert done.returncode == 0, done.stderr
    report = read_report(out / "digits")
    errors = [finding.what for finding in report.findings if finding.severity == "error"]
    version, cpu = report.toolchain["onnxruntime"], report.machine["cpu"]
    for start in ("onnx-static-int8 disagrees with itself: ", "digits_int8.onnx: "):
        (said,) = [text for text in errors if text.startswith(start)]
        assert f"ONNX Runtime {version} on {cpu}" in said and "run again in the same session" in said
    assert any(
        text.startswith("desk: onnx-static-int8 fails the bundle's self-test: it differs by 50") for text in errors
    )
    assert report.raspberry_pi and report.raspberry_pi.goldens["onnx-static-int8"].startswith("its graph unoptimised")
    assert report.raspberry_pi.goldens["onnx-fp32"].startswith(f"ONNX Runtime {version} on {cpu}")
    page = (out / "digits" / "report.html").read_text()
    assert "The self-test compares onnx-static-int8 with its graph unoptimised" in page
    steps = abs(goldens(out / "digits") - goldens(digits_out / "digits"))
    assert steps.max() < 1, "the goldens are those of a desk that computes rightly, within a step"
