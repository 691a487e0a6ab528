"""Sets whole recordings apart for validation and testing, class by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.data.sources.windows.cut import Cut
from edgeforge.data.sources.windows.lost import also_lost, lost_of, remedy_of
from edgeforge.errors import RecipeError, some
from edgeforge.recipe.schema import Data
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def split_recordings(
    windows: Cut,
    strata: NDArray[np.int64],
    names: tuple[str, ...],
    given: NDArray[np.str_],
    data: Data,
    seed: int,
    where: str,
    findings: list[Finding],
    axes: tuple[str, ...] = (),
) -> NDArray[np.str_]:
    """Return train, val or test of each window (N): never of two for one recording.

    strata: N, the class of each window (or part of a value's range), called `names`, kept in proportion by the one
    that is most frequent in a recording. given: N, splits that are said already, which stay. Raises RecipeError for a
    class that occurs in one recording alone: it can be learned or tested, not both.
    """
    import numpy as np

    recordings = np.unique(windows.recording)
    stratum = np.array([np.bincount(strata[windows.recording == one]).argmax() for one in recordings])
    alone = [names[place] for place in np.unique(strata) if len(np.unique(windows.recording[strata == place])) == 1]
    if alone:
        lost = [one for name in alone for one in lost_of(name, windows.lost, data)]
        raise RecipeError(
            f"{where}: one recording alone holds {some(alone)}{also_lost(lost)}: windows of one recording are never on "
            "both sides",
            fix=remedy_of(lost, data, axes) if lost else _more_recordings(data, where),
        )
    said = {int(one): str(given[windows.recording == one][0]) for one in recordings}
    chosen = {one: split for one, split in said.items() if split}
    unvalidated = []
    validated = any(split == "val" for split in chosen.values()) or not data.validation
    for place in np.unique(stratum):
        members = [int(one) for one in recordings[stratum == place] if int(one) not in chosen]
        order = np.random.default_rng((seed, int(place))).permutation(len(members))
        members = [members[at] for at in order]
        test = min(max(round(data.test * len(members)), 1), len(members) - 1)
        left = len(members) - test
        validation = 0 if validated else min(max(round(data.validation * left), 1), left - 1)
        if not validated and validation < 1:
            unvalidated.append(names[place])
        for at, one in enumerate(members):
            chosen[one] = "test" if at < test else "val" if at < test + max(validation, 0) else "train"
    if unvalidated:
        what = f"data: too few recordings of {some(unvalidated)} for validation: training and test have them"
        findings.append(Finding(severity="warning", what=what, remedy="record each class three times at least"))
    return np.array([chosen[int(one)] for one in windows.recording])


def _more_recordings(data: Data, where: str) -> str:
    if where.endswith(".npz"):
        return "record more of it; or give windows from before and after a pause other numbers in the array `recording`"
    if data.columns.recording:
        return f"record more of it, or give what stands behind a pause another name in '{data.columns.recording}'"
    return (
        "record more of it, or cut the recording into several files at a pause; of one file of many recordings "
        "data.columns.recording names the column that tells them apart"
    )
