"""What labels are: classes, yes or no, or a value. Said in the recipe, or told by the labels; never guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeforge.data.labels import head_labels
from edgeforge.errors import RecipeError, some
from edgeforge.recipe.label_texts import number_in, unclear
from edgeforge.recipe.schema import Data
from edgeforge.results.head import HALF, Head

if TYPE_CHECKING:
    from numpy.typing import NDArray


BETWEEN = "\x1f"  # the labels of several heads, in one text


@dataclass(frozen=True)
class Labels:
    """Labels as they are stored: numbers (N), int64 of classes, float64 of a value; and the head that they are of.

    Of several heads (N,heads) float64; head and classes are those of the first.
    """

    values: NDArray[Any]
    classes: tuple[str, ...]
    head: Head
    further: tuple[Head, ...] = ()

    @property
    def heads(self) -> tuple[Head, ...]:
        """Every head."""
        return (self.head, *self.further)

    @property
    def primary(self) -> NDArray[Any]:
        """The labels of the first head (N), in its type."""
        return head_labels(self.values, self.heads)

    def missing(self, chosen: NDArray[Any]) -> list[str]:
        """Return the classes of any head that none of the chosen inputs has."""
        found = []
        for place, head in enumerate(self.heads):
            if head.classes:
                present = {int(label) for label in head_labels(self.values, self.heads, place)[chosen]}
                found += [
                    f"{head.name} {name}" if self.further else name
                    for number, name in enumerate(head.classes)
                    if number not in present
                ]
        return found


def joined(parts: Iterable[object]) -> str:
    """Return the labels of several heads as one text; whole numbers without a point."""
    return BETWEEN.join(
        str(int(part)) if isinstance(part, float) and part.is_integer() else str(part) for part in parts
    )


def labels_in(y: NDArray[Any], data: Data, where: str) -> NDArray[Any]:
    """Return an array's labels (N): of several heads, whose columns stand in their order, joined texts.

    Raises RecipeError for another number of columns.
    """
    import numpy as np

    if y.dtype.kind == "f" and not np.isfinite(y).all():
        wrong = int((~np.isfinite(y.reshape(len(y), -1))).any(axis=1).sum())
        raise RecipeError(f"{where}: {wrong} of {len(y)} labels are no numbers (NaN or infinite)",
                          fix="leave those inputs out: keep = numpy.isfinite(y); save x[keep] and y[keep]")  # fmt: skip
    if data.heads is None:
        return y.reshape(-1)
    if y.ndim != 2 or y.shape[1] != len(data.heads):
        raise RecipeError(
            f"{where} has the shape {y.shape}, data.heads names {len(data.heads)}: {', '.join(data.heads)}",
            fix=f"give it a column a head, in their order: (N,{len(data.heads)})",
        )
    return np.array([joined(row) for row in y.tolist()])


def told_apart(labels: NDArray[Any], data: Data) -> NDArray[Any] | None:
    """Return what of each label makes stretches of a recording differ: all but values; None where nothing does."""
    import numpy as np

    if data.heads is None:
        return None if data.task == "value" else labels
    kept = [place for place, one in enumerate(data.heads.values()) if one.task != "value"]
    parts = [str(label).split(BETWEEN) for label in labels]
    return np.array([joined(label[place] for place in kept) for label in parts]) if kept else None


def class_columns(labels: Sequence[str], data: Data) -> dict[str, list[str]]:
    """Return the classes of labels (N) by head, `""` of the only one; heads of values are left out."""
    if data.heads is None:
        return {} if data.task == "value" else {"": list(labels)}
    parts = [label.split(BETWEEN) for label in labels]
    return {
        name: [part[place] for part in parts]
        for place, (name, one) in enumerate(data.heads.items())
        if one.task != "value"
    }


def read_labels(labels: Sequence[str], data: Data, where: str, what: str = "image", key: str = "data") -> Labels:
    """Return what texts (N) are by data.task. what: an input is called, in messages; key: of the recipe, with the task.

    Raises RecipeError for a label that does not fit the task, and where numbers may be classes or a value.
    """
    import numpy as np

    if data.heads is not None:
        return _of_several(labels, data, where, what)
    if data.task is None:
        require_told(labels, data, where)
    task = data.task or "classes"
    if task == "value":
        values = [number_in(label) for label in labels]
        if None in values:
            wrong = labels[values.index(None)]
            raise RecipeError(f"{where}: the label '{wrong}' is no number, as {key}.task: value needs",
                              fix=f"mend it, or set {key}.task: classes")  # fmt: skip
        head = Head(data.columns.label, unit=data.unit or "", kind="value", log=data.log)
        return Labels(np.array(values, np.float64), (), head)
    classes = class_names(list(labels), where, data.classes, what)
    numbers = np.array([classes.index(label) for label in labels], np.int64)
    if task in ("classes", "reconstruction"):
        return Labels(numbers, classes, Head("class", classes))
    if len(classes) != 2:
        raise RecipeError(
            f"{where}: {key}.task: binary, and there are {len(classes)} classes: {', '.join(classes[:5])}",
            fix=f"set {key}.task: classes, or leave two",
        )
    threshold = data.threshold if isinstance(data.threshold, float) else HALF  # or chosen after training
    return Labels(numbers, classes, Head("class", classes, kind="yes_no", threshold=threshold))


def _of_several(labels: Sequence[str], data: Data, where: str, what: str) -> Labels:
    """Return the labels of several heads, which `joined` has put into one text each."""
    import numpy as np

    assert data.heads is not None
    columns = list(zip(*(label.split(BETWEEN) for label in labels), strict=True))
    found = []
    for name, column, texts in zip(data.heads, data.labels, columns, strict=True):
        one = read_labels(texts, data.of_head(name, column), f"{where}: {column}", what, f"data.heads.{name}")
        found.append(replace(one, head=replace(one.head, name=name)))
    if len(found) == 1:
        return found[0]
    values = np.stack([one.values.astype(np.float64) for one in found], axis=1)
    return Labels(values, found[0].classes, found[0].head, tuple(one.head for one in found[1:]))


def require_told(labels: Collection[str], data: Data, where: str) -> None:
    """Raise RecipeError where data.task is not said and labels are numbers that may be classes or a value."""
    found = unclear(labels)
    if found and not data.classes:
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
