"""How answers on a stream of sound become detections: as a build has chosen, or the same for every class."""

from __future__ import annotations

from dataclasses import dataclass

from edgeforge.results.pace import EVERY_MS
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import ListeningRow

SMOOTHED, PAUSE_MS, THRESHOLD = 3, 1000, 200  # where no build has chosen them


@dataclass(frozen=True)
class Detection:
    """hop: frames from an inference to the next. smoothed and pause: inferences. thresholds: one a class, in 255."""

    hop: int
    every_ms: float
    smoothed: int
    pause: int
    thresholds: tuple[int, ...]
    origin: str


def detection_of(preprocessing: Preprocessing, listening: ListeningRow | None) -> Detection | None:
    """Return how detections are made; None of a model without sound, or whose outputs are no logits of classes."""
    sound, head = preprocessing.sound, preprocessing.heads[0]
    if sound is None or len(preprocessing.heads) > 1 or head.kind != "classes" or head.probability:
        return None
    frame_ms = 1000 * sound.stride / sound.rate_hz
    hop = max(1, round((listening.every_ms if listening else EVERY_MS) / frame_ms))
    limits = tuple(listening.thresholds.get(name, 0) for name in head.classes) if listening else ()
    return Detection(
        hop=hop,
        every_ms=hop * frame_ms,
        smoothed=listening.smoothed if listening else SMOOTHED,
        pause=listening.pause if listening else round(PAUSE_MS / (hop * frame_ms)),
        thresholds=limits or (THRESHOLD,) * len(head.classes),
        origin="Chosen on a continuous recording of the validation clips."
        if listening
        else "The same for every class: no recording has chosen them. A recipe's `listen` does.",
    )
