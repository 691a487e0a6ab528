"""Shows in a finished report what was measured after the build: a run on a board, a device's figures.

The files themselves stay in the build folder, where the next build finds them among the report's inputs and comes to
the same page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeforge.builder.record import note_rewritten
from edgeforge.builder.store import Store
from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.report.html import render
from edgeforge.results.board_files import BOARDS_FOLDER, board_files, file_name, read_runs
from edgeforge.results.devices import DEVICES_FOLDER, of_an_earlier_bundle
from edgeforge.results.files import HTML_FILE, JSON_FILE
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.board_run import BoardRun
from edgeforge.results.rows.report import PiDevice, Report


def keep_board_run(folder: Path, run: BoardRun) -> Path:
    """Write boards/NAME.json of a build folder, and show the run in its report; return the file."""
    path = folder.absolute() / BOARDS_FOLDER / f"{file_name(run)}.json"
    with _rewritten(folder.absolute()) as report:
        write_whole(path, run.model_dump_json(indent=1) + "\n")
        report.board_runs = read_runs(board_files(folder.absolute()), run.model_crc32)
    return path


def keep_device(folder: Path, device: PiDevice) -> None:
    """Write devices/HOST.json of a build folder, and show the device in its report.

    Raises RecipeError when the build has no Raspberry Pi bundle.
    """
    with _rewritten(folder) as report:
        write_whole(folder / DEVICES_FOLDER / f"{device.name}.json", device.model_dump_json(indent=1) + "\n")
        if report.raspberry_pi is None:
            raise RecipeError(f"{folder}: its report has no Raspberry Pi part", fix="build the recipe again")
        others = [row for row in report.raspberry_pi.devices if row.name != device.name]
        outdated = of_an_earlier_bundle(device.name)
        report.findings = [finding for finding in report.findings if finding != outdated]
        desk, devices = others[:1], [*others[1:], device]
        report.raspberry_pi.devices = desk + sorted(devices, key=lambda row: row.name)


@contextmanager
def _rewritten(folder: Path) -> Iterator[Report]:
    """Yield a build folder's report to be changed, then write report.json and report.html of it."""

    def waiting(turn: int) -> None:
        """Wait for a build that is at work in the same folder."""

    with Store(folder.parent / ".store").lock(f"build-{folder.name}", waiting):
        report = read_report(folder)
        yield report
        write_whole(folder / JSON_FILE, report.model_dump_json(indent=1, by_alias=True) + "\n")
        write_whole(folder / HTML_FILE, render(report))
        note_rewritten(folder, "report", (JSON_FILE, HTML_FILE))
