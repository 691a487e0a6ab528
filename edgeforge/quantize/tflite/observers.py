"""Observers: how a tensor's range (min, max) is chosen from its values on the representative dataset.

Each sees one input's values at a time and keeps no activations: `MinMax` and `MovingAverage` two numbers, the others
a histogram over the min-max range that a first pass found. Every range contains zero, which must be exact in int8
(padding, ReLU).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from edgeforge.quantize.tflite.prepared import activations
from edgeforge.quantize.tflite.static import Ranges
from edgeforge.tflite.flatbuffer import operator_name, read_model
from edgeforge.tflite.passing_operators import TIED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeforge.recipe.sections.quantize import ObserverName

Range = tuple[float, float]
BINS = 2048  # as PyTorch's HistogramObserver and TensorRT's calibration have
SHARES = 100  # how many clipped ranges MSE and entropy try
DEFAULT_PERCENTILE = 99.99


class Observer(Protocol):
    """Sees a tensor's values, input by input, and then names its range."""

    def observe(self, values: NDArray[Any]) -> None:
        """Take in the values of one input."""

    def range(self) -> Range:
        """Return (min, max), min <= 0 <= max."""


class MinMax:
    """The smallest and largest value seen."""

    def __init__(self) -> None:
        self.low = self.high = 0.0

    def observe(self, values: NDArray[Any]) -> None:
        """Widen the range."""
        import numpy as np

        # Python's own min() may drop a NaN, which must reach the error message.
        self.low = float(np.minimum(self.low, values.min()))
        self.high = float(np.maximum(self.high, values.max()))

    def range(self) -> Range:
        """Return the range of all values."""
        return self.low, self.high


class MovingAverage:
    """Exponential moving average of the minima and maxima of batches (Jacob et al. 2018, section 3.1).

    weight: of a new batch. batch: inputs; the averages of single inputs would clip far more.
    """

    def __init__(self, weight: float = 0.1, batch: int = 16) -> None:
        self.weight, self.batch = weight, batch
        self.average: Range | None = None
        self.current, self.seen = MinMax(), 0

    def observe(self, values: NDArray[Any]) -> None:
        """Take in one input, and move the averages at the end of a batch."""
        self.current.observe(values)
        self.seen += 1
        if self.seen % self.batch == 0:
            self.average, self.current = self.moved(), MinMax()

    def moved(self) -> Range:
        """Return the averages after the batch at hand."""
        new = self.current.range()
        low, high = self.average or new
        return low + self.weight * (new[0] - low), high + self.weight * (new[1] - high)

    def range(self) -> Range:
        """Return the averages, the last batch included even where it is not full."""
        return self.average if self.average and self.seen % self.batch == 0 else self.moved()


class Histogram:
    """Counts values over a known range; `choose` names the range to keep."""

    def __init__(self, full: Range) -> None:
        import numpy as np

        self.full = full
        self.counts = np.zeros(BINS)

    def observe(self, values: NDArray[Any]) -> None:
        """Count the values of one input."""
        import numpy as np

        # Else `range` returns it as it is: for the error message where it is not finite, and a range so narrow has
        # nothing to choose from.
        if np.isfinite(self.full).all() and self.full[1] - self.full[0] > BINS * np.finfo(np.float32).tiny:
            self.counts += np.histogram(values, BINS, self.full)[0]

    def range(self) -> Range:
        """Return the range chosen, never wider than all values and containing zero."""
        import numpy as np

        if not self.counts.any() or self.full[0] == self.full[1]:
            return self.full
        low, high = self.choose(np.linspace(*self.full, BINS + 1, dtype=np.float64))
        return min(max(low, self.full[0]), 0.0), max(min(high, self.full[1]), 0.0)

    def choose(self, edges: NDArray[np.float64]) -> Range:
        """Return the range to keep, given the edges (BINS + 1) of the bins."""
        raise NotImplementedError

    def clipped(self) -> list[Range]:
        """Return the ranges to try, the widest first: all values up to a share of the largest magnitude."""
        low, high = self.full
        largest = max(-low, high)
        limits = [largest * share / SHARES for share in range(SHARES, 0, -1)]
        return [(max(low, -limit), min(high, limit)) for limit in limits]


class Percentile(Histogram):
    """The middle `percentile` % of all values; half of the others on each side is clipped (McKinstry et al. 2019)."""

    def __init__(self, full: Range, percentile: float = DEFAULT_PERCENTILE) -> None:
        super().__init__(full)
        self.outside = (1 - percentile / 100) / 2

    def choose(self, edges: NDArray[np.float64]) -> Range:
        """Return the edges of the bins in which the two quantiles lie."""
        import numpy as np

        share = np.cumsum(self.counts) / self.counts.sum()
        first = int(np.searchsorted(share, self.outside, side="right"))
        last = int(np.searchsorted(share, 1 - self.outside))
        return float(edges[min(first, BINS - 1)]), float(edges[min(last, BINS - 1) + 1])


class MSE(Histogram):
    """The range with the least mean squared quantization error (Nagel et al. 2021, arXiv:2106.08295, section 3.1)."""

    def __init__(self, full: Range, bits: int = 8) -> None:
        super().__init__(full)
        self.steps = 2**bits - 1

    def choose(self, edges: NDArray[np.float64]) -> Range:
        """Try thresholds of magnitude, then one end and the other."""
        centres = (edges[:-1] + edges[1:]) / 2

        def best(limits: list[Range]) -> Range:
            return min(limits, key=lambda pair: self.error(centres, *pair))

        shares = [share / SHARES for share in range(SHARES, 0, -1)]
        low, high = best(self.clipped())
        for _ in range(2):
            low, high = best([(low, high), *((self.full[0] * share, high) for share in shares)])
            low, high = best([(low, high), *((low, self.full[1] * share) for share in shares)])
        return low, high

    def error(self, centres: NDArray[np.float64], low: float, high: float) -> float:
        """Return the sum of squared errors of values quantized to the steps between low and high."""
        import numpy as np

        scale = (high - low) / self.steps
        if scale == 0.0:
            return float((self.counts * centres**2).sum())
        zero = np.round(-low / scale)
        levels = np.clip(np.round(centres / scale) + zero, 0, self.steps)
        return float((self.counts * ((levels - zero) * scale - centres) ** 2).sum())


class Entropy(Histogram):
    """The range whose 256 levels keep most of the distribution's information (Migacz 2017, TensorRT's calibration).

    The least Kullback-Leibler divergence of the clipped distribution, what lies outside counted at its ends, from
    what 256 levels leave of it. A threshold of magnitude clips both ends, so that it serves ReLU's outputs too.
    """

    levels = 256

    def observe(self, values: NDArray[Any]) -> None:
        """Count the values but exact zeros: no level loses them, and ReLU's many would decide alone."""
        super().observe(values[values != 0])

    def choose(self, edges: NDArray[np.float64]) -> Range:
        """Return the range tried with the least divergence."""
        import numpy as np

        places = (np.array(self.clipped()) - edges[0]) / (edges[1] - edges[0])  # in bins
        tried = [
            (self.divergence(first, last), limits)
            for (first, last), limits in zip(places.round().astype(int), self.clipped(), strict=True)
            if last - first >= self.levels
        ]
        return min(tried, key=lambda pair: pair[0])[1]  # the widest of equals, which comes first

    def divergence(self, first: int, last: int) -> float:
        """Return the divergence (nats) when the bins from first to last are kept."""
        import numpy as np

        kept = self.counts[first:last]
        whole = kept.copy()
        whole[0] += self.counts[:first].sum()
        whole[-1] += self.counts[last:].sum()
        level = np.arange(len(kept)) * self.levels // len(kept)
        filled = kept > 0
        sums = np.bincount(level, kept, self.levels)
        bins = np.bincount(level, filled, self.levels)
        spread = np.where(filled, (sums / np.maximum(bins, 1))[level], 0.0)
        if not spread.any():
            return float("inf")
        there, left = whole / whole.sum(), spread / spread.sum()
        # Outliers counted at an end where nothing lies within cost as much as one value would save.
        left = np.maximum(left, 1e-9)
        positive = there > 0
        return float((there[positive] * np.log(there[positive] / left[positive])).sum())


def calibrate(
    model: bytes,
    inputs: NDArray[Any],
    observer: ObserverName = "minmax",
    *,
    percentile: float = DEFAULT_PERCENTILE,
    bits: int = 8,
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Range]:
    """Return the range of every activation of a prepared float model on the representative dataset.

    inputs: N,C,H,W float32, of several inputs records of such. Observers with a histogram run the model twice. Tensors
    that TFLite only passes on get the range of what they pass on.
    """
    with_histogram: dict[str, Callable[[Range], Observer]] = {
        "percentile": partial(Percentile, percentile=percentile),
        "mse": partial(MSE, bits=bits),
        "entropy": Entropy,
    }
    first = MovingAverage if observer == "moving-average" else MinMax
    ranges = _observed(model, inputs, lambda name: first(), progress)
    if observer in with_histogram:
        full = ranges
        ranges = _observed(model, inputs, lambda name: with_histogram[observer](full[name]), progress)
    return tied(model, ranges)


def tied(model: bytes, ranges: Ranges) -> dict[str, Range]:
    """Return the ranges, made one for all tensors that passing operators join.

    A joined group takes the range of the tensors that are computed, not passed on: of a max-pool its input's, of a
    concatenation that of all its inputs.
    """
    float_model = read_model(model)
    graph = float_model.subgraphs[0]
    groups = {name: {name} for name in ranges}
    passed: set[str] = set()
    for operator in graph.operators:
        if operator_name(float_model, operator) in TIED:
            names = {graph.tensors[place].name.decode() for place in (*operator.inputs, *operator.outputs)} & set(
                ranges
            )
            joined = set().union(*(groups[name] for name in names))
            groups |= dict.fromkeys(joined, joined)
            passed |= {graph.tensors[place].name.decode() for place in operator.outputs}
    computed = {name: group - passed or group for name, group in groups.items()}  # only passed on: of each other
    return {
        name: (min(ranges[member][0] for member in group), max(ranges[member][1] for member in group))
        for name, group in computed.items()
    }


def _observed(
    model: bytes,
    inputs: NDArray[Any],
    new: Callable[[str], Observer],
    progress: Callable[[float], None],
) -> dict[str, Range]:
    import numpy as np

    observers: dict[str, Observer] = {}
    for done, values in enumerate(activations(model, inputs)):
        progress(done / len(inputs))
        for name, value in values.items():
            if value.dtype == np.float32 and value.size:
                if name not in observers:
                    observers[name] = new(name)
                observers[name].observe(value)
    return {name: observer.range() for name, observer in observers.items()}
