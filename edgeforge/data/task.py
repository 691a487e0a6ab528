"""What labels are: classes, yes or no, or a value. Said in the recipe, or told by the labels; never guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError, some
from edgeforge.recipe.label_texts import number_in, unclear
from edgeforge.recipe.schema import Data
from edgeforge.results.head import HALF, Head

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Labels:
    """Labels as they are stored: numbers (N), int64 of classes, float64 of a value; and the head that they are of."""

    values: NDArray[Any]
    classes: tuple[str, ...]
    head: Head


def read_labels(labels: Sequence[str], data: Data, where: str, what: str = "image") -> Labels:
    """Return what texts (N) are by data.task. what: an input is called, in messages.

    Raises RecipeError for a label that does not fit the task, and where numbers may be classes or a value.
    """
    import numpy as np

    task = data.task or _told(labels, data, where)
    if task == "value":
        values = [number_in(label) for label in labels]
        if None in values:
            wrong = labels[values.index(None)]
            raise RecipeError(f"{where}: the label '{wrong}' is no number, as data.task: value needs",
                              fix="mend it, or set data.task: classes")  # fmt: skip
        head = Head(data.columns.label, unit=data.unit or "", kind="value", log=data.log)
        return Labels(np.array(values, np.float64), (), head)
    classes = class_names(list(labels), where, data.classes, what)
    numbers = np.array([classes.index(label) for label in labels], np.int64)
    if task in ("classes", "reconstruction"):
        return Labels(numbers, classes, Head("class", classes))
    if len(classes) != 2:
        raise RecipeError(
            f"{where}: data.task: binary, and there are {len(classes)} classes: {', '.join(classes[:5])}",
            fix="set data.task: classes, or leave two",
        )
    threshold = HALF if data.threshold is None else data.threshold
    return Labels(numbers, classes, Head("class", classes, kind="yes_no", threshold=threshold))


def _told(labels: Sequence[str], data: Data, where: str) -> str:
    """Return `classes` unless labels are numbers that may be a value. Raises RecipeError for those."""
    found = unclear(labels)
    if data.classes or not found:
        return "classes"
    fix = "say it: data.task: value, or data.task: classes"
    raise RecipeError(f"{where}: labels are {found}: classes, or a value?", fix=fix)


def class_names(labels: list[str], where: str, given: tuple[str, ...] | None, what: str = "image") -> tuple[str, ...]:
    """Return the classes: those given, or sorted, whole numbers by their value. what: an input is called.

    Raises RecipeError when there are fewer than two, or others than those given.
    """
    counts = Counter(labels)
    if given and set(given) != set(counts):
        unknown, missing = sorted(set(counts) - set(given)), sorted(set(given) - set(counts))
        found = f"has {some(unknown)}" if unknown else f"has no {what} of {some(missing)}"
        raise RecipeError(
            f"{where} {found}, other than data.classes says", fix="name every class there is, and no other"
        )
    if len(counts) < 2:
        found = f"one class only, '{next(iter(counts))}'" if counts else f"no {what} that can be read"
        raise RecipeError(f"{where}: {found}", fix=f"give {what}s of two classes at least")
    if given:
        return given
    numbers = all(label.isdecimal() for label in counts)
    return tuple(sorted(counts, key=lambda label: (int(label) if numbers else 0, label)))
