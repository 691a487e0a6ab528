"""The plots of a realistic report."""

import re

import pytest
from matplotlib.figure import Figure
from places import DATA

from edgeforge.report.plots.figures import GREY, accuracy_plot, bars_plot, confusion_plot, training_plot
from edgeforge.report.plots.labels import Point, place_labels
from edgeforge.results.rows.report import Report


@pytest.fixture(scope="module")
def report() -> Report:
    return Report.model_validate_json((DATA / "report_mnist.json").read_bytes())


@pytest.mark.parametrize("what", ["size", "latency"])
def test_every_measured_variant_is_a_named_point(report: Report, what: str) -> None:
    svg = accuracy_plot(report, what)
    measured = [row for row in report.variants if (row.size_bytes if what == "size" else row.latency_ms)]
    assert len(measured) >= 9
    for row in measured:
        assert svg.count(f">{row.name}<") == 1
    assert "torch-eager-int8" not in svg
    assert svg == accuracy_plot(report, what)


def test_names_lie_neither_on_each_other_nor_outside() -> None:
    axes = Figure(figsize=(5.6, 4.2), layout="constrained").subplots()
    axes.set(xlim=(0, 10), ylim=(90, 100))
    points = [Point(f"variant-number-{n}", 3 + 0.05 * n, 97 - 0.02 * n, 96, 98, GREY) for n in range(10)]
    boxes = place_labels(axes, points)
    left, bottom, right, top = axes.get_window_extent().extents
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        assert left <= x0 and bottom <= y0 and x1 <= right and y1 <= top
        for a0, b0, a1, b1 in boxes[index + 1 :]:
            assert x1 <= a0 or a1 <= x0 or y1 <= b0 or b1 <= y0


def test_bars_give_the_ratio_to_the_reference(report: Report) -> None:
    assert "3.97× smaller" in bars_plot(report)
    unrelated = report.model_copy(update={"reference": "gone"})
    assert "smaller" not in bars_plot(unrelated)


def test_plots_of_nothing_still_draw(report: Report) -> None:
    training = report.training.model_copy(update={"epochs": []})
    bare = report.model_copy(update={"variants": [], "training": training})
    for svg in (accuracy_plot(bare, "size"), bars_plot(bare), training_plot(bare.training)):
        assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")


def test_a_confusion_matrix_shows_its_counts_and_escapes_names(report: Report) -> None:
    row = next(row for row in report.variants if row.name == "tflite-int8")
    assert row.metrics
    svg = confusion_plot(row.name, row.metrics.confusion, [f"<{name}>" for name in report.classes])
    assert "&lt;3&gt;" in svg and "<3>" not in svg
    assert f">{row.metrics.confusion[0][0]}<" in svg
    assert re.search("currentColor", svg) and "#010203" not in svg
