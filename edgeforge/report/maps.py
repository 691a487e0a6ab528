"""Maps in the report: each variant's overlap with the true ones, class by class, as a table."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from edgeforge.report.score import drop_words, score
from edgeforge.results.rows.report import HeadMetrics, Report
from edgeforge.results.variant import TFLM_INT8

MOST_CLASSES = 8  # of a terminal's table


def map_columns(report: Report) -> list[str]:
    """Return the names of `map_cells`."""
    return ["mean IoU %", "95 %", "Dice %", "pixels %", *(f"IoU {name}" for name in report.heads[0].classes)]


def map_cells(metrics: HeadMetrics) -> list[str]:
    """Return a map's figures as text: mean IoU and its interval, mean Dice, right pixels, IoU by class."""
    shown = score(metrics)
    shares = (metrics.dice, metrics.pixels, *metrics.ious)
    return [shown.text, shown.interval, *("–" if share is None else f"{100 * share:.2f}" for share in shares)]


def maps_table(report: Report, width: int) -> Table:
    """Return one row a variant, of the float one, the one that ships and TFLM: as many classes as `width` has room."""
    table = Table(box=None, padding=(0, 1), title="Maps", title_justify="left")
    names = ["variant", *map_columns(report), "drop"]
    room = MOST_CLASSES if width >= 110 else 4
    kept = [place for place, name in enumerate(names) if place < 5 + room or name == "drop"]
    for place in kept:
        table.add_column(escape(names[place]), justify="left" if place == 0 else "right")
    for row in report.variants:
        if row.metrics and row.name in (report.reference, report.shipped, TFLM_INT8):
            drop = row.drop
            told = "reference" if drop is None or drop.verdict == "reference" else f"{drop_words(drop)} {drop.verdict}"
            cells = [row.name, *map_cells(row.metrics), told]
            table.add_row(*(escape(cells[place]) for place in kept))
    return table
