"""How much of the float model's answers an int8 model keeps: below a floor it is another model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.evaluate.statistics import decibels
from edgeforge.runtimes.load import load_runner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOOR_DB = 15.0  # int8 of sound ranges keeps some 30 dB; here a thirtieth of the signal's power is noise


def sqnr_db(floating: Path, quantized: Path, images: NDArray[np.float32]) -> float | None:
    """Return the SQNR of an int8 model's outputs on images (N,C,H,W float32) in dB; None where they are equal."""
    import numpy as np

    expected, found = (load_runner(path).run(images).astype(np.float64).ravel() for path in (floating, quantized))
    difference = expected - found
    return decibels(float(expected @ expected), float(difference @ difference))


def too_little(name: str, kept_db: float | None, of: str = "") -> str:
    """Return what to tell of a model that keeps less than the floor; empty for one that keeps enough."""
    if kept_db is None or kept_db >= FLOOR_DB:
        return ""
    return f"{name} keeps only {kept_db:.1f} dB of the float model's answers{of} ({FLOOR_DB:g} dB is the least)"
