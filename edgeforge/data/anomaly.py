"""An input again: what a network learns of the normal class alone, and is tested with all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.data.source import Source
from edgeforge.errors import RecipeError
from edgeforge.results.head import USUAL_UNUSUAL, Head
from edgeforge.results.rows.calibration import Finding
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

Sets = dict[str, tuple["NDArray[Any]", "NDArray[Any]"]]  # split → inputs, labels


def reconstruction_head(source: Source) -> Head:
    """Return the head whose outputs are the input (H,W,C); its threshold is chosen after training."""
    channels, height, width = source.images.shape[1:]
    return Head("error", USUAL_UNUSUAL, kind="reconstruction", shape=(height, width, channels))


def normal_alone(sets: Sets, source: Source, normal: str) -> tuple[Sets, Finding]:
    """Return splits with labels 0 normal and 1 anomaly, train and val with the normal class alone; and what was done.

    Anomalies that were drawn for training are tested, where the source has no test split of its own; else left out.
    Raises RecipeError for a class that is not there, or of which a split has no input.
    """
    import numpy as np

    if normal not in source.classes:
        raise RecipeError(
            f"data.normal: there is no class '{normal}'{nearest(normal, source.classes)}",
            fix=f"name one of: {', '.join(source.classes)}",
        )
    number = source.classes.index(normal)
    found: Sets = {}
    apart: list[NDArray[Any]] = []
    for name, (inputs, labels) in sets.items():
        unusual = labels.reshape(len(labels)).astype(np.int64) != number
        if name in ("train", "val"):
            apart.append(inputs[unusual])
            inputs, unusual = inputs[~unusual], unusual[~unusual]
            if not len(inputs):
                raise RecipeError(f"data.normal: no input of '{normal}' in {name}", fix="add some of it")
        found[name] = (inputs, unusual.astype(np.int64))
    others = sum(map(len, apart))
    done = "left out"
    if source.test_images is None:
        inputs, labels = found["test"]
        found["test"] = (np.concatenate([inputs, *apart]), np.concatenate([labels, np.ones(others, np.int64)]))
        done = "tested too"
    tested = found["test"][1]
    if tested.min() == tested.max():
        which = "an anomaly" if not tested.any() else f"'{normal}'"
        raise RecipeError(f"data: no input for testing is {which}", fix="add some, of either kind")
    what = f"data: trained on '{normal}' alone; {others} inputs of other classes drawn for training are {done}; of "
    what += f"{len(tested)} test inputs {int(tested.sum())} are anomalies"
    return found, Finding(severity="note", what=what, remedy="")
