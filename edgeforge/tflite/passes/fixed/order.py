"""The order in which a .tflite of free shapes becomes one of fixed shapes, and who needs that."""

from __future__ import annotations

from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import named
from edgeforge.passes import Pass, rewrite
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.flatbuffer import is_aligned, read_model, write_model
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes
from edgeforge.tflite.passes.drop_unused import DropUnused
from edgeforge.tflite.passes.fixed.dilate_convolutions import DilateConvolutions
from edgeforge.tflite.passes.fixed.fix_shapes import FixShapes
from edgeforge.tflite.passes.fixed.fold_shapes import FoldShapes


def fixed(flatbuffer: bytes, shapes: Shapes = AS_THE_FILE_SAYS) -> tuple[bytes, tuple[str, ...]]:
    """Return a model with every shape fixed and its buffers aligned, and what that changed, in words.

    The very bytes where nothing is free. shapes: of inputs that the file leaves free beyond the batch. Raises
    RecipeError for one that is not said.
    """
    passes: list[Pass[bytes]] = [
        FixShapes(shapes),
        FoldShapes(),  # behind it: what is computed of a fixed shape is a constant
        DilateConvolutions(),  # behind it: the batch between its operators is known
    ]
    made, done = rewrite(flatbuffer, passes)
    notes = [f"{text} {', '.join(done[name].changed)}" for name, text in SAID.items() if done[name].changed]
    if made != flatbuffer:
        made = DropUnused()(made).model
    elif not is_aligned(flatbuffer):
        made = write_model(read_model(flatbuffer))
        notes.append("its buffers lay at odd addresses; they are aligned now")
    return made, tuple(notes)


SAID = {
    "FixShapes": "shapes that the file leaves free are fixed:",
    "FoldShapes": "computed from shapes alone, and now constants:",
    "DilateConvolutions": "with the SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND around it, now one dilated convolution:",
}


def read_fixed(path: Path, shapes: Shapes = AS_THE_FILE_SAYS) -> tuple[bytes, tuple[str, ...]]:
    """Return a .tflite file's model as `fixed` makes it. Raises RecipeError that names the file."""
    try:
        return fixed(pure_flatbuffer(read_file(path, alone=True)), shapes)
    except RecipeError as error:
        where = "" if named(path) in error.reason else f"{named(path)}: "
        raise RecipeError(f"{where}{error.reason}", fix=error.fix) from error
