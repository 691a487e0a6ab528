"""How much of the float model's answers an int8 model keeps: below a floor it is another model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.evaluate.statistics import decibels
from edgeforge.runtimes.load import load_runner
from edgeforge.runtimes.runner import Runner
from edgeforge.tflite.tensors import as_records

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOOR_DB = 15.0  # int8 of sound ranges keeps some 30 dB; here a thirtieth of the signal's power is noise


def sqnr_db(floating: Path, quantized: Path, images: NDArray[Any]) -> float | None:
    """Return the SQNR of an int8 model's outputs on images (N,C,H,W float32; of several inputs records of such, in the
    int8 model's order) in dB; None where they are equal.
    """
    import numpy as np

    expected, found = (_run(load_runner(path), images).astype(np.float64).ravel() for path in (floating, quantized))
    difference = expected - found
    return decibels(float(expected @ expected), float(difference @ difference))


def _run(runner: Runner, images: NDArray[Any]) -> NDArray[np.float32]:
    """Run a model whose inputs may stand in another order."""
    names = images.dtype.names
    if names and set(names) == set(runner.names):
        images = as_records({name: images[name] for name in runner.names})
    return runner.run(images)


def too_little(name: str, kept_db: float | None, of: str = "") -> str:
    """Return what to tell of a model that keeps less than the floor; empty for one that keeps enough."""
    if kept_db is None or kept_db >= FLOOR_DB:
        return ""
    return f"{name} keeps only {kept_db:.1f} dB of the float model's answers{of} ({FLOOR_DB:g} dB is the least)"
