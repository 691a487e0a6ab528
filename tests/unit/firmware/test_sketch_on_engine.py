"""The whole sketch on EdgeForge's engine, on this host and on an emulated Cortex-M4: nothing else is needed."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
from arduino_projects import DIGITS, MODEL, digit_images, digits_facts
from board_frames import HELLO, SELF_TEST, TENSOR, answers, frame
from tflm_library import SHIM

from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.targets.arduino.on_engine.sources import read_sources
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.tensors import to_input

FLAGS = ("-DARDUINO=10819", f"-I{SHIM}", "-Wall", "-Wextra", "-Werror")


def engine_facts(folder: Path) -> ProjectFacts:
    """Return the digits project with the engine's library, portable C, in it."""
    network = compile_model(MODEL.read_bytes(), "digits", Options())
    write_library(network, folder / "library")
    return replace(digits_facts(), arena_bytes=network.shared_bytes, engine=read_sources(folder / "library", "digits"))


def test_the_self_test_passes_and_the_board_answers_as_the_desk(toolchain: Toolchain, tmp_path: Path) -> None:
    project = tmp_path / "digits"
    write_project(project, engine_facts(tmp_path))
    assert not (project / "model.cc").exists(), "the .tflite is of no use there"
    sources = [*sorted(project.rglob("*.c")), *sorted(project.glob("*.cc")), project / "digits.ino"]
    sources.append(SHIM / "arduino.cc")
    objects = toolchain.compile(sources, tmp_path / "objects", *FLAGS)
    program = toolchain.link(objects, tmp_path / "program")
    print(subprocess.run([f"{toolchain.prefix}size", program], capture_output=True, text=True).stdout)
    images, _ = digit_images()
    runner = TFLMRunner(MODEL)
    tensors = to_input(DIGITS.apply(images[:20]), runner.input)
    sent = frame(HELLO, b"\x01") + b"".join(frame(TENSOR, tensor.tobytes()) for tensor in tensors) + frame(SELF_TEST)
    done = toolchain.run(program, sent)
    text, _, frames = done.stdout.partition(b"\xe5\xf0")
    assert done.returncode == 0
    assert b"PASS: 8 images, largest difference 0 step(s) (allowed 0), 0 input values differ" in text, text
    hello, *results, test = answers(b"\xe5\xf0" + frames)
    assert b"EdgeForge's engine" in hello[1] and test[1][0] == 1
    outputs = np.stack([np.frombuffer(payload[4:], np.int8) for _, payload in results])
    assert (outputs == runner.run_raw(tensors)).all()


def test_no_library_is_asked_for(tmp_path: Path) -> None:
    write_project(tmp_path / "digits", engine_facts(tmp_path))
    for name in ("sketch.yaml", "platformio.ini", "README.txt", "classifier.cc"):
        text = (tmp_path / "digits" / name).read_text()
        assert "Chirale" not in text and "tensorflow" not in text.lower(), name
