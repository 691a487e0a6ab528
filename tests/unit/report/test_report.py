"""The table, the page and the comparison from one small report; test data, not measurements."""

import io
import re

import pytest
from rich.console import Console

from edgeforge.report.compare import accuracy_verdict, comparison_table
from edgeforge.report.html import headline, render
from edgeforge.report.schema import (
    Agreement,
    CalibrationRow,
    Check,
    Drop,
    EpochRow,
    Finding,
    Latency,
    Metrics,
    Report,
    TargetRow,
    TrainingRow,
    VariantRow,
)
from edgeforge.report.table import print_report


def variant(name: str, runtime: str, correct: int, size: int, drop: str = "tie") -> VariantRow:
    low, high = correct / 100 - 0.02, correct / 100 + 0.02
    return VariantRow(
        name=name, runtime=runtime, precision="int8", size_bytes=size, arena_bytes=3520,
        metrics=Metrics(images=100, correct=correct, top1=correct / 100, top1_low=low, top1_high=high,
                        precision_macro=0.9, recall_macro=0.9, confusion=[[50, 0], [100 - correct, correct - 50]]),
        drop=Drop(points=1.0, only_reference_right=1, only_variant_right=0, p_value=0.01, verdict=drop),
        latency_ms=Latency(p50=0.5, p99=0.9, threads=1, runs=100, ratio=0.5, ratio_low=0.4, ratio_high=0.6,
                           verdict="better"),
        agreement=Agreement(top1=0.99, max_abs_logit=0.1, sqnr_db=30.0),
        checks=[Check(name="no float tensor", passed=True, detail="all 13")],
    )  # fmt: skip


@pytest.fixture
def report() -> Report:
    target = TargetRow(
        board="pico", title="Pico", fits=False, reason="too <large>", flash_bytes=10, flash_limit_bytes=5,
        ram_bytes=10, ram_limit_bytes=20, arena_bytes=9, arena_head_bytes=4, arena_tail_bytes=5,
    )  # fmt: skip
    failed = VariantRow(name="torch-eager-int8", runtime="torch", precision="int8", status="failed",
                        reason="no <FloatFunctional>")  # fmt: skip
    return Report(
        recipe="tiny", seed=1, classes=["cat", "<dog>"], input_shape=[1, 8, 8], normalize={}, toolchain={"torch": "2"},
        split={"train": 10, "val": 5, "test": 100}, machine={"cpu": "x", "cores": 2, "system": "Linux", "vnni": False},
        variants=[variant("torch-fp32", "torch", 98, 5000, "reference"), failed,
                  variant("tflite-int8", "litert", 97, 1000, "worse"), variant("tflm-int8", "tflm", 97, 1000)],
        targets=[target], findings=[Finding(severity="error", what="look <here>", remedy="mend")],
        calibration=CalibrationRow(samples=10, per_class={"cat": 5}, source="training split", minimum=0, maximum=1),
        training=TrainingRow(epochs=[EpochRow(epoch=0, train_loss=1.0, val_loss=1.0, val_accuracy=0.9)], best_epoch=0,
                             stopped_early=False, parameters=100),
        stages=[], recipe_yaml="name: tiny",
    )  # fmt: skip


def printed(report: Report, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_report(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_shows_every_variant_and_fits_its_width(report: Report, width: int) -> None:
    text = printed(report, width)
    assert max(map(len, text.splitlines())) <= width
    for word in ("torch-fp32", "98.00", "-1.00 worse", "does not fit", "failed", "no <FloatFunctional>", "look <here>"):
        assert word in text
    assert ("SQNR" in text) == (width == 160)


def test_the_page_escapes_all_text_and_is_the_same_each_time(report: Report) -> None:
    page = render(report)
    assert page == render(report)
    for text in ("no &lt;FloatFunctional&gt;", "look &lt;here&gt;", "too &lt;large&gt;", "could not be made"):
        assert text in page
    assert not re.search(r"<(FloatFunctional|here|large|dog)>", page)


def test_a_report_without_int8_boards_or_findings_still_renders(report: Report) -> None:
    bare = report.model_copy(update={"variants": report.variants[:2], "targets": [], "findings": []})
    assert "No full-integer model was made" in render(bare) and "names no board" in render(bare)
    assert printed(bare, 80)


def test_the_headline_states_ratio_verdict_and_board(report: Report) -> None:
    first, second, third = headline(report)
    assert "5.00× smaller" in first and "1.00 points worse (97.00 against 98.00 %" in first
    assert "3,520 bytes" in second and third == "It does not fit Pico."


def test_the_json_reads_back(report: Report) -> None:
    assert Report.model_validate_json(report.model_dump_json(by_alias=True)) == report


def test_comparison_names_what_changed(report: Report) -> None:
    other = report.model_copy(deep=True)
    other.variants[2] = variant("tflite-int8", "litert", 80, 900)
    other.toolchain, other.recipe_yaml = {"torch": "3"}, "name: other"
    console = Console(file=io.StringIO(), width=120)
    console.print(comparison_table(report, other))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        "97.00 → 80.00",
        "worse",
        "toolchain torch: 2 → 3",
        "recipe -name: tiny",
        "failed → failed",
        "(-10.0 %)",
        "Fisher",
    ):
        assert words in text
    assert accuracy_verdict(report.variants[0], report.variants[2]) == "tie"
