"""The page of a realistic report: one file that needs no other, and holds in any state of a build."""

import pytest
from pages import checked
from places import DATA

from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.report import Report


@pytest.fixture
def report() -> Report:
    return Report.model_validate_json((DATA / "report_mnist.json").read_bytes())


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
    assert (">Proofs</h2>" in page) == (missing not in ("checks", "variants"))
