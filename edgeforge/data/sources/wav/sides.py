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
    """Return train, val or test of each: as the lists say that lie with the data, else by speaker, or by file."""
    import numpy as np

    if any(one.split == "test" for one in recorded):
        return [one.split for one in recorded]
    labels = np.array([one.label for one in recorded])
    groups = np.array([one.group for one in recorded])
    sides = np.full(len(recorded), "train", dtype="<U5")
    for name, share, salt in (("test", data.test, 0), ("val", data.validation, 1)):
        if not share or (sides == name).any():
            continue
        kept = np.flatnonzero(sides == "train")
        sides[kept[_apart(labels[kept], groups[kept], share, seed + salt, where)]] = name
    return sides.tolist()


def _apart(labels: NDArray[Any], groups: NDArray[Any], share: float, seed: int, where: str) -> NDArray[Any]:
    """Return the places that are set apart: whole groups, in proportion by class."""
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    count = len(np.unique(groups))
    folds = min(max(2, round(1 / share)), count)  # one of them is set apart
    if folds < 2:
        raise RecipeError(
            f"{where}: {count} speaker or recording is too few to set some apart: nobody is heard on two sides",
            fix="record more people, or at more times; a name is SPEAKER_nohash_N.wav, or each file is its own",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class of few: what is missing is said by who asks
        split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        try:
            apart: NDArray[Any] = next(split.split(np.zeros(len(labels)), labels, groups))[1]
            return apart
        except ValueError as error:
            raise RecipeError(f"{where}: too few recordings to split", fix="record more of each class") from error
