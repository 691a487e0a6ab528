"""A comparison as one page that opens anywhere."""

from __future__ import annotations

from pathlib import Path

from edgeforge.report.comparison.judge import Comparison


def comparison_page(comparison: Comparison) -> str:
    """Return the page. All text of the reports is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent.parent / "templates"), undefined=StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("comparison.html.j2").render(comparison=comparison)
