"""One recording, as the readers of all formats return it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Recording:
    """Samples one after the other, at one rate but for the gaps that `time` shows.

    name: for messages, such as file:line. values: samples,axes float32. labels: one a sample, as texts. time: one a
    sample in seconds, where it is known. split: train, val, test, or nothing where it is not said. whole: it is one
    window already, as a row of an array is.
    """

    name: str
    values: NDArray[np.float32]
    labels: NDArray[Any]
    time: NDArray[np.float64] | None = None
    split: str = ""
    whole: bool = False
