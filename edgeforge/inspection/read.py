"""Reads a model file of any kind that EdgeForge knows, told by its name and its content."""

from __future__ import annotations

from pathlib import Path

from edgeforge.apart.run import in_worker
from edgeforge.errors import RecipeError
from edgeforge.hardware.board import Board
from edgeforge.hardware.libraries import Library, library
from edgeforge.inputs.regular import require_regular
from edgeforge.inspection.inspected import Inspected
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.results.rows.inspected import ModelRow
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes

TORCH = (".pt", ".pth", ".pt2", ".ts", ".ckpt", ".safetensors")
DAMAGE = (LookupError, ArithmeticError, AttributeError, TypeError, ValueError, RecursionError, StopIteration)
SUFFIXES = (".tflite", ".onnx", *TORCH)


@in_worker
def inspected(
    path: Path, shapes: Shapes = AS_THE_FILE_SAYS, board: Board | None = None, used: Library | None = None
) -> ModelRow:
    """Return what `inspect_file` finds, in a process of its own: the file may be a stranger's."""
    return inspect_file(path, shapes, board, used).row


def inspect_file(
    path: Path, shapes: Shapes = AS_THE_FILE_SAYS, board: Board | None = None, used: Library | None = None
) -> Inspected:
    """Return what a model file is made of. board, used: for the arena and the time of a .tflite there.

    shapes: of inputs that the file leaves free, or does not say. Raises RecipeError for a file that is no model.
    """
    fix = f"name a {', '.join(SUFFIXES)} file"
    if not path.exists():
        raise RecipeError(f"{path}: no such model file", fix=fix)
    require_regular(path, fix)
    suffix = path.suffix.lower()
    if suffix == ".tflite":
        from edgeforge.inspection.tflite_file import read_tflite

        try:
            found = read_tflite(path, shapes, board, used or library(DEFAULT_LIBRARY))
            for place in (*found.row.inputs, *found.row.outputs):
                _ = found.row.tensors[place]  # a damaged file names what it has not
            return found
        except DAMAGE as error:  # what a file whose parts contradict each other leads its readers to
            raise RecipeError(f"{path} is damaged: its parts contradict each other", fix="convert it again") from error
    if board is not None:
        raise RecipeError(
            f"--board: {path} is no .tflite, which boards run", fix="leave --board out, or name a .tflite"
        )
    if suffix == ".onnx":
        from edgeforge.inspection.onnx_file import read_onnx

        return read_onnx(path, shapes)
    if suffix in TORCH:
        from edgeforge.inspection.torch_files import read_torch

        return read_torch(path, shapes)
    if suffix == ".py":
        raise RecipeError(
            f"{path} is Python, which `inspect` never runs",
            fix="export it: torch.export.save(torch.export.export(network.eval(), (example,)), 'net.pt2')",
        )
    raise RecipeError(f"{path}: '{path.suffix}' is no model file", fix=f"name a {', '.join(SUFFIXES)} file")
