"""The source `windows`: recordings are read, cut, and split so that no recording is on two sides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.data.labels import strata
from edgeforge.data.source import Source
from edgeforge.data.sources.windows.arrays import read_npz
from edgeforge.data.sources.windows.cut import Cut, cut
from edgeforge.data.sources.windows.leak import shared_with_training
from edgeforge.data.sources.windows.lost import also_lost, lost_of, remedy_of
from edgeforge.data.sources.windows.split import split_recordings
from edgeforge.data.sources.windows.tables import read_tables, require_table, tables_below
from edgeforge.data.task import Labels, read_labels, require_told
from edgeforge.errors import RecipeError, some
from edgeforge.inputs.regular import named
from edgeforge.recipe.schema import Data
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.results.preprocessing import Sampling
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ONE_HZ = 1.0  # of lines that are inputs of their own: how often a sketch asks for one
RARE = 10  # times fewer windows than the most frequent class


def load_windows(job: Job) -> Source:
    """Return windows (N,axes,1,samples float32) of the recordings in data.root, split by recording.

    Raises RecipeError naming the file, and the line where there is one, that is wrong.
    """
    import numpy as np

    data, root = job.recipe.data, job.files[USER_DATA]
    where = f"data.root: {named(root)}"
    findings: list[Finding] = []
    read = read_npz if root.suffix.lower() == ".npz" else read_tables
    recordings, axes = read(root, data, findings)
    if data.task is None and data.heads is None:  # values change from sample to sample, and would end every window
        require_told({str(label) for one in recordings for label in set(one.labels.tolist())}, data, where)
    windows = cut(recordings, data, where, findings, axes)
    told = read_labels(windows.labels, data, where, "recording")
    classes, labels = told.classes, told.values
    strata_of = strata(told.primary, told.head)
    if classes:
        findings.append(_balance(told.primary, classes, windows))
    names = classes or tuple(f"part {place + 1} of the values" for place in range(int(strata_of.max()) + 1))
    splits = np.array([recordings[place].split for place in windows.recording])
    said = set(splits.tolist()) - {""}
    if "test" not in said:
        splits = split_recordings(windows, strata_of, names, splits, data, job.recipe.seed, where, findings, axes)
    inputs = np.ascontiguousarray(windows.values.transpose(0, 2, 1)[:, :, None])
    if not (splits == "test").any():
        raise RecipeError(f"{where}: no window for testing", fix="record more, or mark some recordings as test")
    _require_in_training(told, splits, said, windows, data, where, findings, axes)
    for name in ("val", "test"):
        if share := shared_with_training(windows, splits == "train", splits == name):
            findings.append(_leak(name, share, recordings[0].whole))
    train, val, test = (splits == name for name in ("train", "val", "test"))
    return Source(
        inputs[train],
        labels[train],
        inputs[test],
        labels[test],
        classes,
        1.0,
        validation_images=inputs[val] if val.any() else None,
        validation_labels=labels[val] if val.any() else None,
        findings=tuple(findings),
        groups=windows.recording[train],
        heads=told.heads,
        sampling=Sampling(data.rate_hz or ONE_HZ, windows.stride, axes),
    )


def _balance(labels: NDArray[np.int64], classes: tuple[str, ...], windows: Cut) -> Finding:
    """Return how many windows of how many recordings each class has; a warning where one is rare."""
    counts = Counter(labels.tolist())
    of = {place: len({int(one) for one in windows.recording[labels == place]}) for place in range(len(classes))}
    listed = ", ".join(f"{name} {counts[place]} ({of[place]})" for place, name in enumerate(classes))
    rare = min(counts.values()) * RARE <= max(counts.values())
    remedy = "train.class_weights: balanced counts a rare class as much as a frequent one" if rare else ""
    return Finding(
        severity="warning" if rare else "note", what=f"data: windows by class (recordings): {listed}", remedy=remedy
    )


def _require_in_training(
    told: Labels,
    splits: NDArray[np.str_],
    said: set[str],
    windows: Cut,
    data: Data,
    where: str,
    findings: list[Finding],
    axes: tuple[str, ...],
) -> None:
    """Raise RecipeError for a class that no training window has; say of one that validation or test has not."""
    for name in ("train", "val", "test"):
        part = splits == name
        missing = told.missing(part) if part.any() else []
        if not missing or (name == "val" and name not in said):  # of one that was chosen, who chose has told
            continue
        lost = [one for label in missing for one in lost_of(label, windows.lost, data, name)]
        remedy = remedy_of(lost, data, axes) if lost else f"put some of its recordings into {name} too"
        if name == "train":
            others = [other for other in ("val", "test") if not set(missing) <= set(told.missing(splits == other))]
            there = (
                f": {'it is' if len(missing) == 1 else 'they are'} in {' and '.join(others)} alone" if others else ""
            )
            raise RecipeError(f"{where}: no training window of {some(missing)}{there}{also_lost(lost)}",
                              fix=f"{remedy}; or remove the class")  # fmt: skip
        what = (
            f"data: the {name} split has no window of {some(missing)}{also_lost(lost)}: learned, and not judged there"
        )
        findings.append(Finding(severity="warning", what=what, remedy=remedy))


def _leak(split: str, share: float, arrays: bool) -> Finding:
    remedy = "keep what was recorded at one time on one side"
    if arrays:
        remedy += ": say which recording a window is of, in an array `recording`"
    what = f"data: {100 * share:.1f} % of the {split} windows hold samples that training windows hold too"
    return Finding(severity="error", what=f"{what}: its accuracy is too good", remedy=remedy)


def windows_files(path: Path, data: Data) -> list[Path]:
    """Return the tables below a folder, or the one file.

    Raises RecipeError for one that is none, or too large: hashing gigabytes of something else takes its time.
    """
    found = tables_below(path) if path.is_dir() else [path]
    for file in found:
        require_table(file)
    return found
