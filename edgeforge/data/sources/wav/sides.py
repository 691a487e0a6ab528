"""Which side each recording is on: nobody who speaks in training is heard in validation or test."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.wav.folder import Recorded
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sides_of(recorded: list[Recorded], data: Data, seed: int, where: str) -> list[str]:
    """Return train, val or test of each: as the lists say that lie with the data, else by speaker, or by file.

    Raises RecipeError where no class is of enough speakers to be on all sides.
    """
    import numpy as np

    if any(one.split == "test" for one in recorded):
        return [one.split for one in recorded]
    labels = np.array([one.label for one in recorded])
    groups = np.array([one.group for one in recorded])
    sides = np.full(len(recorded), "train", dtype="<U5")
    wanted = [one for one in (("test", data.test, 0), ("val", data.validation, 1)) if one[1]]
    most, needed = max(len(np.unique(groups[labels == name])) for name in np.unique(labels)), len(wanted) + 1
    if most < needed:
        sides_of_all = "training, validation and testing" if needed > 2 else "training and testing"
        without = "; or set data.validation: 0 and train.keep: last" if most == 2 else ""
        raise RecipeError(
            f"{where}: no class has more than {most} of speakers or recordings; {needed} are "
            f"needed, for {sides_of_all}: nobody is heard on two sides",
            fix="record more people, or at more times: a name is SPEAKER_nohash_N.wav, or each file is its own"
            f"{without}",
        )
    for name, share, salt in wanted:
        kept = np.flatnonzero(sides == "train")
        sides[kept[_apart(labels[kept], groups[kept], share, seed + salt)]] = name
    return sides.tolist()


def _apart(labels: NDArray[Any], groups: NDArray[Any], share: float, seed: int) -> NDArray[Any]:
    """Return the places that are set apart: whole groups, in proportion by class; of a class of one group none."""
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    held = {name: len(np.unique(groups[labels == name])) for name in np.unique(labels)}
    folds = min(max(2, round(1 / share)), max(held.values()))  # one of them is set apart
    shared = {name for name, count in held.items() if count > 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class of few
        split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        parts = [apart for _, apart in split.split(np.zeros(len(labels)), labels, groups)]

    def on_one_side(apart: NDArray[Any]) -> int:
        """Return how many of the classes that could be on both sides are on one alone."""
        return len(shared - set(labels[apart])) + len(shared - set(np.delete(labels, apart)))

    chosen = min(parts, key=on_one_side)  # the first of those that are best
    alone = set(labels) - set(np.delete(labels, chosen))  # classes that training would lose
    kept = set(groups[np.isin(labels, list(alone))])
    apart: NDArray[Any] = chosen[~np.isin(groups[chosen], list(kept))]
    return apart
