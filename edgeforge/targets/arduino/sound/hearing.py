"""What a sketch needs to hear: the C sources of its features, the detector's settings, and a proof for its start."""

from __future__ import annotations

import re
import zlib
from dataclasses import asdict, dataclass

from edgeforge.evaluate.listening.detection import Detection, detection_of
from edgeforge.features.compiled import Features, sources
from edgeforge.features.feature_library import score_step, second_of_sound
from edgeforge.features.settings import FeatureSettings
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.tflite.tensor_spec import TensorSpec

FOLDER = "src/features"
C_NAMES = re.compile(r"\b(features|detector)_(?=\w)")
MICROPHONE_RATE = 16_000  # of Arduino's PDM library on a Nano 33 BLE Sense


@dataclass(frozen=True)
class Heard(Detection):
    """step: see detector.h. crc: of the features of `second_of_sound`. microphone: whether a Nano 33 BLE Sense's can be
    asked for the rate.
    """

    step: int
    crc: int
    microphone: bool


def hearing(preprocessing: Preprocessing, output: TensorSpec, listening: ListeningRow | None) -> Heard | None:
    """Return what a sketch of a model needs to hear; None of a model that takes no sound, or whose outputs are no int8
    logits of one head of classes.
    """
    sound, detection = preprocessing.sound, detection_of(preprocessing, listening)
    if sound is None or detection is None or output.dtype != "int8" or output.scale is None:
        return None
    return Heard(
        **asdict(detection),
        step=score_step(float(output.scale)),
        crc=zlib.crc32(Features(sound).of_clip(second_of_sound(sound.rate_hz)).tobytes()),
        microphone=sound.rate_hz == MICROPHONE_RATE,
    )


def in_sketch(sound: FeatureSettings, namespace: str) -> dict[str, str]:
    """Return the files of FOLDER, whose C names begin with the project's: two that hear may stand in one sketch."""
    return {name: C_NAMES.sub(rf"{namespace}_\1_", text) for name, text in sources(sound).items()}
