"""Windows that are an array already: an .npz file with x, y, and what else is known of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.windows.cut import NEAR
from edgeforge.data.sources.windows.recording import Recording
from edgeforge.data.task import labels_in
from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import read_arrays, require_numbers
from edgeforge.inputs.regular import named
from edgeforge.recipe.listed_images import SPLITS
from edgeforge.recipe.schema import Data
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAVED = "save it with numpy.savez(path, x=windows, y=labels, recording=numbers)"
LAYOUTS = "data.layout: ncl is N,axes,time, nlc is N,time,axes"


def read_npz(path: Path, data: Data, findings: list[Finding]) -> tuple[list[Recording], tuple[str, ...]]:
    """Return the rows of x (N,C,L or N,L,C as data.layout says), and of x_val and x_test, and the axes' names.

    y: labels. recording: of each row, the number or name of what it was cut from; rows of one are one group. axes:
    their names. Raises RecipeError for anything else.
    """
    where = f"data.root: {named(path)}"
    arrays = read_arrays(path, "data.root", SAVED)
    _require_rate(arrays.get("rate_hz"), data, where)
    recordings: list[Recording] = []
    told = True
    for suffix, split in (("", ""), ("_val", "val"), ("_test", "test")):
        if f"x{suffix}" not in arrays and suffix:
            continue
        x, y = _pair(arrays, suffix, where, data)
        of = arrays.get(f"recording{suffix}")
        told = told and (of is not None or split != "")
        names = (
            [f"{split or 'x'} row {row}" for row in range(len(x))] if of is None else [f"recording {one}" for one in of]
        )
        if len(names) != len(x):
            raise RecipeError(f"{where}: {len(x)} windows and {len(names)} in recording{suffix}", fix="give one a row")
        _require_same(x, recordings, where)
        own = split or ("train" if "x_test" in arrays else "")
        splits = _splits(arrays.get(f"split{suffix}"), len(x), own, where)
        recordings += [
            Recording(names[row], x[row], y[row : row + 1], None, splits[row], True) for row in range(len(x))
        ]
    if not told and "x_test" not in arrays:
        what = "data: which recording a window is of is not said: each is taken for a recording of its own"
        findings.append(Finding(severity="warning", what=what, remedy="give it in an array `recording`, one a window"))
    count = recordings[0].values.shape[1]
    axes, places = _axes(arrays.get("axes"), count, data, where)
    if places != list(range(count)):
        recordings = [replace(one, values=one.values[:, places]) for one in recordings]
    return recordings, axes


def _require_rate(given: NDArray[Any] | None, data: Data, where: str) -> None:
    """Raise RecipeError where the array `rate_hz`, if there is one, says another rate than the recipe."""
    if given is None or data.rate_hz is None:
        return
    rates = require_numbers(given, f"{where}: rate_hz").reshape(-1)
    if wrong := [float(one) for one in rates if not abs(float(one) / data.rate_hz - 1) <= NEAR]:
        raise RecipeError(
            f"{where}: its array rate_hz says {wrong[0]:g}, data.rate_hz: {data.rate_hz:g}",
            fix="set data.rate_hz to it, or save the file with the right one",
        )


def _pair(arrays: dict[str, NDArray[Any]], suffix: str, where: str, data: Data) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return x (N,time,axes float32) and y (N), of several heads texts."""
    import numpy as np

    for name in (f"x{suffix}", f"y{suffix}"):
        if name not in arrays:
            raise RecipeError(f"{where} has no array '{name}'", fix=f"it holds {', '.join(arrays) or 'none'}; {SAVED}")
    x = require_numbers(arrays[f"x{suffix}"], f"{where}: x{suffix}")
    y = labels_in(arrays[f"y{suffix}"], data, f"{where}: y{suffix}")
    if x.ndim == 2:  # one axis
        x = x[:, None] if data.layout != "nlc" else x[:, :, None]
    elif data.layout is None and x.ndim == 3:
        raise RecipeError(f"{where}: x{suffix} is {x.shape}: which of them is time is not said", fix=LAYOUTS)
    if x.ndim != 3 or len(x) == 0:
        raise RecipeError(
            f"{where}: x{suffix} has the shape {x.shape}", fix=f"give windows of three dimensions: {LAYOUTS}"
        )
    if len(x) != len(y):
        raise RecipeError(f"{where}: {len(x)} windows and {len(y)} labels", fix="give one label a window")
    x = x if data.layout == "nlc" else x.transpose(0, 2, 1)
    if data.window is not None and x.shape[1] != data.window:
        layout = " or the other data.layout" if x.shape[2] == data.window else ""
        raise RecipeError(
            f"{where}: windows of {x.shape[1]} samples, data.window: {data.window}",
            fix=f"leave window out, for an array's are cut already{layout}",
        )
    return x.astype(np.float32), y


def _require_same(x: NDArray[Any], recordings: list[Recording], where: str) -> None:
    if recordings and recordings[0].values.shape != x.shape[1:]:
        raise RecipeError(f"{where}: the splits' windows differ in shape", fix="give all the same axes and samples")


def _splits(given: NDArray[Any] | None, count: int, own: str, where: str) -> list[str]:
    if given is None:
        return [own] * count
    words = [str(one).strip().lower() for one in given]
    wrong = [word for word in words if word not in SPLITS]
    if wrong or len(words) != count:
        raise RecipeError(
            f"{where}: split: '{wrong[0] if wrong else len(words)}'", fix="write train, val or test, one a window"
        )
    return [SPLITS[word] for word in words]


def _axes(given: NDArray[Any] | None, count: int, data: Data, where: str) -> tuple[tuple[str, ...], list[int]]:
    """Return the names of the axes that are taken, and their places: data.axes chooses some, or names them all."""
    own = tuple(f"axis{place}" for place in range(count)) if given is None else tuple(map(str, given.reshape(-1)))
    if len(own) != count:
        raise RecipeError(f"{where}: {count} axes, {len(own)} names: {', '.join(own)}", fix="name every axis once")
    chosen = data.axes or own
    if set(chosen) <= set(own):
        return chosen, [own.index(name) for name in chosen]
    if len(chosen) != count:
        raise RecipeError(
            f"{where}: {count} axes, data.axes names {len(chosen)}: {', '.join(chosen)}",
            fix=f"name every axis once, or choose of {', '.join(own)}",
        )
    return chosen, list(range(count))
