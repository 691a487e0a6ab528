"""The stage `data`: images of a source, split by the seed into training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.artifact import PREPROCESSING_FILE, Preprocessing
from edgeforge.errors import RecipeError
from edgeforge.stage import Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DATA_FILE = "data.npz"


@dataclass(frozen=True)
class Source:
    """What a data source yields: raw images (N,C,H,W uint8), labels (N), and how pixels are to be read.

    test_images is None where the source has no test split of its own: the recipe's share is set apart.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test_images: NDArray[np.uint8] | None
    test_labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    raw_max: float  # the value of a white pixel
    mean: tuple[float, ...]  # of the training pixels in [0, 1], one a channel
    std: tuple[float, ...]


def prepare(job: Job) -> None:
    """Load the source, split it, and write data.npz and preprocessing.json."""
    import numpy as np

    data, seed = job.recipe.data, job.recipe.seed
    source = _load(job)
    labels = source.labels
    if source.test_images is None or source.test_labels is None:
        rest, test = _stratified(labels, data.test, seed)
        test_x, test_y = source.images[test], labels[test]
    else:
        rest = np.arange(len(labels))
        test_x, test_y = source.test_images, source.test_labels
    kept, validation = _stratified(labels[rest], data.validation, seed + 1)
    train, validation = rest[kept], rest[validation]
    np.savez(
        job.output / DATA_FILE,
        train_x=source.images[train],
        train_y=labels[train],
        val_x=source.images[validation],
        val_y=labels[validation],
        test_x=test_x,
        test_y=test_y,
    )
    preprocessing = _preprocessing(job, source)
    (job.output / PREPROCESSING_FILE).write_text(preprocessing.to_json())


def read_split(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return raw images (N,C,H,W uint8) and labels (N int64) of `train`, `val` or `test`."""
    import numpy as np

    with np.load(folder / DATA_FILE) as arrays:
        return arrays[f"{split}_x"], arrays[f"{split}_y"]


def read_preprocessing(folder: Path) -> Preprocessing:
    """Return what the data stage says of the model's input."""
    return Preprocessing.from_json((folder / PREPROCESSING_FILE).read_text())


def _load(job: Job) -> Source:
    if job.recipe.data.source == "digits":
        from edgeforge.data.digits import load_digits

        return load_digits()
    from edgeforge.data.mnist import load_mnist

    return load_mnist(job)


def _stratified(labels: NDArray[np.int64], share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices kept and those set apart, each class in proportion, in the source's order."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    kept, apart = train_test_split(np.arange(len(labels)), test_size=share, random_state=seed, stratify=labels)
    return np.sort(kept), np.sort(apart)


def _preprocessing(job: Job, source: Source) -> Preprocessing:
    normalize = job.recipe.data.normalize
    mean, std = (normalize.mean, normalize.std) if normalize else (source.mean, source.std)
    channels = source.images.shape[1]
    if len(mean) != channels:
        raise RecipeError(
            f"data.normalize has {len(mean)} channels, the images of '{job.recipe.data.source}' have {channels}",
            fix=f"give mean and std {channels} value(s) each",
        )
    _, c, h, w = source.images.shape
    return Preprocessing((c, h, w), source.raw_max, tuple(mean), tuple(std), source.classes)
