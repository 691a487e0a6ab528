"""Reads the raw MATLAB v7.3 files of the MATR data, which are HDF5: batch/{cycle_life, summary, cycles/Qdlin}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeforge.data.sources.matr1.cell import FIRST, LAST, VOLTAGES, Cell, life_at
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause

NOMINAL = 1.1  # Ah
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
        try:
            with h5py.File(path, "r") as file:
                count = file["batch/cycle_life"].shape[0]
                batches.append({n: _cell(file, n, f"b{batch + 1}c{n}", batch == 0) for n in range(count)})
        except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
            raise RecipeError(f"{path} is no MATR batch: {cause(error)}", fix="copy it again") from error
    return batches


def _cell(file: Any, number: int, name: str, first_batch: bool) -> Cell:
    import numpy as np

    def referred(key: str) -> Any:
        return file[file[f"batch/{key}"][number, 0]]

    life = float(np.ravel(referred("cycle_life")[()])[0])
    if not np.isfinite(life):
        life = life_at(np.ravel(referred("summary")["QDischarge"][()]).tolist(), NOMINAL)
    if first_batch:
        life += WENT_ON.get(number, 0)
    cycles = referred("cycles")["Qdlin"]
    columns = []
    for cycle in range(FIRST, LAST + 1):
        place = cycle - 1  # MATLAB counts from 1
        if place >= cycles.shape[0]:  # cells that ended so early are among those left out
            return Cell(name, life, np.zeros((VOLTAGES, LAST - FIRST + 1)))
        column = np.ravel(file[cycles[place, 0]][()]).astype(np.float64)
        columns.append(column if len(column) == VOLTAGES else np.zeros(VOLTAGES))
    return Cell(name, life, np.stack(columns, axis=1))
