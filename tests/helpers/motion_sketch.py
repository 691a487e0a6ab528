"""A sketch of a small model of windows, on the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from arduino_projects import BOARDS, digits_facts
from int8_models import Net

from edgeforge.results.preprocessing import Preprocessing, Sampling
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.golden_vectors import choose_vectors
from edgeforge.targets.arduino.on_engine.sources import read_sources
from edgeforge.targets.arduino.project import ProjectFacts
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.flatbuffer import operators

AXES, SAMPLES, STRIDE = ("ax", "ay", "az"), 20, 5
WINDOWS = Preprocessing(
    (3, 1, SAMPLES), 1.0, (0.1, -0.2, 1.0), (0.5, 0.25, 2.0), ("rest", "run"), raw_type="float32",
    sampling=Sampling(200.0, STRIDE, AXES),
)  # fmt: skip


def motion_facts(folder: Path, preprocessing: Preprocessing = WINDOWS) -> ProjectFacts:
    """Write the model into a folder; return what its sketch is made of."""
    net = Net(1, SAMPLES, 3)
    model = folder / "motion.tflite"
    model.write_bytes(net.build(net.dense(net.mean(net.conv(net.input, 8, (1, 5), stride=2)), 2)))
    runner = TFLMRunner(model)
    raw = np.random.default_rng(1).standard_normal((4, *WINDOWS.shape)).astype(np.float32)
    network = compile_model(model.read_bytes(), "motion", Options())
    write_library(network, folder / "library")
    return replace(
        digits_facts(), name="motion", flatbuffer=model.read_bytes(), preprocessing=preprocessing,
        inputs=(runner.input,), outputs=runner.outputs,
        operators=tuple(operators(model.read_bytes())), arena_bytes=network.shared_bytes,
        boards=BOARDS, vectors=choose_vectors(runner, model, preprocessing, raw, [""] * 4, 4),
        engine=read_sources(folder / "library", "motion"),
    )  # fmt: skip
