"""Sums over images from which SQNR, cosine and largest error of a tensor follow: no image is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgeforge.evaluate.statistics import decibels
from edgeforge.results.rows.parity import Deviation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLES_AN_IMAGE = 4096  # of a tensor's values, evenly spaced: enough for its 99.9th percentile


@dataclass
class DeviationSums:
    """Adds up how one tensor differs from its float counterpart, image by image."""

    signal: float = 0.0
    noise: float = 0.0
    product: float = 0.0
    other: float = 0.0
    largest: float = 0.0

    def add(self, expected: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        """Take one image's tensor into account."""
        import numpy as np

        a, b = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
        difference = a - b
        self.signal += float(a @ a)
        self.other += float(b @ b)
        self.product += float(a @ b)
        self.noise += float(difference @ difference)
        self.largest = max(self.largest, float(abs(difference).max(initial=0.0)))

    def row(self, scale: float | None) -> Deviation:
        """Return the figures; scale: of the quantized tensor, None for a float one."""
        norms = math.sqrt(self.signal * self.other)
        cosine = 1.0 if self.noise == 0 else self.product / norms if norms else 0.0
        steps = self.largest / scale if scale else None
        return Deviation(
            sqnr_db=decibels(self.signal, self.noise), cosine=cosine, max_error=self.largest, max_steps=steps
        )


@dataclass
class ValueStatistics:
    """The range of a float tensor's values, and what of it a quantized tensor cannot hold."""

    low: float  # what the quantized tensor can hold, half a step beyond its ends included
    high: float
    minimum: float = math.inf
    maximum: float = -math.inf
    outside: int = 0
    clipped: float = 0.0  # sum of squares of what lies beyond the ends
    count: int = 0
    channels: NDArray[np.float64] | None = None  # largest magnitude in each
    samples: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, values: NDArray[np.float32]) -> None:
        """Take one image's tensor (channels last) into account."""
        import numpy as np

        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))
        self.outside += int(((values < self.low) | (values > self.high)).sum())
        beyond = values.astype(np.float64) - np.clip(values, self.low, self.high)
        self.clipped += float(np.square(beyond).sum())
        self.count += values.size
        largest = abs(values).reshape(-1, values.shape[-1] if values.ndim else 1).max(axis=0).astype(np.float64)
        self.channels = largest if self.channels is None else np.maximum(self.channels, largest)
        flat = values.ravel()
        self.samples.append(abs(flat[:: -(-flat.size // SAMPLES_AN_IMAGE)]))

    @property
    def saturation(self) -> float:
        """The share of values outside."""
        return self.outside / self.count if self.count else 0.0

    def outlier_ratio(self) -> float:
        """Return the largest magnitude over the 99.9th percentile of magnitudes; 1 where that is 0."""
        import numpy as np

        usual = float(np.percentile(np.concatenate(self.samples), 99.9))
        return max(abs(self.minimum), abs(self.maximum)) / usual if usual else 1.0

    def channel_spread(self) -> float:
        """Return the largest channel's magnitude over the median channel's; 1 where that is 0."""
        return spread(self.channels)


def spread(magnitudes: NDArray[np.float64] | None) -> float:
    """Return largest over median of the channels that are not all zero."""
    import numpy as np

    if magnitudes is None or not (alive := magnitudes[magnitudes > 0]).size:
        return 1.0
    return float(alive.max() / np.median(alive))
