"""What a sketch needs to hear: the C sources of its features, the detector's settings, and a proof for its start."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.features.compiled import Features, score_step, sources
from edgeforge.features.settings import FeatureSettings
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.tflite.tensor_spec import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "src/features"
EVERY_MS, SMOOTHED, PAUSE_MS, THRESHOLD = 200, 3, 1000, 200  # where no build has chosen them
C_NAMES = re.compile(r"\b(features|detector)_(?=\w)")
MICROPHONE_RATE = 16_000  # of Arduino's PDM library on a Nano 33 BLE Sense


@dataclass(frozen=True)
class Heard:
    """hop: frames from an inference to the next. thresholds: one a class. step: see detector.h. crc: of the features
    of `second_of_sound`. microphone: whether a Nano 33 BLE Sense's can be asked for the rate.
    """

    hop: int
    every_ms: float
    smoothed: int
    pause: int
    thresholds: tuple[int, ...]
    origin: str
    step: int
    crc: int
    microphone: bool


def hearing(preprocessing: Preprocessing, output: TensorSpec, listening: ListeningRow | None) -> Heard | None:
    """Return what a sketch of a model needs to hear; None of a model that takes no sound, or whose outputs are no int8
    logits of one head of classes.
    """
    sound = preprocessing.sound
    head = preprocessing.heads[0]
    if sound is None or output.dtype != "int8" or output.scale is None or len(preprocessing.heads) > 1:
        return None
    if head.kind != "classes" or head.probability:
        return None
    frame_ms = 1000 * sound.stride / sound.rate_hz
    every = listening.every_ms if listening else EVERY_MS
    hop = max(1, round(every / frame_ms))
    limits = tuple(listening.thresholds.get(name, 0) for name in head.classes) if listening else ()
    return Heard(
        hop=hop,
        every_ms=hop * frame_ms,
        smoothed=listening.smoothed if listening else SMOOTHED,
        pause=listening.pause if listening else round(PAUSE_MS / (hop * frame_ms)),
        thresholds=limits or (THRESHOLD,) * len(head.classes),
        origin="Chosen on a continuous recording of the validation clips."
        if listening
        else "The same for every class: no recording has chosen them. A recipe's `listen` does.",
        step=score_step(float(output.scale)),
        crc=zlib.crc32(Features(sound).of_clip(second_of_sound(sound)).tobytes()),
        microphone=sound.rate_hz == MICROPHONE_RATE,
    )


def in_sketch(sound: FeatureSettings, namespace: str) -> dict[str, str]:
    """Return the files of FOLDER, whose C names begin with the project's: two that hear may stand in one sketch."""
    return {name: C_NAMES.sub(rf"{namespace}_\1_", text) for name, text in sources(sound).items()}


def second_of_sound(sound: FeatureSettings) -> NDArray[np.int16]:
    """Return a second of pseudo-random sound, louder and softer, as Hearing::test makes it."""
    import numpy as np

    rate, random, found = sound.rate_hz, 1, []
    for place in range(rate):
        random = (random * 1664525 + 1013904223) & 0xFFFFFFFF
        product = ((random >> 16) - 32_768) * (place * 8 % rate * 255 // rate)
        found.append(abs(product) // 256 * (1 if product > 0 else -1))  # as C divides
    return np.array(found, np.int16)
