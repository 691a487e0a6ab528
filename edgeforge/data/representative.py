"""The stage `calibration`: the representative dataset that sets activation ranges, and its lint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.labels import head_labels, strata
from edgeforge.data.lint import lint_calibration
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import read_arrays, require_numbers
from edgeforge.inputs.regular import named
from edgeforge.results.files import CALIBRATION_FILE, CALIBRATION_ROW_FILE
from edgeforge.results.head import Head
from edgeforge.results.rows.calibration import CalibrationRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAVED = "save it with numpy.savez(path, x=inputs)"
COMPARED = 5000  # training images, at most, that the lint looks at
CALIBRATION_STRATA = 10  # parts of a value's range that samples are drawn from in turn


def choose(job: Job) -> None:
    """Write calibration.npz (x: N,C,H,W float32 as the model expects it; y: N) and what the lint found."""
    import numpy as np

    preprocessing = read_preprocessing(job.inputs["data"])
    raw, labels = read_split(job.inputs["data"], "train")
    head = preprocessing.heads[0]
    given = job.files.get("calibration")
    if given:
        x, y = read_own(given, preprocessing.shape)
        if y is not None:
            require_classes(head_labels(y, preprocessing.heads), head, given)
    else:
        primary = strata(head_labels(labels, preprocessing.heads), head, CALIBRATION_STRATA)
        index = balanced(primary, job.recipe.quantize.calibration.samples, job.recipe.seed)
        x, y = preprocessing.apply(raw[index]), labels[index]
    some = raw[:: len(raw) // COMPARED + 1]  # all of a large folder would be four times its bytes as float32
    findings = lint_calibration(x, y, preprocessing.apply(some), preprocessing)
    over = "balanced over the classes" if head.classes else f"evenly over the range of '{head.name}'"
    over = "in an order of the seed" if head.kind in ("map", "reconstruction") else over
    row = CalibrationRow(
        samples=len(x),
        per_class={} if y is None else _counts(head_labels(y, preprocessing.heads), head),
        source=str(given.name) if given else f"training split, {over}",
        minimum=float(x.min()),
        maximum=float(x.max()),
        findings=findings,
    )
    np.savez(job.output / CALIBRATION_FILE, x=x, y=np.zeros(0, np.int64) if y is None else y)
    (job.output / CALIBRATION_ROW_FILE).write_text(row.model_dump_json(indent=1))


def require_classes(labels: NDArray[Any], head: Head, given: Path) -> None:
    """Raise RecipeError for labels that are none of the head's classes."""
    import numpy as np

    unknown = sorted(set(np.unique(labels).tolist()) - set(range(len(head.classes))))
    if head.kind == "classes" and unknown:
        raise RecipeError(
            f"quantize.calibration.file: {named(given)}: y holds {unknown[0]}, of {len(head.classes)} classes",
            fix=f"number the classes from 0 to {len(head.classes) - 1} ({head.classes[0]}, …), or leave y out",
        )


def _counts(labels: NDArray[Any], head: Head) -> dict[str, int]:
    """Return how many samples are of each class (of a map: have it), or of each part of a value's range."""
    import numpy as np

    if head.classes:
        of = labels.reshape(len(labels), -1)
        return {name: int((of == place).any(1).sum()) for place, name in enumerate(head.classes)}
    part = strata(labels, head)
    parts = [labels[part == place] for place in np.unique(part)]
    return {f"{values.min():.4g}–{values.max():.4g} {head.unit}".strip(): len(values) for values in parts}


def read_calibration(folder: Path) -> NDArray[np.float32]:
    """Return the representative dataset (N,C,H,W float32)."""
    import numpy as np

    with np.load(folder / CALIBRATION_FILE) as arrays:
        return arrays["x"]


def balanced(labels: NDArray[np.int64], samples: int, seed: int) -> NDArray[np.int64]:
    """Return `samples` indices (all when there are fewer), as even over the classes as the data allows.

    Class by class in turn, each class in an order that the seed fixes: a prefix of the result is balanced too.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    place_in_class = np.empty(len(labels), np.int64)
    for value in np.unique(labels):
        members = np.flatnonzero(labels == value)
        place_in_class[members] = random.permutation(len(members))
    order = np.lexsort((labels, place_in_class))
    return order[:samples]


def channels_first(x: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[Any]:
    """Return inputs without rows (N,C or N,W,C, as a model of such inputs takes them) as N,C,H,W of `shape`."""
    channels, height, width = shape
    if x.ndim == 2 and x.shape[1:] == (channels,) and height == width == 1:
        return x.reshape(len(x), *shape)
    if x.ndim == 3 and x.shape[1:] == (width, channels) and height == 1:
        return x.transpose(0, 2, 1).reshape(len(x), *shape)
    return x


def read_own(
    path: Path, shape: tuple[int, int, int], where: str = "quantize.calibration.file"
) -> tuple[NDArray[np.float32], NDArray[Any] | None]:
    """Read the user's file of inputs, named by `where`, and their labels: (N), or (N,heads).

    Raises RecipeError when it is no array of model inputs.
    """
    import numpy as np

    arrays = read_arrays(path, where, SAVED, ("x", "y"))
    where = f"{where}: {named(path)}"
    if "x" not in arrays:
        raise RecipeError(f"{where} has no array 'x'", fix=SAVED)
    x = wanted_inputs(arrays["x"], shape, f"{where}: x")
    y = require_numbers(arrays["y"], f"{where}: y").astype(np.float64) if "y" in arrays else None
    y = y.reshape(-1) if y is not None and y.ndim != 2 else y
    if y is not None and len(y) != len(x):
        raise RecipeError(f"{where}: {len(x)} inputs and {len(y)} labels", fix="give one label an input")
    return x, y


def wanted_inputs(x: NDArray[Any], shape: tuple[int, int, int], where: str) -> NDArray[np.float32]:
    """Return an array of inputs as N,C,H,W float32. Raises RecipeError where it is none of `shape` (C,H,W)."""
    import numpy as np

    x = require_numbers(x, where)
    if x.ndim == 0 or len(x) == 0:
        raise RecipeError(f"{where} is empty", fix="give about 200 inputs of the model")
    x = channels_first(x, shape)
    if x.shape[1:] != shape:
        c, h, w = shape
        layout = x.ndim == 4 and x.shape[1:] == (h, w, c)
        raise RecipeError(
            f"{where} has the shape {x.shape}, the model takes (N,{c},{h},{w})",
            fix="the layout is N,H,W,C: save x.transpose(0, 3, 1, 2)" if layout else "save inputs of that shape",
        )
    x = x.astype(np.float32)
    if not np.isfinite(x).all():
        raise RecipeError(f"{where} holds NaN or infinity", fix="leave those inputs out")
    return x
