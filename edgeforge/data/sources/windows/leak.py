"""Whether a test window holds samples that were trained on: the same values, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.data.sources.windows.cut import Cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUN = 8  # samples one after the other, which no two recordings of a real sensor share by chance


def shared_with_training(windows: Cut, training: NDArray[np.bool_], others: NDArray[np.bool_]) -> float:
    """Return the share of `others` of which RUN samples on end, not all the same, stand in a training window too."""
    import numpy as np

    if not others.any():
        return 0.0
    run = min(RUN, windows.values.shape[1])
    known = np.unique(_runs(windows.values[training], run).reshape(-1))
    found = np.isin(_runs(windows.values[others], run), known)
    return float((found & _moving(windows.values[others], run)).any(1).mean())


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
    """Return which runs (N,samples-run+1) are not one sample repeated, as those of a sensor at rest may be."""
    import numpy as np

    change = np.any(np.diff(values, axis=1) != 0, axis=2)
    count = values.shape[1] - run + 1
    if run < 2:
        return np.ones((len(values), count), bool)
    moving: NDArray[np.bool_] = np.all([change[:, place : place + count] for place in range(run - 1)], axis=0)
    return moving
