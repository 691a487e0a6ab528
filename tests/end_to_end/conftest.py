"""The report of the build that a test file makes: its fixture `build` returns the folder."""

from pathlib import Path

import pytest

from edgeforge.results.report_file import read_report
from edgeforge.results.rows.report import Report, VariantRow


@pytest.fixture(scope="module")
def report(build: Path) -> Report:
    """All that report.json says."""
    return read_report(build)


@pytest.fixture(scope="module")
def rows(report: Report) -> dict[str, VariantRow]:
    """The report's variants by name."""
    return {row.name: row for row in report.variants}
