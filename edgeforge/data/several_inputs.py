"""A person's inputs for a model of several: an .npz file with an array for each, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.data.representative import read_own, wanted_inputs
from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import read_arrays
from edgeforge.inputs.regular import named
from edgeforge.suggest import nearest
from edgeforge.tflite.tensors import as_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABELS = "y"
Shape = tuple[int, int, int]


def read_inputs(path: Path, shapes: Mapping[str, Shape], where: str) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return a person's inputs (normalised), and labels (N or N,heads) where there are.

    shapes: of each input C,H,W, by its name. Of one input its array is `x` (N,C,H,W float32); of several each array is
    called as the input, and what is returned are records (N) of float32 fields C,H,W. Raises RecipeError for an array
    that is missing, that no input is called by, that has another shape, or another number of inputs.
    """
    if len(shapes) == 1:
        return read_own(path, next(iter(shapes.values())), where)
    arrays = named_arrays(path, shapes, where)
    labels = arrays.pop(LABELS, None)
    place = f"{where}: {named(path)}"
    found = {name: wanted_inputs(arrays[name], shape, f"{place}: {name}") for name, shape in shapes.items()}
    return as_records(found), labels_of(labels, len(next(iter(found.values()))), place)


def named_arrays(path: Path, shapes: Mapping[str, Shape], where: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file, one an input by its name, and `y` where it holds that. Raises RecipeError."""
    listed = ", ".join(f"{name} (N,{_sizes(shape)})" for name, shape in shapes.items())
    save = f"save an array for each input: numpy.savez(path, {', '.join(f'{name}=…' for name in shapes)})"
    if not all(name.isidentifier() for name in shapes):
        save = f"save an array for each input: numpy.savez(path, **{{{', '.join(f'{name!r}: …' for name in shapes)}}})"
    arrays = read_arrays(path, where, save)
    place = f"{where}: {named(path)}"
    missing = [name for name in shapes if name not in arrays]
    if missing:
        held = f"it holds {', '.join(arrays)}" if "" not in arrays else "it is one array"
        raise RecipeError(f"{place} has no array '{missing[0]}'; {held}; the inputs are {listed}", fix=save)
    further = [name for name in arrays if name not in shapes and name != LABELS]
    if further:
        raise RecipeError(
            f"{place}: the array '{further[0]}' is no input{nearest(further[0], shapes)}; the inputs are {listed}",
            fix="leave it out, or call it as the input that it is of",
        )
    counts = {name: len(arrays[name]) if arrays[name].ndim else 0 for name in shapes}
    if len(set(counts.values())) > 1:
        raise RecipeError(
            f"{place}: " + ", ".join(f"{name} has {count} inputs" for name, count in counts.items()),
            fix="give each input as many: the first of one goes with the first of the others",
        )
    return arrays


def _sizes(shape: Shape) -> str:
    """Return C,H,W as people save them: of a vector its length alone."""
    return str(shape[0]) if shape[1:] == (1, 1) else ",".join(map(str, shape))


def labels_of(labels: NDArray[Any] | None, count: int, place: str) -> NDArray[Any] | None:
    """Return labels (N or N,heads). Raises RecipeError unless there is one an input."""
    if labels is None:
        return None
    labels = labels if labels.ndim == 2 else labels.reshape(-1)
    if len(labels) != count:
        raise RecipeError(f"{place}: {count} inputs and {len(labels)} labels", fix="give one label an input")
    return labels
