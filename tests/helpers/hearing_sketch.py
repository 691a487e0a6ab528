"""A sketch that hears, of the digits model, which takes 8 x 8 too: on the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from arduino_projects import CLASSES, MODEL, digits_facts
from sounds import chirp

from edgeforge.features.compiled import Features
from edgeforge.features.settings import FeatureSettings
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import HeardRow, ListeningRow
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.golden_vectors import choose_vectors
from edgeforge.targets.arduino.on_engine.sources import read_sources
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import Options

SOUND = FeatureSettings("log-mel", 16_000, 480, 320, 8, 125.0, 7500.0)
HEARD = Preprocessing((1, 8, 8), 255.0, (0.5,), (0.2,), CLASSES, sound=SOUND)  # the digits model takes 8 x 8 too
NOTHING = HeardRow(minutes=1, words=0, detected=0, false_alarms=0)
LISTENING = ListeningRow(
    every_ms=100, smoothed=2, pause=4, thresholds=dict.fromkeys(CLASSES, 120), wanted=0.9, validation=NOTHING,
    test=NOTHING,
)  # fmt: skip


def heard_project(folder: Path) -> Path:
    """Write a sketch that hears, on the engine."""
    network = compile_model(MODEL.read_bytes(), "digits", Options())
    write_library(network, folder / "library")
    rows = Features(SOUND).of_clip(chirp()).reshape(-1, 8)
    raw = np.stack([rows[start : start + 8] for start in range(0, 40, 5)])[:, None]
    facts: ProjectFacts = replace(
        digits_facts(),
        name="heard",
        preprocessing=HEARD,
        arena_bytes=network.shared_bytes,
        engine=read_sources(folder / "library", "digits"),
        listening=LISTENING,
        vectors=choose_vectors(TFLMRunner(MODEL), MODEL, HEARD, raw, [""] * len(raw), 3),
    )
    write_project(folder / "heard", facts)
    return folder / "heard"
