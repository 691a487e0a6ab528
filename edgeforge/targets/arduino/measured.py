"""What a sketch's own sources take of flash, compiled for the board's core; and a sketch written so that it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeforge.bundled import bundled
from edgeforge.foreign.tools import run_tool
from edgeforge.guards.removal import remove_tree
from edgeforge.hardware.board import Board
from edgeforge.results.rows.fit import FitRow, FlashRow
from edgeforge.targets.arduino.emulator import CORTEX_M4, Toolchain
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.targets.fit.advice import arena_note
from edgeforge.targets.fit.flash import CLASSIFIER_BYTES, Contents, vectors_that_fit, with_vectors
from edgeforge.targets.fit.judge import fitting, with_flash

PREFIX = "arm-none-eabi-"
CORES = {
    "cortex-m0plus": ("-mcpu=cortex-m0plus", "-mthumb"),
    "cortex-m4": ("-mcpu=cortex-m4", "-mthumb"),
    "cortex-m4f": CORTEX_M4,
    "cortex-m7": ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"),
    "cortex-m33": ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
}
VECTORS, TABLES = ("test_vectors.cc",), ("heads.cc", "preprocess.cc")
# classifier.cc compiles with the library alone; model.cc holds the model's bytes and nothing else.
NOT_COMPILED = ("classifier.cc", "model.cc")


@dataclass(frozen=True)
class SketchSizes:
    """Flash of a sketch's sources by section (text and data), in bytes. compiler: with its flags."""

    vectors: int
    tables: int
    sketch: int
    compiler: str


def measured(project: Path, core: str) -> SketchSizes | None:
    """Return what a project's sources take on a core; None where no compiler for it is installed.

    Raises StageFailed with the compiler's message when it refuses a source.
    """
    if core not in CORES:
        return None
    toolchain = Toolchain(core, PREFIX, ("-Os", *CORES[core], "-ffunction-sections", "-fdata-sections"), (), ())
    if toolchain.missing():
        return None
    sources = [path for path in sorted(project.iterdir()) if path.suffix in (".cc", ".ino")]
    sources = [path for path in sources if path.name not in NOT_COMPILED]
    with TemporaryDirectory() as folder:
        shim = bundled("firmware/emulator") / "arduino"  # declares what a core's Arduino.h does
        objects = toolchain.compile(sources, Path(folder), "-w", f"-I{project}", f"-I{shim}")
        sizes = dict(zip((path.name for path in sources), _flash_of(objects), strict=True))
    version = _said(f"{PREFIX}g++", "-dumpfullversion")
    vectors, tables = (sum(sizes.pop(name, 0) for name in names) for names in (VECTORS, TABLES))
    compiler = f"{PREFIX}g++ {version} -Os {CORES[core][0]}"
    return SketchSizes(vectors, tables, sum(sizes.values()) + CLASSIFIER_BYTES, compiler)


def _flash_of(objects: Sequence[Path]) -> list[int]:
    """Return text and data of each object, in bytes."""
    rows = [line.split() for line in _said(f"{PREFIX}size", *map(str, objects)).splitlines()[1:]]
    return [int(text) + int(data) for text, data, *_ in rows]


def _said(*command: str) -> str:
    return run_tool(command).strip()


def write_fitting(
    project: Path, facts: ProjectFacts, rows: list[FitRow], boards: Mapping[str, Board], contents: Contents
) -> tuple[ProjectFacts, list[FitRow]]:
    """Write the project for those boards that the model can go to, with the test vectors that they have room for.

    facts: boards and arena are set here, and of its vectors the first are taken. Returns the facts as written, and the
    rows with what was measured; a board that this shows to be too small is left out of the project.
    Raises BudgetExceeded when no board is left.
    """
    while True:
        offered = fitting(rows)
        count = min(len(facts.vectors), *(row.flash.vectors for row in offered))
        largest = max(offered, key=lambda row: row.arena_reserved_bytes)  # one sketch for all boards
        written = replace(
            facts,
            boards=tuple(boards[row.board] for row in offered),
            vectors=facts.vectors[:count],
            arena_bytes=largest.arena_reserved_bytes,
            arena_note=arena_note(largest),
        )
        remove_tree(project, project.parent)  # what this loop has written for fewer boards
        write_project(project, written)
        cores = {boards[row.board].core for row in offered}
        sizes = {core: measured(project, core) for core in sorted(cores)}
        settled = [
            with_flash(
                row, boards[row.board], _flash(row, boards[row.board], sizes[boards[row.board].core], count, contents)
            )
            if row in offered
            else row
            for row in rows
        ]
        still = [row for row in settled if row.deployable]
        if len(still) == len(offered) and all(row.flash.vectors == count for row in still):
            return written, settled
        rows = settled


def _flash(row: FitRow, board: Board, sizes: SketchSizes | None, count: int, contents: Contents) -> FlashRow:
    """Return the flash with what was measured, and so many vectors as it has room for, at most `count`."""
    found = row.flash
    if sizes is not None:
        each = replace(contents, vector_bytes=-(-sizes.vectors // count) if count else contents.vector_bytes)
        changed = {"tables_bytes": sizes.tables, "sketch_bytes": sizes.sketch, "measured": sizes.compiler}
        found = found.model_copy(update=changed)
    else:
        each = contents
    bare = with_vectors(found, 0, each)
    own = vectors_that_fit(board.flash_bytes - bare.total, each)
    return with_vectors(bare, min(count, own), each, own)
