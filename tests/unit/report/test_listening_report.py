"""What a network of sound detects stands in the table and on the page."""

from io import StringIO

from rich.console import Console
from small_report import small_report

from edgeforge.report.html import render
from edgeforge.report.table import print_report
from edgeforge.results.rows.report import Report
from edgeforge.results.rows.sound.listening import HeardRow, ListeningRow


def listening() -> Report:
    """Return a report of a network that heard ten minutes."""
    row = ListeningRow(
        every_ms=200, smoothed=2, pause=5, thresholds={"cat": 120, "<dog>": 0}, wanted=0.9,
        validation=HeardRow(minutes=10, words=100, detected=95, false_alarms=1),
        test=HeardRow(minutes=10, words=80, detected=60, false_alarms=2),
    )  # fmt: skip
    return small_report().model_copy(update={"listening": row})


def test_detections_and_false_alarms_an_hour_are_told() -> None:
    said = "60 of 80 words are detected (75.0%), with 12.0 false alarms an hour"
    page = render(listening())
    assert said in page and "<td>95 (95.0 %)</td><td>1</td><td>6.0</td>" in page
    out = StringIO()
    print_report(listening(), Console(file=out, width=200))
    assert said in out.getvalue() and "Heard in use" in out.getvalue()
    assert "Heard in use" not in render(small_report())


def test_it_is_kept_in_the_file() -> None:
    again = Report.model_validate_json(listening().model_dump_json(by_alias=True))
    assert again.listening == listening().listening
