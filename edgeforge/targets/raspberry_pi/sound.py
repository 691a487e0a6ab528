"""What a bundle of a network of sound has beside: the features' C sources, the detector's settings, recordings."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.errors import StageFailed
from edgeforge.evaluate.listening.detection import detection_of
from edgeforge.features.compiled import Features, sources
from edgeforge.features.feature_library import second_of_sound
from edgeforge.features.settings import FeatureSettings
from edgeforge.results.files import LISTENING_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.results.variant import shipped_variant
from edgeforge.tflite.flatbuffer import read_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "features"
FLOAT_STEP = 1 / 16  # of logits, where no int8 model says how fine they are


def hearing_facts(job: Job, preprocessing: Preprocessing) -> dict[str, Any]:
    """Return what bundle.json says of how a stream is heard: as the sketch's hearing.h, and `step` of the logits.

    clip: the samples that the network hears at a time. variant: the int8 model that ships, in whose outputs thresholds
    were chosen; missing where there is none.
    """
    path = job.inputs.get("listen")
    listening = ListeningRow.model_validate_json((path / LISTENING_FILE).read_bytes()) if path else None
    detection = detection_of(preprocessing, listening)
    assert detection is not None  # the scripts take one head of classes alone
    facts = {**asdict(detection), "step": FLOAT_STEP, "clip": job.recipe.data.sound.clip_samples}
    try:
        variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    except StageFailed:
        return facts
    return {**facts, "step": _step((folder / str(variant.file)).read_bytes()), "variant": variant.name}


def feature_files(sound: FeatureSettings) -> dict[str, bytes]:
    """Return the C sources that the device compiles, those of every board."""
    return {f"{FOLDER}/{name}": text.encode() for name, text in sources(sound).items()}


def features_of_random_sound(sound: FeatureSettings) -> NDArray[np.uint8]:
    """Return the rows of a second of sound that a device can make itself: louder and softer than recordings are."""
    return Features(sound).of_clip(second_of_sound(sound.rate_hz))


def _step(model: bytes) -> float:
    """Return the scale of an int8 model's outputs."""
    graph = read_model(model).subgraphs[0]
    found = graph.tensors[graph.outputs[0]].quantization
    return float(found.scale[0]) if found is not None and found.scale is not None and len(found.scale) else FLOAT_STEP
