"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edgeforge.report.comparison.judge import Comparison, Row

STYLES = {"better": "green", "worse": "red"}


def comparison_table(comparison: Comparison) -> RenderableType:
    """Return which letter is which build, a row for each variant of each, and what differs between them."""
    legend = Table(box=None, padding=(0, 1), show_header=False)
    for build in comparison.builds:
        legend.add_row(build.letter, escape(build.title), escape(build.report.finished or ""))
        for line in comparison.differences.get(build.letter, []):
            legend.add_row("", Text(line, style="dim"))
        if build.letter in comparison.differences and not comparison.differences[build.letter]:
            legend.add_row("", Text("the same recipe, by the same toolchain", style="dim"))
    table = Table(box=None, padding=(0, 1))
    table.add_column("variant", no_wrap=True)
    table.add_column("")
    for name in (escape(comparison.heading), "change", "", "size KB", "p50 ms", "arena"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = ""
    for row in comparison.rows:
        table.add_row("" if row.variant == shown else escape(row.variant), row.letter, *_cells(row))
        shown = row.variant
    return Group(legend, Text(), table, *(Text(note, style="dim") for note in comparison.notes))


def _cells(row: Row) -> list[str | Text]:
    if row.reason:
        return ["", "", Text("failed", style="dim"), "", "", ""]
    verdict = Text(row.verdict, style=STYLES.get(row.verdict.removeprefix("≈ "), "dim"))
    return [Text(row.score), Text(row.change), verdict, row.size_kb, row.p50_ms, row.arena_bytes]
