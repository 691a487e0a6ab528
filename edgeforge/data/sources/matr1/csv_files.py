"""Reads MATR1 as "revisit-severson-et-al" publishes it: a folder a split, one CSV file a cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.data.sources.matr1.cell import FIRST, LAST, SPLITS, VOLTAGES, Cell
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause
from edgeforge.inputs.regular import require_regular
from edgeforge.inputs.sizes import KIND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_csv_cells(root: Path) -> dict[str, list[Cell]]:
    """Return each split's cells: SPLIT/cellN.csv (1000 voltages, 99 cycles), cycle_lives/SPLIT_cycle_lives.csv.

    Raises RecipeError naming the file that is missing or has another shape.
    """
    cells: dict[str, list[Cell]] = {}
    for split in SPLITS:
        lives = _numbers(root / "cycle_lives" / f"{split}_cycle_lives.csv").reshape(-1)
        cells[split] = []
        for number, life in enumerate(lives, start=1):
            path = root / split / f"cell{number}.csv"
            capacity = _numbers(path)
            if capacity.shape != (VOLTAGES, LAST - FIRST + 1):
                raise RecipeError(
                    f"{path} holds {capacity.shape} numbers, not 1,000 voltages x 99 cycles", fix="copy it again"
                )
            cells[split].append(Cell(f"{split}/cell{number}", float(life), capacity))
    return cells


def _numbers(path: Path) -> NDArray[np.float64]:
    import numpy as np

    require_regular(path, "copy it again", KIND["table"])
    try:
        return np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path} cannot be read: {cause(error)}", fix="copy it again") from error
