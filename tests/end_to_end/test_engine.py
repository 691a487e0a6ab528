"""A build whose recipe asks for the engine: the model that ships as plain C, beside TFLM in the report."""

from pathlib import Path

import pytest
from builds import DIGITS, EPOCHS, copy_build

from edgeforge.results.report_file import read_report
from edgeforge.targets.engine.emulate.machine import INSTALL, missing

pytestmark = [
    pytest.mark.build,
    pytest.mark.skipif(bool(missing()), reason=f"{missing()}: {INSTALL}"),
]


def test_the_engine_stands_beside_tflm(digits_out: Path, tmp_path: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    out = copy_build(digits_out, tmp_path / "build")
    done = edgeforge("build", DIGITS, "--out", out, *EPOCHS, "--set", "engine={}")
    assert done.returncode == 0, done.stderr
    report = read_report(out / "digits")
    rows = {row.name: row for row in report.variants}
    ours, tflm = rows["engine-int8"], rows["tflm-int8"]
    assert ours.status == "ok" and ours.metrics and tflm.metrics and ours.metrics.top1 == tflm.metrics.top1
    assert ours.metrics.images == 450 and ours.checks[0].passed
    engine = report.engine
    assert engine and engine.runs[0].core == "cortex-m4" and engine.runs[0].differing == 0
    assert engine.boards[0].fits and engine.boards[0].flash_bytes and report.targets[0].flash_bytes
    assert engine.boards[0].flash_bytes < report.targets[0].flash_bytes, "less flash than TFLM"
    assert (out / "digits" / "engine" / "digits.c").is_file()
    page = (out / "digits" / "report.html").read_text()
    assert ">Standalone engine</h2>" in page and "engine_dsp_conv_2d" in page
    assert "as plain C on an emulated cortex-m4" in " ".join(done.stdout.split())


def test_the_sketch_may_run_on_it(digits_out: Path, tmp_path: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    out = copy_build(digits_out, tmp_path / "build")
    done = edgeforge("build", DIGITS, "--out", out, *EPOCHS, "--set", "runtime=engine")
    assert done.returncode == 0, done.stderr
    project = out / "digits" / "arduino" / "digits"
    assert (project / "src" / "engine" / "digits.c").is_file() and not (project / "model.cc").exists()
    target = read_report(out / "digits").targets[0]
    assert target.fits and target.project == "arduino/digits" and "it fits" in target.reason
    tiny = ("boards={tiny: {title: Tiny, core: cortex-m4, clock_mhz: 64, flash_bytes: 8192, ram_bytes: 4096, "
            "core_flash_bytes: 0, core_ram_bytes: 0, source: made up}}")  # fmt: skip
    failed = edgeforge("build", DIGITS, "--out", out, *EPOCHS, "--set", "runtime=engine", "--set", tiny, "--set",
                       "targets=[tiny]")  # fmt: skip
    assert failed.returncode == 6 and "Tiny: it does not fit" in failed.stderr, failed.stderr
