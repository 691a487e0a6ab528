"""Images and labels that are numpy arrays already: an .npz file, or a folder of .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.data.sources.labelled import split_source, white_of
from edgeforge.data.task import Labels, labels_in, read_labels
from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import read_arrays, require_begun
from edgeforge.inputs.regular import named
from edgeforge.recipe.schema import Data
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAVED = "save it with numpy.savez(path, x=images, y=labels)"
NAMES = ("x", "y", "x_val", "y_val", "x_test", "y_test")


def numpy_files(path: Path, data: Data) -> list[Path]:
    """Return the files that are read: the .npz itself, or of a folder its arrays and nothing else.

    Raises RecipeError for one that begins as none does: hashing gigabytes of something else takes its time.
    """
    found = [file for name in NAMES if (file := path / f"{name}.npy").is_file()] if path.is_dir() else [path]
    for file in found:
        require_begun(file, f"data.root: {named(file)}", SAVED)
    return found


def load_numpy(job: Job) -> Source:
    """Return x and y, and x_val, y_val, x_test, y_test where they are there, of data.root.

    x: pixels 0 to 255, or of 16 bits; (N,C,H,W), (N,H,W,C) with 1 or 3 channels, or (N,H,W). y: whole numbers from
    0, or names.
    Raises RecipeError for anything else.
    """
    import numpy as np

    path = job.files[USER_DATA]
    where = f"data.root: {path}"
    arrays = _read(path, where)
    images, labels, splits = [], [], []
    for split, suffix in (("train", ""), ("val", "_val"), ("test", "_test")):
        x, y = arrays.get(f"x{suffix}"), arrays.get(f"y{suffix}")
        if x is None and y is None and suffix:
            continue
        if x is None or y is None:
            missing = f"{'x' if x is None else 'y'}{suffix}"
            raise RecipeError(f"{where} has no array '{missing}'", fix=f"it holds {', '.join(arrays) or 'none'}")
        images.append(_pixels(x, f"{where}: x{suffix}", job.recipe.data.raw_max))
        labels.append(labels_in(y, job.recipe.data, f"{where}: y{suffix}"))
        splits += [split] * len(x)
        if len(x) != len(labels[-1]):
            raise RecipeError(f"{where}: {len(x)} images and {len(labels[-1])} labels in x{suffix}, y{suffix}",
                              fix="give one label an image")  # fmt: skip
    if any(part.dtype == np.float32 for part in images):  # 16 bits in one split are 16 bits in all
        images = [part.astype(np.float32) for part in images]
    if len({part.shape[1:] for part in images}) > 1:
        raise RecipeError(f"{where}: the splits' images differ in shape", fix="give all the same shape")
    told = _labels(np.concatenate(labels), job.recipe.data, where)
    pixels = images[0] if len(images) == 1 else np.concatenate(images)
    findings: list[Finding] = []
    white = white_of(pixels, job.recipe.data.raw_max, findings)
    return split_source(pixels, told, np.array(splits), where, findings, white)


def _read(path: Path, where: str) -> dict[str, NDArray[Any]]:
    if path.suffix == ".npy":
        raise RecipeError(f"{where}: one array has no labels", fix="name the folder that holds x.npy and y.npy")
    if path.is_dir():
        files = {name: path / f"{name}.npy" for name in NAMES}
        return {name: read_arrays(file, "data.root", SAVED)[""] for name, file in files.items() if file.is_file()}
    return read_arrays(path, "data.root", SAVED)


def _pixels(x: NDArray[Any], where: str, white: float | None) -> NDArray[Any]:
    """Return images (N,C,H,W): uint8, or float32 of uint16 ones, and of other integers where `white` is given."""
    import numpy as np

    if x.ndim not in (3, 4) or len(x) == 0:
        raise RecipeError(f"{where} has the shape {x.shape}", fix="give images N,C,H,W or N,H,W,C or N,H,W")
    if x.dtype != np.uint8:
        most = 65535 if x.dtype == np.uint16 or white else 255
        if x.dtype.kind not in "iu" or x.min() < 0 or x.max() > most:
            ends = f" from {x.min():.4g} to {x.max():.4g}" if x.dtype.kind in "iuf" else ""
            raise RecipeError(
                f"{where} is {x.dtype}{ends}; images are whole numbers from 0 to 255, or uint16",
                fix="save pixels as uint8, of 16 bits as uint16, before any normalisation: data.normalize is for that",
            )
        x = x.astype(np.float32 if x.dtype == np.uint16 or x.max() > 255 else np.uint8)
    if x.ndim == 3:
        return x[:, None]
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if last and not first:
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    if not first:
        raise RecipeError(
            f"{where} has the shape {x.shape}: which axis holds the channels?", fix="give 1 or 3 channels"
        )
    return x


def _labels(y: NDArray[Any], data: Data, where: str) -> Labels:
    """Return labels: of names and values as data.task says, of whole numbers from 0 classes."""
    import numpy as np

    if data.heads is not None or y.dtype.kind in "US" or y.dtype.kind == "f" or data.task == "value":
        return read_labels([str(label) for label in y.tolist()], data, where)
    numbers = y.astype(np.int64)
    if data.task is None and not data.classes:
        read_labels([str(label) for label in np.unique(numbers).tolist()], data, where)  # asks, where it may be a value
    names = data.classes
    count = len(names) if names else int(numbers.max()) + 1
    if numbers.min() < 0 or numbers.max() >= count:
        raise RecipeError(
            f"{where}: labels from {numbers.min()} to {numbers.max()}"
            + (f"; data.classes names {count}" if names else ""),
            fix="number the classes from 0, and name every one",
        )
    present = set(np.unique(numbers).tolist())
    if len(present) < max(count, 2):
        missing = next((number for number in range(count) if number not in present), None)
        found = "one class only" if missing is None else f"no image of class {names[missing] if names else missing}"
        raise RecipeError(f"{where}: {found}", fix="give images of every class, two classes at least")
    classes = names or tuple(str(number) for number in range(count))
    return read_labels([classes[number] for number in numbers], data.model_copy(update={"classes": classes}), where)
