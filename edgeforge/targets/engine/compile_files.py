"""`edgeforge compile`: model files, made anywhere, to one folder with a C library."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeforge.apart.run import in_worker
from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.removal import replace_folder, require_replaceable
from edgeforge.inputs.regular import named
from edgeforge.results.rows.engine import CompiledRow
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_libraries
from edgeforge.targets.engine.emulate.trade import trade_of
from edgeforge.targets.engine.options import Options
from edgeforge.targets.engine.summary import summary
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes

NAME = r"[a-zA-Z][a-zA-Z0-9_-]{0,39}"
ANOTHER_OUT = "choose another --out"


@in_worker
def compile_files(
    models: list[Path],
    out: Path | None,
    options: Options,
    *,
    name: str | None,
    force: bool,
    shapes: Shapes = AS_THE_FILE_SAYS,
    progress: Callable[[str], None],
) -> tuple[list[CompiledRow], Path]:
    """Write a library of several models into a folder (compiled/NAME by default); return what they take and the folder.

    shapes: of inputs that a file leaves free beyond the batch, which is 1.
    Raises RecipeError for files, names and layers that cannot be compiled, BudgetExceeded when memory is not enough.
    """
    if name is not None and len(models) > 1:
        raise RecipeError("--name goes with one model", fix="leave it out: each is called as its file is")
    names = [_name(name or model.name.partition(".")[0]) for model in models]
    twice = {one for one in names if names.count(one) > 1}
    if twice:
        raise RecipeError(f"two models are called {twice.pop()}", fix="rename one of the files")
    folder = out or Path("compiled") / names[0]
    _require_free(folder, force)
    networks, trades = [], []
    for one, model in zip(names, models, strict=True):
        progress(f"compiling {model.name}")
        try:
            flatbuffer = pure_flatbuffer(read_file(model, alone=True))
            networks.append(compile_model(flatbuffer, one, options, shapes))
            trades.append(trade_of(networks[-1], flatbuffer, shapes))
        except EdgeForgeError as error:
            error.reason = error.reason if named(model) in error.reason else f"{named(model)}: {error.reason}"
            raise
    progress(f"writing {folder}")
    with TemporaryDirectory() as scratch:
        write_libraries(networks, Path(scratch) / "library")
        with storage_errors(folder):
            replace_folder(Path(scratch) / "library", folder, ANOTHER_OUT)
    rows = [summary(network) for network in networks]
    return [row.model_copy(update={"trade": trade}) for row, trade in zip(rows, trades, strict=True)], folder


def _name(text: str) -> str:
    """Return a name that C functions can begin with."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", text).strip("_-")[:40]
    if not re.fullmatch(NAME, name):
        raise RecipeError(f"'{text}' is no name for C functions", fix="--name with letters, digits and _")
    return name


def _require_free(folder: Path, force: bool) -> None:
    """Refuse a folder with something in it, unless --force is to replace an earlier library."""
    require_replaceable(folder, ANOTHER_OUT)
    if folder.exists() and any(folder.iterdir()) and not force:
        raise RecipeError(f"{folder} is there already", fix="--force replaces it; --out chooses another folder")
