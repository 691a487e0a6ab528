"""Cuts recordings into windows: never over a gap in time, a change of label or a sample that is no number."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.windows.lost import Lost, causes, lost_in, remedy_of
from edgeforge.data.sources.windows.recording import Recording
from edgeforge.data.task import class_columns, told_apart
from edgeforge.errors import RecipeError, some
from edgeforge.recipe.recorded_files import UNITS
from edgeforge.recipe.schema import Data
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 0.1  # share by which the time column may differ from data.rate_hz
PLAUSIBLE = (0.01, 50_000)  # rates of sensors, in Hz, that a message names
GAP = 1.5  # sampling intervals, from which on samples are missing


@dataclass(frozen=True)
class Cut:
    """Windows: values (N,samples,axes float32), labels (N texts), recording (N: its place) and where each begins.

    lost: the stretches of recordings that have none.
    """

    values: NDArray[np.float32]
    labels: list[str]
    recording: NDArray[np.int64]
    start: NDArray[np.int64]
    stride: int
    lost: list[Lost] = field(default_factory=list)


def cut(recordings: list[Recording], data: Data, where: str, findings: list[Finding], axes: tuple[str, ...]) -> Cut:
    """Return the windows of all recordings. axes: the names of their values.

    Raises RecipeError where a rate is wrong, and where a class has no window left.
    """
    import numpy as np

    length = recordings[0].values.shape[0] if recordings[0].whole else data.window
    if length is None:
        raise RecipeError(f"{where}: how long a window is is not said", fix="data.window: samples in one, such as 100")
    stride = data.stride or max(length // 2, 1)
    values: list[NDArray[np.float32]] = []
    labels, places, starts = [], [], []
    lost: list[Lost] = []
    broken, gaps, empty = [], [], []
    first_of: dict[tuple[str, str], int] = {}  # rows of an array that say the same recording are of one
    for place, recording in enumerate(recordings):
        group = first_of.setdefault((recording.name, recording.split), place) if recording.whole else place
        finite: NDArray[np.bool_] = np.all(np.isfinite(recording.values), axis=1)
        if not finite.all():
            broken.append(f"{recording.name} ({int((~finite).sum())})")
        gap = _gaps(recording, data, where)
        if gap.any():
            gaps.append(f"{recording.name} ({int(gap.sum())})")
        before = len(values)
        missed = []
        for stretch in _stretches(told_apart(recording.labels, data), len(finite)):
            pieces = _pieces(finite, gap, *stretch)
            longest = max((end - first for first, end in pieces), default=0)
            if longest < length:
                label = str(recording.labels[min(stretch[0], len(recording.labels) - 1)])
                missed.append(
                    lost_in(recording, stretch, label, finite, int(gap[stretch[0] + 1 : stretch[1]].sum()), longest)
                )
            for first, end in pieces:
                for start in range(first, end - length + 1, stride):
                    values.append(recording.values[start : start + length])
                    labels.append(str(recording.labels[min(start + length, len(recording.labels)) - 1]))
                    places.append(group)
                    starts.append(start)
        lost += missed
        empty += missed if len(values) == before else []
    _require_windows(lost, labels, length, data, where, axes)
    if broken and (data.corrupt == "refuse" or not recordings[0].whole):  # of rows the next says it
        _say(findings, data, where, f"{len(broken)} of {len(recordings)} recordings have samples that are no numbers: "
             f"{some(broken)}", "windows over them are left out")  # fmt: skip
    if gaps:
        what = f"data: samples are missing in {len(gaps)} of {len(recordings)} recordings (gaps): {some(gaps)}"
        findings.append(Finding(severity="warning", what=f"{what}; no window is cut over one", remedy="record again"))
    if empty:
        names = dict.fromkeys(one.name for one in empty)
        what = f"data: {len(names)} of {len(recordings)} recordings have no whole window of {length} samples under one "
        what += f"label: {causes(empty)}"
        findings.append(Finding(severity="warning", what=what, remedy=remedy_of(empty, data, axes)))
    return Cut(np.stack(values), labels, np.array(places), np.array(starts), stride, lost)


def _require_windows(
    lost: list[Lost], labels: list[str], length: int, data: Data, where: str, axes: tuple[str, ...]
) -> None:
    """Raise RecipeError for a class, of any head, of which no window is left, and where none is left at all."""
    if not labels:
        raise RecipeError(
            f"{where}: no recording has a whole window of {length} samples: {causes(lost)}",
            fix=remedy_of(lost, data, axes),
        )
    present = class_columns(labels, data)
    for head, column in class_columns([one.label for one in lost], data).items():
        left = set(present[head])
        gone = [(name, one) for name, one in zip(column, lost, strict=True) if name not in left]
        if gone:
            names = sorted({name for name, _ in gone})
            told = "; ".join(f"of '{name}': {causes([one for of, one in gone if of == name])}" for name in names)
            raise RecipeError(
                f"{where}: no window of {length} samples is left {told}",
                fix=f"{remedy_of([one for _, one in gone], data, axes)}; or remove the class",
            )


def _say(findings: list[Finding], data: Data, where: str, what: str, done: str) -> None:
    if data.corrupt == "refuse":
        raise RecipeError(f"{where}: {what}", fix="mend or remove them, or leave them out with data.corrupt: skip")
    findings.append(Finding(severity="warning", what=f"data: {what}; {done}", remedy="mend or remove them"))


def _stretches(labels: NDArray[Any] | None, count: int) -> list[tuple[int, int]]:
    """Return first and end of each stretch under one label of so many samples.

    labels: None: they are values, which change from sample to sample; that of a window is its last sample's.
    """
    import numpy as np

    if labels is None or len(labels) != count:
        return [(0, count)]
    return list(pairwise([0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), count]))


def _pieces(finite: NDArray[np.bool_], gap: NDArray[np.bool_], begin: int, end: int) -> list[tuple[int, int]]:
    """Return first and end of each piece of a stretch: of numbers alone, without a gap before any but its first."""
    import numpy as np

    changes = gap[begin + 1 : end] | (finite[begin + 1 : end] != finite[begin : end - 1])
    edges = [begin, *(begin + 1 + int(place) for place in np.flatnonzero(changes)), end]
    return [(first, last) for first, last in pairwise(edges) if finite[first:last].all()]


def _gaps(recording: Recording, data: Data, where: str) -> NDArray[np.bool_]:
    """Return before which samples (N) others are missing. Raises RecipeError where the time is not data.rate_hz's."""
    import numpy as np

    gap = np.zeros(len(recording.values), bool)
    if recording.time is None or len(gap) < 2 or data.rate_hz is None:
        return gap
    steps = np.diff(recording.time)
    if not np.isfinite(recording.time).all():
        place = int(np.flatnonzero(~np.isfinite(recording.time))[0]) + 1
        raise RecipeError(
            f"{where}: {recording.name}: the time of sample {place} is no number",
            fix="mend that line or remove it; samples evenly taken need no column of time: leave columns.time out",
        )
    if (steps < 0).any():
        place = int(np.flatnonzero(steps < 0)[0]) + 2
        raise RecipeError(
            f"{where}: {recording.name}: the time of sample {place} is before that of the one before",
            fix="sort the samples by time, or name the recording's column in data.columns.recording",
        )
    usual = float(np.median(steps)) * data.rate_hz
    if usual == 0:
        raise RecipeError(
            f"{where}: {recording.name}: its time stands still: most samples have the time of the one before",
            fix="name a column of finer time in data.columns.time, or leave that out: data.rate_hz says the rate",
        )
    unit = next((scale for scale in UNITS.values() if abs(usual / scale - 1) <= NEAR), None)
    if unit is None:
        found = {name: data.rate_hz / usual * scale for name, scale in UNITS.items()}
        rates = ", ".join(
            f"{float(f'{rate:.4g}'):,g} Hz in {name}"
            for name, rate in found.items()
            if PLAUSIBLE[0] < rate < PLAUSIBLE[1]
        )
        raise RecipeError(
            f"{where}: {recording.name}: its time column is not that of {data.rate_hz:g} Hz"
            + (f": that would be {rates}" if rates else ""),
            fix="set data.rate_hz to the recording's, or resample it",
        )
    gap[1:] = steps * data.rate_hz / unit > GAP
    return gap
