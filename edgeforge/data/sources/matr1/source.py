"""MATR1: real lithium-ion cells and how many cycles each lasted (Severson et al. 2019, doi:10.1038/s41560-019-0356-8).

The input is the discharge capacity as a function of voltage, of cycles 2 to 100, each cycle minus cycle 10: the form
of "revisit-severson-et-al" and BatteryML, thinned to every tenth voltage, since 1,000 would not fit a microcontroller.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.data.sources.matr1.cell import FIRST, SPLITS, Cell
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.results.head import Head

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EVERY = 10  # voltages
EARLY = 10  # the cycle from which changes are counted
# A difference of capacity beyond these (Ah) is a fault of the measurement: the cells hold 1.1 Ah and the worst of
# them has lost 0.14 by cycle 100.
LOWEST, HIGHEST = -0.2, 0.05
SCALE = 0.003  # Ah
LONG_LIVED = 550  # cycles: the threshold of the paper's classification
LEFT_OUT = 148  # cycles: one test cell that the published split leaves out


def load_matr1(job: Job) -> Source:
    """Return inputs (41,1,100,99 float32) with the heads `life` and `long_lived`.

    The test split is MATR1's 42 cells; MATR2's 40 are a further one.

    Raises RecipeError when the folder holds none of the formats, or a file of it cannot be read.
    """
    import numpy as np

    root = job.files[USER_DATA]
    cells = read_cells(root)
    if min(len(cells[split]) for split in SPLITS) == 0:
        found = ", ".join(f"{len(cells[split])} in {split}" for split in SPLITS)
        raise RecipeError(f"data.root: {root}: cells are missing: {found}", fix="copy the whole data set again")
    cells["test1"] = [cell for cell in cells["test1"] if cell.life != LEFT_OUT]
    inputs = {split: np.stack([matrix(cell.capacity) for cell in cells[split]])[:, None] for split in SPLITS}
    labels = {split: np.array([[c.life, c.life >= LONG_LIVED] for c in cells[split]], np.float64) for split in SPLITS}
    return Source(
        images=inputs["train"],
        labels=labels["train"],
        test_images=inputs["test1"],
        test_labels=labels["test1"],
        classes=(),
        raw_max=1.0,
        heads=(
            Head("life", unit="cycles", log=True),
            Head("long_lived", (f"below {LONG_LIVED} cycles", f"{LONG_LIVED} cycles or more")),
        ),
        further={"matr2": (inputs["test2"], labels["test2"])},
    )


def matrix(capacity: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the input (100,99): every tenth voltage, relative to cycle 10, faults masked, as asinh(change / 3 mAh).

    asinh is a logarithm of large changes and linear in small ones. The logarithm of life falls with the logarithm of
    the change (the paper's variance model), and changes span two decades, which 8 bits would not hold otherwise.
    """
    import numpy as np

    change = capacity[::EVERY] - capacity[::EVERY, EARLY - FIRST, None]
    change = np.where((change < LOWEST) | (change > HIGHEST) | ~np.isfinite(change), 0.0, change)
    return np.arcsinh(change / SCALE).astype(np.float32)


def matr1_files(root: Path, data: Data | None = None) -> list[Path]:
    """Return the files that the source reads, in whatever format they are. Raises RecipeError when there are none."""
    for pattern in ("cycle_lives/*_cycle_lives.csv", "*.pkl", "*.mat"):
        files = sorted(root.glob(pattern))
        if files:
            return files + (sorted(root.glob("t*/cell*.csv")) if pattern.endswith(".csv") else [])
    raise RecipeError(
        f"data.root: {root} holds no MATR1",
        fix="give it train/, test1/, test2/ and cycle_lives/ (csv), BatteryML's MATR_*.pkl, or the three .mat files",
    )


def read_cells(root: Path) -> dict[str, list[Cell]]:
    """Return the cells of `train`, `test1` and `test2`, from whichever format the files have."""
    kind = matr1_files(root)[0].suffix
    if kind == ".csv":
        from edgeforge.data.sources.matr1.csv_files import read_csv_cells

        return read_csv_cells(root)
    if kind == ".pkl":
        from edgeforge.data.sources.matr1.pickles import read_pickled_batches as read
    else:
        from edgeforge.data.sources.matr1.mat_files import read_mat_batches as read
    return published_split(read(matr1_files(root)))


# Cells that did not reach 80 % of their capacity, or whose channels were noisy, as the paper's own code leaves out.
EXCLUDED = ((8, 10, 12, 13, 22), (7, 8, 9, 15, 16), (2, 23, 32, 37, 42, 43))


def published_split(batches: list[dict[int, Cell]]) -> dict[str, list[Cell]]:
    """Return the published split of three batches (number in the batch → cell).

    Of the first two batches every second cell, beginning with the second, is for training and the others for testing,
    the last one too; the third batch is the second test set.
    """
    kept = [
        [batch[number] for number in sorted(batch) if number not in excluded]
        for batch, excluded in zip(batches, EXCLUDED, strict=True)
    ]
    early = [*kept[0], *kept[1]]
    last = [early[-1]] if len(early) % 2 == 0 else []
    return {"train": early[1:-1:2], "test1": early[::2] + last, "test2": kept[2]}
