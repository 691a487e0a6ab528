"""A comparison as one page that opens anywhere."""

from __future__ import annotations

from edgeforge.report.comparison.judge import Comparison
from edgeforge.report.page import render_page


def comparison_page(comparison: Comparison) -> str:
    """Return the page. All text of the reports is escaped."""
    return render_page("comparison.html.j2", {}, {"comparison": comparison})
