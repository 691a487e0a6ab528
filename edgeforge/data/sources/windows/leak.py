"""Whether a test window holds samples that were trained on: the same values, one after the other."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from edgeforge.data.sources.windows.cut import Cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUN = 8  # samples one after the other, at least
ENOUGH = 80  # bits that a run holds, so that no two of many millions are the same by chance
TELLING = 40  # bits of a whole window, below which equal ones say nothing
LOOKED_AT = 2**18  # samples, by which the bits of one are estimated


def shared_with_training(windows: Cut, training: NDArray[np.bool_], others: NDArray[np.bool_]) -> float:
    """Return the share of `others` of which so many samples on end stand in a training window too as chance gives not.

    Of a coarse signal, such as one lead of an electrocardiogram, that takes more samples than of six noisy axes. 0
    where windows hold too little to tell.
    """
    import numpy as np

    if not others.any():
        return 0.0
    samples = windows.values.shape[1]
    bits = _bits(windows.values)
    if bits * samples < TELLING:
        return 0.0
    run = min(max(RUN, ceil(ENOUGH / bits)), samples)
    known = np.unique(_runs(windows.values[training], run).reshape(-1))
    found = np.isin(_runs(windows.values[others], run), known)
    return float((found & _moving(windows.values[others], run)).any(1).mean())


def _bits(values: NDArray[np.float32]) -> float:
    """Return the bits that one sample (all axes) adds to those before: the entropy of its steps, or of their steps."""
    import numpy as np

    some = values[:: max(1, len(values) * values.shape[1] // LOOKED_AT)].astype(np.float64)
    total = 0.0
    for axis in range(values.shape[2]):
        orders = [np.diff(some[:, :, axis], n=order) for order in range(min(3, values.shape[1]))]
        total += min(_entropy(np.round(order, 9)) for order in orders)
    return total


def _entropy(values: NDArray[np.float64]) -> float:
    import numpy as np

    counts = np.unique(values, return_counts=True)[1]
    return float(np.log2(values.size) - (counts * np.log2(counts)).sum() / values.size)


def _runs(values: NDArray[np.float32], run: int) -> NDArray[np.uint64]:
    """Return a 64-bit number of each run of samples (N,samples-run+1): a polynomial of their bits."""
    import numpy as np

    words = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
    factors = np.random.default_rng(0).integers(1, 2**63, (run, words.shape[2]), np.uint64) | np.uint64(1)
    count = words.shape[1] - run + 1
    total = np.zeros((len(words), count), np.uint64)
    for place in range(run):
        part = words[:, place : place + count] * factors[place]
        total += (part ^ (part >> np.uint64(29))).sum(2, dtype=np.uint64)
    return total


def _moving(values: NDArray[np.float32], run: int) -> NDArray[np.bool_]:
    """Return which runs (N,samples-run+1) are not one sample repeated, as those of a sensor at rest may be.

    Of one that is coarse or slow some samples are as the one before.
    """
    import numpy as np

    changes = np.zeros(values.shape[:2], np.int64)
    changes[:, 1:] = np.cumsum(np.any(np.diff(values, axis=1) != 0, axis=2), axis=1)
    in_run = changes[:, run - 1 :] - changes[:, : values.shape[1] - run + 1]
    moving: NDArray[np.bool_] = in_run >= min(run, RUN) - 1
    return moving
