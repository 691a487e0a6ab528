"""The builds of a folder: which there are, of when, and how good and large what they ship is."""

from __future__ import annotations

from pathlib import Path

from edgeforge.builder.record import LOCK_FILE
from edgeforge.errors import RecipeError
from edgeforge.report.score import heading, score
from edgeforge.results.files import EARLIER, JSON_FILE
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.row import Row
from edgeforge.results.variant import TFLM_INT8


class BuildRow(Row):
    """One build. A build that has not come to its report has a state and no figures.

    arena_bytes: the largest that one of its boards needs; without boards what TFLM takes on the desk, whose pointers
    are longer.
    """

    name: str
    folder: str
    finished: str = ""
    state: str = "whole"
    shipped: str = ""
    score: str = ""
    judged_by: str = ""
    size_bytes: int | None = None
    arena_bytes: int | None = None


def list_builds(out: Path) -> list[BuildRow]:
    """Return the builds below `out`, the newest first. Raises RecipeError where there is no such folder."""
    if not out.is_dir():
        raise RecipeError(f"{out}: no such folder", fix="build a recipe first, or name the folder with --out")
    rows = [_row(lock.parent) for lock in sorted(out.glob(f"*/{LOCK_FILE}"))]
    return sorted(rows, key=lambda row: row.finished, reverse=True)


def _row(folder: Path) -> BuildRow:
    row = BuildRow(name=folder.name, folder=str(folder))
    if not (folder / JSON_FILE).is_file():
        earlier = (folder / EARLIER / JSON_FILE).is_file()
        row.state = "no report" + (", an earlier one in earlier/" if earlier else "")
        return row
    try:
        report = read_report(folder)
    except RecipeError as error:
        row.state = error.reason
        return row
    row.finished, row.judged_by = report.finished or "", heading(report)
    made = {one.name: one for one in report.variants if one.metrics}
    small = made.get(report.shipped) or made.get(report.reference)
    if small and small.metrics:
        row.shipped, row.score, row.size_bytes = small.name, score(small.metrics).full, small.size_bytes
    on_boards = [one.arena_bytes for one in report.targets if one.arena_bytes]
    if on_boards:
        row.arena_bytes = max(on_boards)
    elif desk := made.get(TFLM_INT8):
        row.arena_bytes = desk.arena_bytes
    return row
