"""Runs on real boards in the report: read from the build folder, kept there, and shown in the terminal.

`edgeforge monitor` keeps them in the build folder (`boards/NAME-PORT.json`), beside the immutable store. They are input
files of the stage `report`, so a build takes them up like any changed file.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.results.board_run import BoardRun
from edgeforge.tflite.associated_files import pure_flatbuffer

if TYPE_CHECKING:
    from rich.console import Console

BOARDS_FOLDER = "boards"


def board_files(folder: Path) -> dict[str, Path]:
    """Return the runs that a build folder holds, as `boards/NAME` → file."""
    return {f"{BOARDS_FOLDER}/{path.stem}": path for path in sorted((folder / BOARDS_FOLDER).glob("*.json"))}


def board_files_among(files: dict[str, Path]) -> list[Path]:
    """Return those of a stage's files that hold runs."""
    return [path for name, path in sorted(files.items()) if name.startswith(f"{BOARDS_FOLDER}/")]


def read_runs(files: dict[str, Path], crc: str) -> list[BoardRun]:
    """Return the runs of the model with a CRC. Raises RecipeError for a file that holds none."""
    return [run for path in board_files_among(files) if (run := _read(path)).model_crc32 == crc]


def crc_of(tflite: bytes) -> str:
    """Return the CRC of a .tflite file's flatbuffer, as a board tells it."""
    return f"{zlib.crc32(pure_flatbuffer(tflite)):08x}"


def _read(path: Path) -> BoardRun:
    try:
        return BoardRun.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{path} holds no run of a board", fix="remove it, and run edgeforge monitor again"
        ) from error


def keep(folder: Path, run: BoardRun) -> Path:
    """Write boards/PORT.json of a build folder, and show it in its report.json and report.html."""
    from edgeforge.builder.publish import note_rewritten
    from edgeforge.builder.store import Store
    from edgeforge.report.html import render
    from edgeforge.report.stage import HTML_FILE, JSON_FILE, read_report

    def waiting(turn: int) -> None:
        """Wait for a build that is at work in the same folder."""

    folder = folder.absolute()
    path = folder / BOARDS_FOLDER / f"{file_name(run)}.json"
    with Store(folder.parent / ".store").lock(f"build-{folder.name}", waiting):
        write_whole(path, run.model_dump_json(indent=1) + "\n")
        report = read_report(folder)
        report.board_runs = read_runs(board_files(folder), run.model_crc32)
        write_whole(folder / JSON_FILE, report.model_dump_json(indent=1, by_alias=True) + "\n")
        write_whole(folder / HTML_FILE, render(report))
        note_rewritten(folder, "report", (JSON_FILE, HTML_FILE))
    return path


def file_name(run: BoardRun) -> str:
    """Return the name of a run's file: one for each port and way of sending."""
    port = re.sub(r"[^a-zA-Z0-9]+", "-", run.port).strip("-")
    return f"{port}{'-raw' if run.raw else ''}"


def print_run(run: BoardRun, console: Console) -> None:
    """Print what a board answered."""
    from rich.markup import escape

    color = "green" if run.passed else "red"
    console.print(f"[bold]{escape(run.name)}[/] on {escape(run.port)}, {escape(run.library)}")
    for name, text in run_lines(run):
        shown = f"[{color}]{escape(text)}[/]" if name == "answers" else escape(text)
        console.print(f"  {name:<10} {shown}")
    for entry in run.mismatches:
        told = "" if entry.desk == entry.board else f"; desk: {entry.desk}, board: {entry.board}"
        console.print(f"    input {entry.index}: {entry.steps} step{'s' * (entry.steps != 1)} off{escape(told)}")


def run_lines(run: BoardRun) -> list[tuple[str, str]]:
    """Return what a run found, as name and text: for the terminal and for the page."""
    sent = f"{run.images} of {run.of} {'raw inputs' if run.raw else 'input tensors'}"
    allowed = f"{run.tolerance_steps} step{'s' * (run.tolerance_steps != 1)}"
    answers = f"{run.identical} of {run.images} have the desk's very bytes"
    if run.identical < run.images:
        answers += f"; largest difference {run.max_steps} step{'s' * (run.max_steps != 1)}, allowed {allowed}"
        answers += f", {run.beyond} beyond it" if run.beyond else ""
    lines = [("sent", f"{sent}, model CRC {run.model_crc32}"), ("self-test", run.self_test), ("answers", answers)]
    for head in run.heads:
        if head.unit:
            text = f"{head.name}: mean error {head.board:.4g} {head.unit} on the board, {head.desk:.4g} on the desk"
        else:
            text = f"{100 * head.board:.2f} % right on the board, {100 * head.desk:.2f} % on the desk ({head.name})"
        lines.append(("accuracy", text))
    lines.append(("latency", f"p50 {run.p50_ms:.2f} ms, p99 {run.p99_ms:.2f} ms on the board"))
    lines.append(("line", f"{run.images / run.seconds:.1f} inputs a second, {run.retries} sent again"))
    lines.append(("arena", f"{run.arena_used_bytes:,} of {run.arena_bytes:,} bytes used"))
    return lines
