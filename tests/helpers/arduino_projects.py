"""Arduino projects for tests: of the digits model, and of inputs and outputs of other shapes and types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from places import DATA

from edgeforge.hardware.boards import board
from edgeforge.hardware.libraries import library
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.float_mean import board_runner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.golden_vectors import TestVector, choose_vectors
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import to_input

MODEL = DATA / "digits_int8.tflite"
CLASSES = tuple(map(str, range(10)))
DIGITS = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), CLASSES)
BOARDS = tuple(map(board, ("arduino-nano-33-ble", "esp32-s3")))


def digit_images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return scikit-learn's digits (N,1,8,8) and their labels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images[:, None].astype(np.uint8), digits.target


def digits_facts(model: Path = MODEL, arena_bytes: int = 4096) -> ProjectFacts:
    """Return the facts of a digits model's project, ten real images its candidates for test vectors."""
    runner = TFLMRunner(model)
    images, labels = digit_images()
    flatbuffer = model.read_bytes()
    return ProjectFacts(
        name="digits",
        flatbuffer=flatbuffer,
        preprocessing=DIGITS,
        inputs=runner.inputs,
        outputs=runner.outputs,
        operators=tuple(operators(flatbuffer)),
        arena_bytes=arena_bytes,
        arena_note="Enough for this test.",
        boards=BOARDS,
        vectors=choose_vectors(runner, model, DIGITS, images[:10], [f"class {label}" for label in labels[:10]], 8),
        library=library(DEFAULT_LIBRARY),
    )


def digits_project(folder: Path) -> Path:
    """Write the digits project and return its folder."""
    write_project(folder / "digits", digits_facts())
    return folder / "digits"


def any_project(
    folder: Path, preprocessing: Preprocessing, raw: NDArray[Any], spec: TensorSpec, *outputs: TensorSpec
) -> Path:
    """Write a project whose model takes and gives other types; its model.cc is the digits model all the same."""
    outputs = outputs or (TensorSpec((1, preprocessing.outputs), "int8", 0.1, 3),)
    tensor = to_input(preprocessing.apply(raw[:1]), spec)[0]
    answer = np.resize(np.arange(100), preprocessing.outputs).astype(outputs[0].dtype)
    facts = ProjectFacts(
        name="any",
        flatbuffer=MODEL.read_bytes(),
        preprocessing=preprocessing,
        inputs=(spec,),
        outputs=outputs,
        operators=("CONV_2D",),
        arena_bytes=max(4096, tensor.nbytes),
        arena_note="",
        boards=BOARDS,
        vectors=(TestVector("input 0", raw[0].transpose(1, 2, 0), tensor, answer),),
        library=library(DEFAULT_LIBRARY),
    )
    write_project(folder / "any", facts)
    return folder / "any"


def network_facts(name: str, model: Path, arena_bytes: int = 32 * 1024) -> ProjectFacts:
    """Return the facts of a project around any network of bytes, with pseudo-random test vectors of the library's own
    arithmetic.
    """
    runner = board_runner(model, library(DEFAULT_LIBRARY))
    _, height, width, channels = runner.input.shape
    flatbuffer, classes = model.read_bytes(), tuple(map(str, range(runner.output.shape[-1])))
    preprocessing = Preprocessing((channels, height, width), 255.0, (0.5,) * channels, (0.2,) * channels, classes)
    raw = np.random.default_rng(0).integers(0, 256, (12, channels, height, width), np.uint8)
    return ProjectFacts(
        name=name,
        flatbuffer=flatbuffer,
        preprocessing=preprocessing,
        inputs=runner.inputs,
        outputs=runner.outputs,
        operators=tuple(operators(flatbuffer)),
        arena_bytes=arena_bytes,
        arena_note="Enough for this test.",
        boards=BOARDS,
        vectors=choose_vectors(runner, model, preprocessing, raw, [""] * len(raw), 8),
        library=library(DEFAULT_LIBRARY),
    )


CELL = Preprocessing(
    (1, 8, 8),
    16.0,
    (0.3053,),
    (0.3760,),
    CLASSES,
    heads=(
        Head("digit", CLASSES),
        Head("life", unit="cycles", mean=6.1, std=0.4, log=True),
        Head("ünit?", ('the "nine"', "b\\c")),
        Head("warmth", unit="°C", mean=20.0, std=5.0),
    ),
)

# Every meaning that an output may have, in four output tensors.
MEANINGS = Preprocessing(
    (1, 8, 8),
    16.0,
    (0.3053,),
    (0.3760,),
    CLASSES,
    heads=(
        Head("digit", CLASSES),
        Head("face", ("no face", "face"), kind="yes_no", threshold=0.7),
        Head("place", unit="px", kind="value", shape=(3,), mean=4.0, std=2.0),
        Head("sure", ("no", "yes"), kind="yes_no", threshold=0.25, probability=True, tensor=1),
        Head("again", kind="reconstruction", shape=(8, 8, 1), tensor=2),
        Head("alarm", ("normal", "anomaly"), kind="reconstruction", shape=(8, 8, 1), threshold=9.0, tensor=2),
        Head("ground", ("soil", "leaf", "stone"), kind="map", shape=(4, 5, 3), tensor=3),
        Head("cell", ("none", "cell"), kind="map", shape=(4, 5, 1), threshold=0.6, tensor=3),
    ),
)


def specs_of_meanings(dtype: str) -> tuple[TensorSpec, ...]:
    """Return the output tensors of MEANINGS, each with a scale of its own; floats have none."""
    sizes, scales = (14, 1, 128, 80), ((0.15, -3), (1 / 256, -128), (0.03, 5), (0.021, 11))
    return tuple(
        TensorSpec((1, size), dtype, *((None, None) if dtype == "float32" else scale))
        for size, scale in zip(sizes, scales, strict=True)
    )
