"""Inputs to try a model with: those of a person, or pseudo-random ones."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import read_arrays, require_numbers
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.arduino.own.input import require_in_range
from edgeforge.targets.arduino.own_tflite import OwnTFLite

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

    Raises RecipeError when it cannot be read, or does not fit the model.
    """
    from edgeforge.data.representative import channels_first, read_own

    arrays = read_arrays(path, where, SAVED, ("raw", "x", "y"))
    raw, labels = arrays.get("raw"), arrays.get("y")
    if raw is not None:
        require_numbers(raw, f"{where} {path}: raw")
    if raw is None:
        x, _ = read_own(path, preprocessing.shape, where)
        require_in_range(x, preprocessing, f"{where} {path}")
        raw, origin = raw_of(x, preprocessing), f"{path.name}, raw values reconstructed from normalised ones"
    elif (raw := channels_first(raw, preprocessing.shape)).shape[1:] != preprocessing.shape or len(raw) == 0:
        c, h, w = preprocessing.shape
        raise RecipeError(f"{where} {path}: raw has the shape {raw.shape}, the model takes (N,{c},{h},{w})",
                          fix="save raw inputs N,C,H,W")  # fmt: skip
    else:
        raw, origin = raw.astype(preprocessing.raw_type), path.name
    labels = None if labels is None else labels.reshape(-1) if labels.ndim == 0 else labels
    if labels is not None and len(labels) != len(raw):
        raise RecipeError(f"{where} {path}: {len(raw)} inputs and {len(labels)} labels", fix="give one label an input")
    return Samples(raw, labels, origin)


def raw_of(x: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[Any]:
    """Return raw inputs of normalised ones (N,C,H,W): what `Preprocessing.apply` undoes, rounded where raw is uint8."""
    import numpy as np

    mean = np.asarray(preprocessing.mean, np.float32).reshape(1, -1, 1, 1)
    std = np.asarray(preprocessing.std, np.float32).reshape(1, -1, 1, 1)
    raw = (x * std + mean) * np.float32(preprocessing.raw_max)
    return np.clip(np.rint(raw), 0, 255).astype(np.uint8) if preprocessing.raw_type == "uint8" else raw


def pseudo_random(model: OwnTFLite, preprocessing: Preprocessing, count: int = RANDOM_INPUTS) -> Samples:
    """Return inputs over all of the model's input range, the same for the same model."""
    import numpy as np

    random = np.random.default_rng(zlib.crc32(model.flatbuffer))
    shape = (count, *model.shape)
    origin = "pseudo-random, since no samples were given"
    if preprocessing.raw_type == "uint8":
        return Samples(
            random.integers(0, preprocessing.largest_byte + 1, shape).astype(np.uint8), None, origin, real=False
        )
    spec = model.input
    if spec.scale is None or spec.zero_point is None:
        return Samples(raw_of(random.normal(0, 1, shape).astype(np.float32), preprocessing), None, origin, real=False)
    limits = np.iinfo(spec.dtype)
    steps = random.integers(limits.min, limits.max + 1, shape)
    x = ((steps - spec.zero_point) * spec.scale).astype(np.float32)
    return Samples(raw_of(x, preprocessing), None, origin, real=False)
