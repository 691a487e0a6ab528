"""A report with several heads: what stands in the table, on the page, and in a comparison."""

from io import StringIO

import pytest
from places import DATA
from rich.console import Console

from edgeforge.report.comparison.judge import accuracy_verdict
from edgeforge.report.html import drop_badge, render
from edgeforge.report.score import score
from edgeforge.report.table import print_report
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.report import Drop, HeadMetrics, HeadRow, Metrics, Report

SAVED = DATA / "report_mnist.json"
LIFE = {"images": 42, "head": "life", "unit": "cycles", "rmse": 78.6, "rmse_low": 54.6, "rmse_high": 101.0,
        "mae": 57.4, "largest": 300.0, "truth": [500.0, 900.0], "predicted": [510.0, 850.0]}  # fmt: skip


@pytest.fixture
def report() -> Report:
    """The saved report, as if its model had said a value first and two classes second."""
    report = read_report(SAVED)
    kind = HeadMetrics(images=42, head="kind", correct=40, top1=40 / 42, top1_low=0.8, top1_high=0.99, balanced=0.95,
                       precision_macro=0.95, recall_macro=0.95, confusion=[[20, 1], [1, 20]])  # fmt: skip
    for row in report.variants:
        if row.metrics:
            row.metrics = Metrics(**LIFE, others=[kind], further={"second": HeadMetrics(**LIFE)})
            row.drop = Drop(points=0.0, verdict="worse", rmse=2.5, rmse_low=1.0, rmse_high=4.0, unit="cycles")
    report.heads = [HeadRow(name="life", unit="cycles"), HeadRow(name="kind", classes=["<short>", "long"])]
    report.classes = []
    report.split["test"] = 42
    return report


def test_the_table_shows_the_value_in_its_unit(report: Report) -> None:
    said = StringIO()
    print_report(report, Console(file=said, width=160))
    text = said.getvalue()
    assert "RMSE cycles" in text and "78.60" in text and "life on second" in text and "95.24 %" in text
    assert "+2.500 cycles worse" in text and "top-1" not in text


def test_the_page_plots_values_and_classes_of_every_head(report: Report) -> None:
    page = render(report)
    assert "Predicted against true" in page and "Head by head" in page
    assert "torch-fp32, kind" in page and "&lt;short&gt;" in page and "<short>" not in page
    assert "2.500 cycles worse" in page


def test_intervals_that_overlap_are_a_tie(report: Report) -> None:
    left, right = report.variants[0], report.variants[1].model_copy(deep=True)
    assert accuracy_verdict(left, right) == "tie"
    right.metrics = Metrics(**(LIFE | {"rmse": 30.0, "rmse_low": 20.0, "rmse_high": 40.0}))
    assert accuracy_verdict(left, right) == "better" and accuracy_verdict(right, left) == "worse"


def test_a_score_has_three_or_four_digits() -> None:
    for rmse, text in ((1234.5, "1,234"), (123.4, "123.4"), (12.34, "12.34"), (0.1234, "0.1234")):
        assert score(HeadMetrics(**(LIFE | {"rmse": rmse}))).text == text


def test_a_saved_report_of_one_head_reads_as_ever() -> None:
    page = render(read_report(SAVED))
    assert "Head by head" not in page and "top-1 %" in page
    assert drop_badge(Drop(points=0.5, verdict="worse", p_value=0.01))["text"] == "worse \N{MINUS SIGN}0.50"
