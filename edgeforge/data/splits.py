"""The stage `data`: images of a source, split by the seed into training, validation and test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.builder.stage import Job
from edgeforge.data.anomaly import normal_alone, reconstruction_head
from edgeforge.data.labels import as_stored, fitted_heads, strata
from edgeforge.data.registry import load_source
from edgeforge.data.source import Clips, Source, Stream
from edgeforge.errors import RecipeError
from edgeforge.results.files import (
    CLIPS_FILE,
    DATA_FILE,
    FINDINGS_FILE,
    HEAD_FILE,
    PREPROCESSING_FILE,
    STREAMS_FILE,
)
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLITS = ("train", "val", "test")
COUNTED = 256  # images at a time: NumPy counts pixels as numbers of eight bytes


def prepare(job: Job) -> None:
    """Load the source, split it, and write data.npz and preprocessing.json."""
    import numpy as np

    data, seed = job.recipe.data, job.recipe.seed
    source = load_source(job)
    heads = source.heads or (Head("class", source.classes),)
    labels = as_stored(source.labels, heads)
    train: NDArray[np.int64] = np.arange(len(labels))
    test_x, test_y = source.test_images, source.test_labels
    if test_x is None or test_y is None:
        train, test = _set_apart(source, heads[0], train, data.test, seed)
        test_x, test_y = source.images[test], labels[test]
    val_x, val_y = source.validation_images, source.validation_labels
    if val_x is None or val_y is None:
        validation = train  # none set apart: the curves are of the training images, and choose nothing
        if data.validation:
            train, validation = _set_apart(source, heads[0], train, data.validation, seed + 1)
        val_x, val_y = source.images[validation], labels[validation]
    train_x, train_y = source.images[train], labels[train]
    sets = {"train": (train_x, train_y), "val": (val_x, val_y), "test": (test_x, test_y), **source.further}
    if data.task == "reconstruction":
        heads = (reconstruction_head(source),)
        sets, done = normal_alone(sets, source, str(data.normal))
        source = replace(source, findings=(*source.findings, done))
        train_x, train_y = sets["train"]
    arrays: dict[str, Any] = {}
    for name, (x, y) in sets.items():
        arrays |= {f"{name}_x": x, f"{name}_y": as_stored(y, heads)}
    np.savez(job.output / DATA_FILE, **arrays)
    if source.streams:
        parts: dict[str, Any] = {}
        for name, stream in source.streams.items():
            parts |= {f"{name}_rows": stream.rows, f"{name}_events": stream.events}
        np.savez(job.output / STREAMS_FILE, **parts)
    if source.clips:
        np.savez(job.output / CLIPS_FILE, places=source.clips.places, samples=source.clips.samples)
    preprocessing = _preprocessing(job, source, train_x, fitted_heads(heads, train_y))
    (job.output / PREPROCESSING_FILE).write_text(preprocessing.to_json())
    findings = [finding.model_dump() for finding in source.findings]
    (job.output / FINDINGS_FILE).write_text(json.dumps(findings, indent=1))


def read_split(folder: Path, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return raw images (N,C,H,W) and labels (see labels.py) of `train`, `val`, `test` or a further test set."""
    import numpy as np

    with np.load(folder / DATA_FILE) as arrays:
        return arrays[f"{split}_x"], arrays[f"{split}_y"]


def further_sets(folder: Path) -> list[str]:
    """Return the names of the test sets beside `test`."""
    import numpy as np

    with np.load(folder / DATA_FILE) as arrays:
        names = [name.removesuffix("_x") for name in arrays.files if name.endswith("_x")]
    return [name for name in names if name not in SPLITS]


def read_stream(folder: Path, split: str) -> Stream | None:
    """Return the continuous recording of a split; None where the source has none."""
    import numpy as np

    if not (folder / STREAMS_FILE).exists():
        return None
    with np.load(folder / STREAMS_FILE) as arrays:
        return Stream(arrays[f"{split}_rows"], arrays[f"{split}_events"])


def read_clips(folder: Path) -> Clips | None:
    """Return the clips of sound that were kept as they were recorded; None where the source has none."""
    import numpy as np

    if not (folder / CLIPS_FILE).exists():
        return None
    with np.load(folder / CLIPS_FILE) as arrays:
        return Clips(arrays["places"], arrays["samples"])


def read_preprocessing(folder: Path) -> Preprocessing:
    """Return what the data stage says of the model's input."""
    return Preprocessing.from_json((folder / PREPROCESSING_FILE).read_text())


def deployed_preprocessing(job: Job) -> Preprocessing:
    """Return what the data stage says of the model, and what training knows of its heads: head.json.

    Of a pruned network that of the pruned one.
    """
    said = read_preprocessing(job.inputs["data"])
    trained = job.inputs.get("prune", job.inputs.get("train"))
    path = trained / HEAD_FILE if trained else None
    if path is None or not path.exists():
        return said
    facts = json.loads(path.read_text())
    probable = facts.pop("others", [])
    others = (replace(head, probability=head.name in probable) for head in said.heads[1:])
    return replace(said, heads=(replace(said.heads[0], **facts), *others))


def read_findings(folder: Path) -> list[Finding]:
    """Return what the data stage found that a person should know."""
    return [Finding(**row) for row in json.loads((folder / FINDINGS_FILE).read_text())]


def _set_apart(
    source: Source, head: Head, indices: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices kept and those set apart, in the source's order.

    Each class (or part of a value's range) is set apart in proportion; where there are groups, whole groups are.
    """
    import numpy as np
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    if source.groups is not None:
        split = GroupShuffleSplit(1, test_size=share, random_state=seed)
        kept, apart = next(split.split(indices, groups=source.groups[indices]))
        return indices[kept], indices[apart]
    values = source.labels if source.labels.ndim == 1 else source.labels.reshape(len(source.labels), -1)[:, 0]
    stratum = strata(values[indices], head)
    try:
        kept, apart = train_test_split(indices, test_size=share, random_state=seed, stratify=stratum)
    except ValueError as error:
        if not head.classes or head.kind == "map":
            raise RecipeError(
                f"data: too few inputs to split: {len(indices)} in all",
                fix="add inputs, or raise data.test and data.validation",
            ) from error
        counts = np.bincount(stratum, minlength=len(head.classes))
        rarest = int(counts.argmin())
        raise RecipeError(
            f"data: too few images to split: {len(indices)} in all, of '{head.classes[rarest]}' {counts[rarest]}; "
            "every class needs one in every split",
            fix="add images of that class, or raise data.test and data.validation",
        ) from error
    return np.sort(kept), np.sort(apart)


def _preprocessing(job: Job, source: Source, training: NDArray[Any], heads: tuple[Head, ...]) -> Preprocessing:
    normalize = job.recipe.data.normalize
    mean, std = (normalize.mean, normalize.std) if normalize else (source.mean, source.std)
    if not mean:
        mean, std = pixel_statistics(training, source.raw_max, source.sampling.axes if source.sampling else ())
    channels = source.images.shape[1]
    if len(mean) != channels:
        raise RecipeError(
            f"data.normalize has {len(mean)} channels, the inputs of '{job.recipe.data.source}' have {channels}",
            fix=f"give mean and std {channels} value(s) each",
        )
    _, c, h, w = source.images.shape
    raw_type: Literal["uint8", "float32"] = "uint8" if source.images.dtype == "uint8" else "float32"
    return Preprocessing(
        (c, h, w),
        source.raw_max,
        tuple(mean),
        tuple(std),
        heads[0].classes,
        heads,
        raw_type,
        sampling=source.sampling,
        sound=source.sound,
    )


def pixel_statistics(
    images: NDArray[Any], raw_max: float, names: tuple[str, ...] = ()
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation a channel of pixels in [0, 1], of images (N,C,H,W).

    Exact sums and 4 decimals of uint8 pixels, 4 digits of float32 values.

    names: of the channels. Raises RecipeError when a channel has one value throughout.
    """
    import numpy as np

    means, stds = [], []
    for channel in range(images.shape[1]):
        if images.dtype != np.uint8:
            values = images[:, channel].astype(np.float64) / raw_max
            means.append(float(f"{values.mean():.4g}"))
            stds.append(float(f"{values.std():.4g}"))
            if stds[-1] == 0:
                which = f"axis '{names[channel]}'" if names else f"channel {channel}"
                remedy = "leave that axis out: name the others in data.axes" if names else "look at the inputs"
                raise RecipeError(f"data: every training value of {which} is the same", fix=remedy)
            continue
        counts: NDArray[np.int64] = np.zeros(256, np.int64)
        for start in range(0, len(images), COUNTED):
            counts += np.bincount(images[start : start + COUNTED, channel].reshape(-1), minlength=256)
        values = np.arange(len(counts)) / raw_max
        mean = float((counts * values).sum() / counts.sum())
        std = float(np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum()))
        if std < 1e-4:
            raise RecipeError(f"data: every pixel of channel {channel} is the same", fix="look at the images")
        means.append(round(mean, 4))
        stds.append(round(std, 4))
    return tuple(means), tuple(stds)


def evenly_spaced(count: int, wanted: int) -> NDArray[np.int64]:
    """Return up to `wanted` of `count` indices, spread evenly."""
    import numpy as np

    return np.unique(np.linspace(0, count - 1, min(wanted, count)).round().astype(np.int64))
