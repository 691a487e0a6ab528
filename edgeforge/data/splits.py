"""The stage `data`: images of a source, split by the seed into training, validation and test."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.artifact import PREPROCESSING_FILE, Preprocessing
from edgeforge.errors import RecipeError, first_line
from edgeforge.report.schema import Finding
from edgeforge.stage import Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOADERS = {
    "digits": "edgeforge.data.digits:load_digits",
    "mnist": "edgeforge.data.mnist:load_mnist",
    "image_folder": "edgeforge.data.image_folder:load_image_folder",
    "csv": "edgeforge.data.csv_table:load_csv",
    "numpy": "edgeforge.data.numpy_arrays:load_numpy",
}
DATA_FILE = "data.npz"
FINDINGS_FILE = "findings.json"


@dataclass(frozen=True)
class Source:
    """What a data source yields: raw images (N,C,H,W uint8), labels (N), and how pixels are to be read.

    test_images is None where the source has no test split of its own: the recipe's share is set apart. So it is with
    validation_images. mean and std left out: those of the training split are computed.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test_images: NDArray[np.uint8] | None
    test_labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    raw_max: float  # the value of a white pixel
    mean: tuple[float, ...] = ()  # of the training pixels in [0, 1], one a channel
    std: tuple[float, ...] = ()
    validation_images: NDArray[np.uint8] | None = None
    validation_labels: NDArray[np.int64] | None = None
    findings: tuple[Finding, ...] = ()  # for the report


def prepare(job: Job) -> None:
    """Load the source, split it, and write data.npz and preprocessing.json."""
    import numpy as np

    data, seed = job.recipe.data, job.recipe.seed
    source = _load(job)
    labels = source.labels
    train = np.arange(len(labels))
    test_x, test_y = source.test_images, source.test_labels
    if test_x is None or test_y is None:
        train, test = _stratified(train, labels, data.test, seed, source.classes)
        test_x, test_y = source.images[test], labels[test]
    val_x, val_y = source.validation_images, source.validation_labels
    if val_x is None or val_y is None:
        train, validation = _stratified(train, labels, data.validation, seed + 1, source.classes)
        val_x, val_y = source.images[validation], labels[validation]
    train_x, train_y = source.images[train], labels[train]
    np.savez(
        job.output / DATA_FILE,
        train_x=train_x,
        train_y=train_y,
        val_x=val_x,
        val_y=val_y,
        test_x=test_x,
        test_y=test_y,
    )
    preprocessing = _preprocessing(job, source, train_x)
    (job.output / PREPROCESSING_FILE).write_text(preprocessing.to_json())
    findings = [finding.model_dump() for finding in source.findings]
    (job.output / FINDINGS_FILE).write_text(json.dumps(findings, indent=1))


def read_split(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return raw images (N,C,H,W uint8) and labels (N int64) of `train`, `val` or `test`."""
    import numpy as np

    with np.load(folder / DATA_FILE) as arrays:
        return arrays[f"{split}_x"], arrays[f"{split}_y"]


def read_preprocessing(folder: Path) -> Preprocessing:
    """Return what the data stage says of the model's input."""
    return Preprocessing.from_json((folder / PREPROCESSING_FILE).read_text())


def read_findings(folder: Path) -> list[Finding]:
    """Return what the data stage found that a person should know."""
    return [Finding(**row) for row in json.loads((folder / FINDINGS_FILE).read_text())]


def _load(job: Job) -> Source:
    module, function = LOADERS[job.recipe.data.source].split(":")
    source: Source = getattr(importlib.import_module(module), function)(job)
    return source


def _stratified(
    indices: NDArray[np.int64], labels: NDArray[np.int64], share: float, seed: int, classes: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices kept and those set apart, each class in proportion, in the source's order."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    try:
        kept, apart = train_test_split(indices, test_size=share, random_state=seed, stratify=labels[indices])
    except ValueError as error:
        counts = np.bincount(labels[indices], minlength=len(classes))
        rarest = int(counts.argmin())
        raise RecipeError(
            f"data: too few images to split: {len(indices)} in all, of '{classes[rarest]}' {counts[rarest]} "
            f"({first_line(error)})",
            fix="add images of that class, or raise data.test and data.validation",
        ) from error
    return np.sort(kept), np.sort(apart)


def _preprocessing(job: Job, source: Source, training: NDArray[np.uint8]) -> Preprocessing:
    normalize = job.recipe.data.normalize
    mean, std = (normalize.mean, normalize.std) if normalize else (source.mean, source.std)
    if not mean:
        mean, std = pixel_statistics(training, source.raw_max)
    channels = source.images.shape[1]
    if len(mean) != channels:
        raise RecipeError(
            f"data.normalize has {len(mean)} channels, the images of '{job.recipe.data.source}' have {channels}",
            fix=f"give mean and std {channels} value(s) each",
        )
    _, c, h, w = source.images.shape
    return Preprocessing((c, h, w), source.raw_max, tuple(mean), tuple(std), source.classes)


def pixel_statistics(images: NDArray[np.uint8], raw_max: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation a channel of pixels in [0, 1], of images (N,C,H,W); exact sums, 4 decimals.

    Raises RecipeError when a channel has one value throughout.
    """
    import numpy as np

    means, stds = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[:, channel].reshape(-1), minlength=256)
        values = np.arange(len(counts)) / raw_max
        mean = float((counts * values).sum() / counts.sum())
        std = float(np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum()))
        if std < 1e-4:
            raise RecipeError(f"data: every pixel of channel {channel} is the same", fix="look at the images")
        means.append(round(mean, 4))
        stds.append(round(std, 4))
    return tuple(means), tuple(stds)
