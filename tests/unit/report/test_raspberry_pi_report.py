"""The report's Raspberry Pi part: the desk beside devices, what was not measured, and the files it comes from."""

import io
import json
from pathlib import Path

import pytest
from places import DATA
from rich.console import Console

from edgeforge.errors import RecipeError
from edgeforge.report.html import render
from edgeforge.report.plots.figures import threads_plot
from edgeforge.report.sentences.raspberry_pi import devices_table, raspberry_pi_findings
from edgeforge.results.devices import device_files, device_row, raspberry_pi_row
from edgeforge.results.rows.report import PiDevice, RaspberryPiRow, Report

BUNDLE = DATA / "report_mnist.json"  # any file: what counts is its hash
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&\"'"


def device(name: str, machine: str, factor: float, model: str = "board") -> PiDevice:
    facts = {"model": model, "machine": machine, "cores": 4, "system": "Debian", "python": "3.11.2",
             "onnxruntime": "1.23.0", "governor": "ondemand"}  # fmt: skip
    rows = [
        {"variant": variant, "threads": threads, "runs": 20, "p50_ms": factor * base / threads,
         "p90_ms": 1.1 * factor * base, "p99_ms": 2 * factor * base, "images_per_second": 100 / factor,
         "provider": "CPUExecutionProvider"}
        for threads in (1, 2, 4) for variant, base in (("fp32", 2.0), ("int8", 1.0))
    ]  # fmt: skip
    tests = [{"variant": variant, "passed": True, "images": 16, "largest_difference": 1e-6, "tolerance": 0.003,
              "tolerance_is": "0.0001 of the logits' range", "same_class": 16, "provider": "CPUExecutionProvider"}
             for variant in ("fp32", "int8")]  # fmt: skip
    bench = {"device": facts, "temperature_c": {"before": 41.0, "after": 55.5}, "rows": rows, "perf": None,
             "throttled": {"now": [], "since_boot": ["under-voltage"]},
             "memory_bytes": {"fp32": 60 * 2**20, "int8": None},
             "chosen": {"variant": "int8", "threads": 4, "p50_ms": 1.0, "against": None}}  # fmt: skip
    load = {"rows": [{"clients": 4, "requests": 50, "statuses": {"200": 50}, "seconds": 1.0,
                      "requests_per_second": 50.0, "p50_ms": 3.0, "p90_ms": 4.0, "p99_ms": 5.25}],
            "malformed": {"requests": 9, "statuses": {"422": 9}, "alive": True}}  # fmt: skip
    return device_row(name, BUNDLE, {"variants": tests}, bench, load)


@pytest.fixture
def report() -> Report:
    read = Report.model_validate_json((DATA / "report_mnist.json").read_bytes())
    assert read.raspberry_pi is None, "a report of a build without a bundle still reads"
    read.raspberry_pi = RaspberryPiRow(
        bundle="raspberry-pi/mnist.tar.gz", size_bytes=5_000_000, files={"models/mnist_fp32.onnx": 4_800_000},
        format="onnx", optimize="extended",
        devices=[device("desk", "x86_64", 1.0), device("raspberrypi.local", "aarch64", 3.0)],
    )  # fmt: skip
    return read


def test_the_page_shows_the_desk_beside_the_device(report: Report) -> None:
    page = render(report)
    for words in (">Raspberry Pi</h2>", "desk <small", "raspberrypi.local <small", "41 to 56 °C",
                  "under-voltage since boot", "5.25", "9 malformed images: 9 × 422; still serving", "governor ondemand",
                  "Threads against latency"):  # fmt: skip
        assert words in page, words
    assert page == render(report) and page.count(">chosen<") == 2
    assert ">Raspberry Pi</h2>" not in render(report.model_copy(update={"raspberry_pi": None}))


def test_what_was_not_measured_says_why(report: Report) -> None:
    assert report.raspberry_pi
    other = report.raspberry_pi.devices[1]
    other.load, other.load_reason, other.chosen = [], "deployed without --server", None
    other.perf = {"reason": "perf is not installed"}
    other.temperature_c = {"before": None, "after": None}
    page = render(report)
    for words in ("not measured: deployed without --server", "perf is not installed", "temperature not readable"):
        assert words in page
    other.perf = {"per_image": {"fp32": {"instructions": 12_345.6}}}
    assert "12,346 instructions" in render(report)


def test_no_text_of_a_device_becomes_markup(report: Report) -> None:
    assert report.raspberry_pi
    report.raspberry_pi.devices.append(device(EVIL, EVIL, 2.0, model=EVIL))
    report.raspberry_pi.left_out = report.raspberry_pi.bundle = EVIL
    page = render(report)
    assert "alert(1)</script>" not in page and "<img" not in page


def test_the_plot_has_a_line_for_every_device_and_variant(report: Report) -> None:
    assert report.raspberry_pi
    text = threads_plot(report.raspberry_pi.devices)
    for name in ("desk fp32", "desk int8", "raspberrypi.local fp32", "raspberrypi.local int8"):
        assert f">{name}<" in text


def test_figures_of_a_slowed_processor_are_told(report: Report) -> None:
    found = raspberry_pi_findings(report.raspberry_pi)
    assert [one.severity for one in found] == ["warning"] * 2
    assert "raspberrypi.local: under-voltage: its figures are of a slowed processor" in found[1].what


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_fits_its_terminal(report: Report, width: int) -> None:
    assert report.raspberry_pi
    console = Console(file=io.StringIO(), width=width)
    console.print(devices_table(report.raspberry_pi.devices))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    assert "int8 chosen" in text and text.count("passed") == 4 and text.count("desk") == 1


def test_devices_are_read_from_the_build_folder(report: Report, tmp_path: Path) -> None:
    assert report.raspberry_pi and device_files(tmp_path) == {}
    desk, other = report.raspberry_pi.devices
    inputs = {"raspberry-pi": tmp_path, "raspberry-pi-bench": tmp_path}
    (tmp_path / "bundle-row.json").write_text(json.dumps(report.raspberry_pi.model_dump(exclude={"devices"})))
    (tmp_path / "desk.json").write_text(desk.model_dump_json())
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "pi.json").write_text(other.model_dump_json())
    files = device_files(tmp_path)
    assert list(files) == ["devices/pi"]
    assert raspberry_pi_row(inputs, files) == report.raspberry_pi
    assert raspberry_pi_row({}, files) is None
    (tmp_path / "devices" / "pi.json").write_text(other.model_copy(update={"bundle": "another"}).model_dump_json())
    row = raspberry_pi_row(inputs, files)
    assert row and row.devices == [desk] and "of an earlier bundle" in row.findings[0].what
    (tmp_path / "devices" / "pi.json").write_text("{}")
    with pytest.raises(RecipeError, match=r"pi\.json holds no figures"):
        raspberry_pi_row(inputs, files)
