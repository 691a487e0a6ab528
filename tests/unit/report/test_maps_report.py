"""A report of maps: what stands in the table, on the page, and in a comparison."""

from io import StringIO

import pytest
from places import DATA
from rich.console import Console

from edgeforge.report.comparison.judge import accuracy_verdict
from edgeforge.report.html import headline, render
from edgeforge.report.table import print_report
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.pictures.maps import MapPicture, MapsRow
from edgeforge.results.rows.report import Drop, HeadRow, Metrics, Report
from edgeforge.results.rows.training import EpochRow

FOUND = {"images": 42, "head": "class", "iou": 0.7125, "iou_low": 0.7, "iou_high": 0.72, "ious": [0.9, 0.525, None],
         "dice": 0.81, "pixels": 0.955, "confusion": [[90, 5, 0], [3, 9, 0], [0, 0, 0]]}  # fmt: skip
PNG = "iVBORw0KGgo="


@pytest.fixture
def report() -> Report:
    """The saved report, as if its model had given maps."""
    report = read_report(DATA / "report_mnist.json")
    for row in report.variants:
        if row.metrics:
            row.metrics = Metrics(**FOUND)  # type: ignore[arg-type]
            row.drop = Drop(points=1.5, verdict="worse", iou_low=-2.0, iou_high=-1.0)
    report.classes = ["ground", "<cell>", "none"]
    report.heads = [HeadRow(name="class", classes=report.classes, kind="map")]
    report.training.epochs = [EpochRow(epoch=0, train_loss=1.0, val_loss=1.0, val_accuracy=None, val_iou=0.5)]
    report.mistakes = None
    picture = MapPicture(index=7, iou=0.5, png=PNG, truth=PNG, said_float=PNG, said_int8=PNG)
    report.maps = MapsRow(float_model="torch-fp32", int8_model="tflm-int8", images=42, pictures=[picture])
    report.split["test"] = 42
    return report


def test_the_table_shows_overlap_class_by_class(report: Report) -> None:
    said = StringIO()
    print_report(report, Console(file=said, width=160))
    text = said.getvalue()
    assert "mean IoU %" in text and "71.25" in text and "81.00" in text and "95.50" in text and "52.50" in text
    assert "-1.50 worse" in text and "top-1" not in text and "Mean IoU of all pixels" in text


def test_the_page_shows_maps_beside_the_true_ones(report: Report) -> None:
    page = render(report)
    assert "Maps beside the true ones" in page and page.count(PNG) == 4 and "IoU &lt;cell&gt;" in page
    assert "95 % from -2.00 to -1.00" in page and "validation mean IoU" in page and "Mean IoU against size" in page
    assert "its mean IoU is 1.50 points worse (71.25 against 71.25 %)" in headline(report)[0]


def test_more_overlap_is_better(report: Report) -> None:
    left, right = report.variants[0], report.variants[1].model_copy(deep=True)
    assert accuracy_verdict(left, right) == "tie"
    right.metrics = Metrics(**(FOUND | {"iou": 0.9, "iou_low": 0.89, "iou_high": 0.91}))  # type: ignore[arg-type]
    assert accuracy_verdict(left, right) == "better" and accuracy_verdict(right, left) == "worse"
