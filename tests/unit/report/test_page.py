"""The page of a realistic report: one file that needs no other, and holds in any state of a build."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgeforge.report.html import render
from edgeforge.report.schema import Finding, Report

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Balance(HTMLParser):
    """Checks that every element is closed, in the right order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.fetched += [value for key in ("src", "href", "xlink:href") if (value := values.get(key))]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


def checked(report: Report) -> str:
    page = render(report)
    parser = Balance()
    parser.feed(page)
    assert not parser.open
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in parser.fetched)
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    return page


@pytest.fixture
def report() -> Report:
    return Report.model_validate_json((Path(__file__).parents[2] / "data" / "report_mnist.json").read_bytes())


def test_the_page_stands_alone_and_holds_every_variant(report: Report) -> None:
    page = checked(report)
    for row in report.variants:
        assert f"<td>{row.name}" in page
    for words in ("3.97× smaller", "its accuracy is a tie (98.86 against 98.85 %, McNemar p = 1)", "worse −0.12",
                  "&lt;SiLU&gt; has no eager-mode", "does not fit"):  # fmt: skip
        assert words in page


def test_no_text_of_a_report_becomes_markup(report: Report) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&\"'"
    report.recipe_yaml = report.variants[2].reason = report.variants[0].detail = evil
    report.findings = [Finding(severity="error", what=evil, remedy=evil)]
    report.classes[0] = report.toolchain["torch"] = report.targets[0].reason = report.targets[0].title = evil
    report.calibration.per_class[evil] = 3
    report.variants[0].checks[:] = [report.variants[-1].checks[0].model_copy(update={"name": evil, "detail": evil})]
    page = checked(report)
    assert "alert(1)</script>" not in page and "<img" not in page


@pytest.mark.parametrize(
    "missing", ["targets", "findings", "stages", "reference", "int8", "checks", "variants", "arena"]
)
def test_the_page_holds_when_a_part_is_missing(report: Report, missing: str) -> None:
    if missing in ("targets", "findings", "stages", "variants"):
        setattr(report, missing, [])
    elif missing == "reference":
        report.variants = report.variants[1:]
    elif missing == "int8":
        report.variants = [row for row in report.variants if row.name not in ("tflite-int8", "tflm-int8")]
    elif missing == "checks":
        for row in report.variants:
            row.checks = []
    else:
        for target in report.targets:
            target.fits, target.arena_bytes, target.arena_head_bytes, target.project = True, None, None, None
    page = checked(report)
    assert ("No full-integer model was made" in page) == (missing in ("reference", "int8", "variants"))
    assert ("<h2>Proofs</h2>" in page) == (missing not in ("checks", "variants"))
