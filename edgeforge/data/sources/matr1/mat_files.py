"""Reads the raw MATLAB v7.3 files of the MATR data, which are HDF5: batch/{cycle_life, summary, cycles/Qdlin}."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.matr1.cell import FIRST, LAST, VOLTAGES, Cell, life_at
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause
from edgeforge.inputs.regular import require_regular

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOMINAL = 1.1  # Ah
LARGEST = 2**34  # bytes of a file: the published ones have some 3 GB
MOST_CELLS, MOST_VALUES = 1000, 10**6  # of a batch; of one cell's cycles, or voltages
# The first five cells of the first batch went on in the second: cycles to add to their lives (the paper's own code).
WENT_ON = {0: 662, 1: 981, 2: 1060, 3: 208, 4: 482}


def read_mat_batches(paths: list[Path]) -> list[dict[int, Cell]]:
    """Return three batches of cells (number in the batch → cell) of three files, whose names begin with their dates.

    Raises RecipeError when there are not three, or one has another structure.
    """
    import h5py

    if len(paths) != 3:
        raise RecipeError(f"{len(paths)} .mat files, not the three batches", fix="copy all three, under their names")
    batches = []
    for batch, path in enumerate(paths):
        require_regular(path, "copy it again", LARGEST)
        try:
            with h5py.File(path, "r") as file:
                count = _inside(file, "batch/cycle_life").shape[0]
                if count > MOST_CELLS:
                    raise RecipeError(f"{path} is no MATR batch: it has {count:,} cells", fix="copy it again")
                batches.append({n: _cell(file, n, f"b{batch + 1}c{n}", batch == 0) for n in range(count)})
        except RecipeError as error:
            raise RecipeError(error.reason if str(path) in error.reason else f"{path}: {error.reason}",
                              fix=error.fix) from error  # fmt: skip
        except (OSError, KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError) as error:
            raise RecipeError(f"{path} is no MATR batch: {cause(error)}", fix="copy it again") from error
    return batches


def _cell(file: Any, number: int, name: str, first_batch: bool) -> Cell:
    import numpy as np

    def referred(key: str) -> Any:
        return file[_inside(file, f"batch/{key}")[number, 0]]

    life = float(_values(referred("cycle_life"))[0])
    if not np.isfinite(life):
        life = life_at(_values(_inside(referred("summary"), "QDischarge")).tolist(), NOMINAL)
    if first_batch:
        life += WENT_ON.get(number, 0)
    cycles = _inside(referred("cycles"), "Qdlin")
    columns = []
    for cycle in range(FIRST, LAST + 1):
        place = cycle - 1  # MATLAB counts from 1
        if place >= cycles.shape[0]:  # cells that ended so early are among those left out
            return Cell(name, life, np.zeros((VOLTAGES, LAST - FIRST + 1)))
        column = _values(file[cycles[place, 0]]).astype(np.float64)
        columns.append(column if len(column) == VOLTAGES else np.zeros(VOLTAGES))
    return Cell(name, life, np.stack(columns, axis=1))


def _inside(group: Any, path: str) -> Any:
    """Return what stands at a path of the file itself. Raises RecipeError where the way leads into another file."""
    import h5py

    for name in path.split("/"):
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            raise RecipeError(f"'{path}' in it is a link to another file", fix="copy it again")
        group = group[name]
    return group


def _values(dataset: Any) -> NDArray[Any]:
    """Return a dataset's numbers in a row; asked for their size first, and for where they lie."""
    import numpy as np

    if dataset.size > MOST_VALUES or dataset.dtype.kind not in "iuf":
        found = f"{dataset.shape} of {dataset.dtype}"
        raise RecipeError(f"'{dataset.name}' in it holds {found}, which no cell's data are", fix="copy it again")
    if dataset.is_virtual or dataset.external:
        raise RecipeError(f"the numbers of '{dataset.name}' in it lie in another file", fix="copy it again")
    return np.ravel(dataset[()])
