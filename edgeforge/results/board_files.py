"""Runs on real boards as files of the build folder: read from there, and named.

`edgeforge monitor` keeps them (`boards/NAME-PORT.json`) beside the immutable store. They are input files of the stage
`report`, so a build takes them up like any changed file.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND
from edgeforge.results.rows.board_run import BoardRun
from edgeforge.tflite.associated_files import pure_flatbuffer

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
        return BoardRun.model_validate_json(read_regular(path, largest=KIND["text"]))
    except (EdgeForgeError, ValueError) as error:
        raise RecipeError(
            f"{path} holds no run of a board", fix="remove it, and run edgeforge monitor again"
        ) from error


def file_name(run: BoardRun) -> str:
    """Return the name of a run's file: one for each port and way of sending."""
    port = re.sub(r"[^a-zA-Z0-9]+", "-", run.port).strip("-")
    return f"{port}{'-raw' if run.raw else ''}"
