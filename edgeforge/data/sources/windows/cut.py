"""Cuts recordings into windows: never over a gap in time, a change of label or a sample that is no number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.windows.recording import Recording
from edgeforge.data.task import told_apart
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
    """Windows: values (N,samples,axes float32), labels (N texts), recording (N: its place) and where each begins."""

    values: NDArray[np.float32]
    labels: list[str]
    recording: NDArray[np.int64]
    start: NDArray[np.int64]
    stride: int


def cut(recordings: list[Recording], data: Data, where: str, findings: list[Finding]) -> Cut:
    """Return the windows of all recordings. Raises RecipeError where a rate is wrong, or none has a window."""
    import numpy as np

    length = recordings[0].values.shape[0] if recordings[0].whole else data.window
    if length is None:
        raise RecipeError(f"{where}: how long a window is is not said", fix="data.window: samples in one, such as 100")
    stride = data.stride or max(length // 2, 1)
    values, labels, places, starts = [], [], [], []
    short, broken, gaps = [], [], []
    first_of: dict[tuple[str, str], int] = {}  # rows of an array that say the same recording are of one
    for place, recording in enumerate(recordings):
        group = first_of.setdefault((recording.name, recording.split), place) if recording.whole else place
        finite: NDArray[np.bool_] = np.all(np.isfinite(recording.values), axis=1)
        if not finite.all():
            broken.append(f"{recording.name} ({int((~finite).sum())})")
        gap = _gaps(recording, data, where)
        if gap.any():
            gaps.append(f"{recording.name} ({int(gap.sum())})")
        found = 0
        for first, end in _pieces(finite, gap, told_apart(recording.labels, data)):
            for start in range(first, end - length + 1, stride):
                values.append(recording.values[start : start + length])
                labels.append(str(recording.labels[min(start + length, len(recording.labels)) - 1]))
                places.append(group)
                starts.append(start)
                found += 1
        if not found and finite.all():
            short.append(f"{recording.name} ({len(recording.values)})")
    if broken:
        _say(findings, data, where, f"{len(broken)} of {len(recordings)} recordings have samples that are no numbers: "
             f"{some(broken)}", "windows over them are left out")  # fmt: skip
    if gaps:
        what = f"data: samples are missing in {len(gaps)} of {len(recordings)} recordings (gaps): {some(gaps)}"
        findings.append(Finding(severity="warning", what=f"{what}; no window is cut over one", remedy="record again"))
    if short:
        what = f"data: {len(short)} of {len(recordings)} recordings have no whole window of {length} samples under one "
        what += f"label: {some(short)}"
        findings.append(Finding(severity="warning", what=what, remedy="record longer, or lower data.window"))
    if not values:
        raise RecipeError(
            f"{where}: no recording has a whole window of {length} samples: the longest has "
            f"{max(len(one.values) for one in recordings)}",
            fix="record longer, or lower data.window",
        )
    return Cut(np.stack(values), labels, np.array(places), np.array(starts), stride)


def _say(findings: list[Finding], data: Data, where: str, what: str, done: str) -> None:
    if data.corrupt == "refuse":
        raise RecipeError(f"{where}: {what}", fix="mend or remove them, or leave them out with data.corrupt: skip")
    findings.append(Finding(severity="warning", what=f"data: {what}; {done}", remedy="mend or remove them"))


def _pieces(finite: NDArray[np.bool_], gap: NDArray[np.bool_], labels: NDArray[Any] | None) -> list[tuple[int, int]]:
    """Return first and end of each stretch without a gap before a sample, of numbers alone, under one label.

    labels: None: they are values, which change from sample to sample; that of a window is its last sample's.
    """
    import numpy as np

    count = len(finite)
    changes = gap | ~finite
    changes[1:] |= ~finite[:-1]
    if labels is not None and len(labels) == count:
        changes[1:] |= labels[1:] != labels[:-1]
    edges = [0, *(int(place) for place in np.flatnonzero(changes) if place), count]
    return [(first, end) for first, end in pairwise(edges) if finite[first:end].all()]


def _gaps(recording: Recording, data: Data, where: str) -> NDArray[np.bool_]:
    """Return before which samples (N) others are missing. Raises RecipeError where the time is not data.rate_hz's."""
    import numpy as np

    gap = np.zeros(len(recording.values), bool)
    if recording.time is None or len(gap) < 2 or data.rate_hz is None:
        return gap
    steps = np.diff(recording.time)
    if not np.isfinite(steps).all() or (steps < 0).any():
        place = int(np.flatnonzero(~(steps >= 0))[0]) + 1
        raise RecipeError(
            f"{where}: {recording.name}: the time of sample {place} is before that of the one before",
            fix="sort the samples by time, or name the recording's column in data.columns.recording",
        )
    usual = float(np.median(steps)) * data.rate_hz
    unit = next((scale for scale in UNITS.values() if abs(usual / scale - 1) <= NEAR), None)
    if unit is None:
        found = {name: data.rate_hz / usual * scale for name, scale in UNITS.items()} if usual else {}
        rates = ", ".join(
            f"{rate:.4g} Hz in {name}" for name, rate in found.items() if PLAUSIBLE[0] < rate < PLAUSIBLE[1]
        )
        raise RecipeError(
            f"{where}: {recording.name}: its time column is not that of {data.rate_hz:g} Hz"
            + (f": that would be {rates}" if rates else ""),
            fix="set data.rate_hz to the recording's, or resample it",
        )
    gap[1:] = steps * data.rate_hz / unit > GAP
    return gap
