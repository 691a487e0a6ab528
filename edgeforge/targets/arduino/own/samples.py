"""Inputs to try a model with: those of a person, or pseudo-random ones."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.data.representative import channels_first, read_own
from edgeforge.data.several_inputs import LABELS, labels_of, named_arrays
from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import read_arrays, require_numbers
from edgeforge.results.preprocessing import Preprocessing, RawInput
from edgeforge.targets.arduino.own.input import require_in_range
from edgeforge.targets.arduino.own_tflite import OwnTFLite
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import as_records

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RANDOM_INPUTS = 8
SAVED = "save it with numpy.savez(path, x=…)"


@dataclass(frozen=True)
class Samples:
    """Inputs to try a model with: raw (N,C,H,W of raw_type), and labels where they are known."""

    raw: NDArray[Any]
    labels: NDArray[Any] | None = None
    origin: str = ""  # where they are from, as a comment in the sketch says it
    real: bool = True


def read_samples(path: Path, preprocessing: Preprocessing, where: str = "--samples") -> Samples:
    """Read an .npz file: `raw` (N,C,H,W of raw_type), or `x` (N,C,H,W float32, normalised); labels `y`, if there are.

    Of a model with several inputs an array for each, by its name, of raw values. Raises RecipeError when it cannot be
    read, or does not fit the model.
    """
    if preprocessing.inputs:
        return _read_several(path, preprocessing.inputs, where)
    (only,) = preprocessing.every_input
    arrays = read_arrays(path, where, SAVED, ("raw", "x", "y"))
    raw, labels = arrays.get("raw"), arrays.get("y")
    if raw is None:
        x, _ = read_own(path, only.shape, where)
        require_in_range(x, only, f"{where} {path}")
        raw, origin = only.undo(x), f"{path.name}, raw values reconstructed from normalised ones"
    else:
        raw, origin = _raw(raw, only, f"{where} {path}: raw"), path.name
    labels = None if labels is None else labels.reshape(-1) if labels.ndim == 0 else labels
    if labels is not None and len(labels) != len(raw):
        raise RecipeError(f"{where} {path}: {len(raw)} inputs and {len(labels)} labels", fix="give one label an input")
    return Samples(raw, labels, origin)


def _read_several(path: Path, inputs: tuple[RawInput, ...], where: str) -> Samples:
    arrays = named_arrays(path, {one.name: one.shape for one in inputs}, where)
    labels = arrays.pop(LABELS, None)
    raw = as_records({one.name: _raw(arrays[one.name], one, f"{where} {path}: {one.name}") for one in inputs})
    return Samples(raw, labels_of(labels, len(raw), f"{where} {path}"), path.name)


def _raw(values: NDArray[Any], one: RawInput, where: str) -> NDArray[Any]:
    """Return raw values as N,C,H,W of the input's raw type. Raises RecipeError where they have another shape."""
    raw = channels_first(require_numbers(values, where), one.shape)
    if raw.shape[1:] != one.shape or len(raw) == 0:
        c, h, w = one.shape
        raise RecipeError(
            f"{where} has the shape {raw.shape}, the model takes (N,{c},{h},{w})", fix="save raw inputs N,C,H,W"
        )
    return raw.astype(one.raw_type)


def pseudo_random(model: OwnTFLite, preprocessing: Preprocessing, count: int = RANDOM_INPUTS) -> Samples:
    """Return inputs over all of the model's input range, the same for the same model."""
    import numpy as np

    random = np.random.default_rng(zlib.crc32(model.flatbuffer))
    pairs = zip(preprocessing.every_input, model.inputs, strict=True)
    made = {one.name: _over_the_range(one, spec, random, count) for one, spec in pairs}
    raw = as_records(made) if preprocessing.inputs else made[""]
    return Samples(raw, None, "pseudo-random, since no samples were given", real=False)


def _over_the_range(one: RawInput, spec: TensorSpec, random: np.random.Generator, count: int) -> NDArray[Any]:
    """Return raw values (N,C,H,W) of one input; places of words are 0 and 1, since how many there are is not known."""
    import numpy as np

    shape = (count, *one.shape)
    if one.raw_type == "uint8":
        return random.integers(0, one.largest_byte + 1, shape).astype(np.uint8)
    if one.raw_type == "int32":
        return random.integers(0, 2, shape).astype(np.int32)
    if spec.scale is None or spec.zero_point is None:
        return one.undo(random.normal(0, 1, shape).astype(np.float32))
    limits = np.iinfo(spec.dtype)
    steps = random.integers(limits.min, limits.max + 1, shape)
    return one.undo(((steps - spec.zero_point) * spec.scale).astype(np.float32))
