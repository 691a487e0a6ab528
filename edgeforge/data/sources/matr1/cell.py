"""One MATR cell, as the readers of all three formats return it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VOLTAGES = 1000
FIRST, LAST = 2, 100  # cycles
SPLITS = ("train", "test1", "test2")


@dataclass(frozen=True)
class Cell:
    """One battery: its life in cycles, and its discharge capacity (Ah) by voltage and cycle (1000,99)."""

    name: str
    life: float
    capacity: NDArray[np.float64]


def life_at(capacities: list[float], nominal: float) -> float:
    """Return the first cycle (from 1) whose discharge capacity is below 80 % of the nominal one; none: the last."""
    below = (cycle for cycle, capacity in enumerate(capacities, start=1) if capacity < 0.8 * nominal)
    return float(next(below, len(capacities)))
