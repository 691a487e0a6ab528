"""Which smoothing and thresholds: the fewest false alarms among those that detect as many words as is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMOOTHED = (1, 2, 3, 4, 5)  # inferences
THRESHOLDS = tuple(range(30, 256, 9))  # in 255

Hears = Callable[[int, Sequence[int]], "NDArray[np.intc]"]  # smoothing and thresholds → class or -1 at each inference


@dataclass(frozen=True)
class Judged:
    """Of a recording: how many words were detected, how many detections were false, and of which class these were."""

    detected: int
    false: tuple[int, ...]


def judged(found: NDArray[np.intc], ends: NDArray[np.int64], events: NDArray[np.int64], late: int) -> Judged:
    """Return how detections (class or -1, at each inference) agree with what was said.

    ends: the frame that each inference ends with. events: N,3, see data/source.py. A word is detected between its
    beginning and `late` frames after its end, once.
    """
    open_events: dict[int, list[tuple[int, int]]] = {}
    for label, first, last in sorted(map(tuple, events.tolist()), key=lambda event: event[1]):
        open_events.setdefault(label, []).append((first, last))
    detected, false = 0, []
    for place in (found >= 0).nonzero()[0]:
        label, end = int(found[place]), int(ends[place])
        waiting = open_events.get(label, [])
        while waiting and waiting[0][1] + late < end:  # it is too late for the first
            waiting.pop(0)
        if waiting and waiting[0][0] <= end:
            waiting.pop(0)
            detected += 1
        else:
            false.append(label)
    return Judged(detected, tuple(false))


def choose(hears: Hears, judge: Callable[[NDArray[np.intc], int], Judged], words: Sequence[int], classes: int,
           said: int, wanted: float) -> tuple[int, list[int]]:  # fmt: skip
    """Return smoothing and thresholds (0 of a class that is no word). said: how many words the recording has.

    One standard deviation more than `wanted` is asked for: what is chosen here is to be so on another recording.
    """
    needed = min(said, wanted * said + sqrt(said * wanted * (1 - wanted)))
    best: tuple[tuple[float, ...], int, list[int]] | None = None
    for smoothed in SMOOTHED:
        for threshold in THRESHOLDS:
            thresholds = [threshold if place in words else 0 for place in range(classes)]
            result = judge(hears(smoothed, thresholds), smoothed)
            enough = result.detected >= needed
            # Where none detects enough, the one that detects most.
            rank = (0.0, len(result.false), -result.detected) if enough else (1.0, -result.detected, len(result.false))
            if best is None or rank < best[0]:
                best = (rank, smoothed, thresholds)
    assert best is not None
    _, smoothed, thresholds = best
    for word in words:  # a word that is heard where nobody says it is asked for more
        for threshold in (one for one in THRESHOLDS if one > thresholds[word]):
            before = judge(hears(smoothed, thresholds), smoothed)
            if word not in before.false:
                break
            raised = [threshold if place == word else one for place, one in enumerate(thresholds)]
            after = judge(hears(smoothed, raised), smoothed)
            if after.detected < before.detected and after.detected < needed:
                break
            thresholds = raised
    return smoothed, thresholds
