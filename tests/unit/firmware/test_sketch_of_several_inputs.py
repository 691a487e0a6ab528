"""A sketch of a model with several inputs and outputs: on EdgeForge's engine, and on TFLM where one is at hand."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from board_frames import HELLO, RAW, SELF_TEST, TENSOR, answers, frame
from several_ends import picture_and_sensor, raw_values, saved
from tflm_library import SHIM, library_flags, library_folder, link_sketch

from edgeforge.hardware.boards import board
from edgeforge.hardware.libraries import library
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.targets.arduino.golden_vectors import choose_vectors
from edgeforge.targets.arduino.monitor.asking import sent_bytes
from edgeforge.targets.arduino.on_engine.sources import read_sources
from edgeforge.targets.arduino.own.meaning import preprocessing_of
from edgeforge.targets.arduino.own.samples import read_samples
from edgeforge.targets.arduino.own.wishes import wishes_of
from edgeforge.targets.arduino.own_tflite import load_own
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.tensors import of_one_type, to_inputs

FLAGS = ("-DARDUINO=10819", f"-I{SHIM}", "-Wall", "-Wextra", "-Werror")
SAYS = wishes_of(inputs=["picture=-1..1", "sensor=float32:1,0,0,0,0,0,-1/2,2,2,2,2,2,2"], outputs=["size=value:mm"])


@pytest.fixture(params=[False, True], ids=["int8 outputs", "outputs of two types"])
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, ProjectFacts]:
    """A model, and its project's facts, the inputs real ones."""
    path = saved(tmp_path, "both.tflite", picture_and_sensor(real_value=request.param))
    np.savez(tmp_path / "raw.npz", **raw_values())
    model = load_own(path)
    preprocessing, _ = preprocessing_of(model, SAYS)
    samples = read_samples(tmp_path / "raw.npz", preprocessing)
    runner = TFLMRunner(path)
    vectors = choose_vectors(runner, path, preprocessing, samples.raw, [""] * len(samples.raw), 8)
    facts = ProjectFacts(
        name="both",
        flatbuffer=path.read_bytes(),
        preprocessing=preprocessing,
        inputs=runner.inputs,
        outputs=runner.outputs,
        operators=tuple(operators(path.read_bytes())),
        arena_bytes=16 * 1024,
        arena_note="Enough for this test.",
        boards=(board("arduino-nano-33-ble"),),
        vectors=vectors,
        library=library(DEFAULT_LIBRARY),
    )
    return path, facts


def require_the_desk_s_answers(toolchain: Toolchain, program: Path, path: Path, facts: ProjectFacts) -> None:
    """The self-test passes, and raw inputs and tensors over the line have the very bytes of TFLM on this desk."""
    raw = read_samples(path.with_name("raw.npz"), facts.preprocessing).raw
    runner = TFLMRunner(path)
    tensors = to_inputs(facts.preprocessing.apply(raw), runner.inputs)
    sent = frame(HELLO, b"\x01") + frame(SELF_TEST)
    for place in range(len(raw)):
        one = raw[place : place + 1], tensors[place : place + 1]
        sent += frame(RAW, sent_bytes(*one, as_raw=True)) + frame(TENSOR, sent_bytes(*one, as_raw=False))
    done = toolchain.run(program, sent)
    text, _, frames = done.stdout.partition(b"\xe5\xf0")
    assert b"PASS: 8 images, largest difference 0" in text and b"0 input values differ" in text, text
    hello, test, *results = answers(b"\xe5\xf0" + frames)
    assert hello[1][3] == 5, "a record"
    assert struct.unpack_from("<II", hello[1], 4) == (80 + 32, 80 + 8), "each input from a multiple of eight bytes on"
    assert test[1][0] == 1
    wanted = of_one_type(runner.run_raw(tensors), runner.outputs)
    assert len(results) == 2 * len(raw)
    for place, answer in enumerate(wanted):
        for _, payload in results[2 * place : 2 * place + 2]:
            assert payload[4:] == answer.tobytes()


def test_on_the_engine(toolchain: Toolchain, packed: tuple[Path, ProjectFacts], tmp_path: Path) -> None:
    path, facts = packed
    network = compile_model(path.read_bytes(), "both", Options())
    write_library(network, tmp_path / "library")
    engine = read_sources(tmp_path / "library", "both")
    project = tmp_path / "both"
    write_project(project, replace(facts, arena_bytes=network.shared_bytes, engine=engine))
    sources = [*sorted(project.rglob("*.c")), *sorted(project.glob("*.cc")), project / "both.ino", SHIM / "arduino.cc"]
    program = toolchain.link(toolchain.compile(sources, tmp_path / "objects", *FLAGS), tmp_path / "program")
    require_the_desk_s_answers(toolchain, program, path, facts)


@pytest.mark.skipif(library_folder() is None, reason="EDGEFORGE_TFLM_LIBRARY names no TFLM library")
def test_on_tflm(
    toolchain: Toolchain, packed: tuple[Path, ProjectFacts], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path, facts = packed
    folder = library_folder()
    assert folder is not None and request.config.cache is not None
    cache = request.config.cache.mkdir("tflm-several")
    project = tmp_path / "both"
    write_project(project, facts)
    sources = [*sorted(project.rglob("*.cc")), project / "both.ino"]
    toolchain.compile(sources, tmp_path / "strict", *library_flags(folder), "-w")
    program = link_sketch(toolchain, folder, sources, tmp_path / "program", cache)
    require_the_desk_s_answers(toolchain, program, path, facts)
