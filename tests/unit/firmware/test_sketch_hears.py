"""A sketch that hears, on this host and on an emulated Cortex-M4: the desk's features, one input after the other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from arduino_projects import CLASSES, MODEL, digits_facts
from places import ROOT
from sounds import chirp
from tflm_library import SHIM

from edgeforge.features.compiled import Features
from edgeforge.features.settings import FeatureSettings
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import HeardRow, ListeningRow
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.targets.arduino.golden_vectors import choose_vectors
from edgeforge.targets.arduino.on_engine.sources import read_sources
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.tensors import to_input

PROGRAMS = ROOT / "tests" / "unit" / "firmware" / "programs"
SOUND = FeatureSettings("log-mel", 16_000, 480, 320, 8, 125.0, 7500.0)
HEARD = Preprocessing((1, 8, 8), 255.0, (0.5,), (0.2,), CLASSES, sound=SOUND)  # the digits model takes 8 x 8 too
NOTHING = HeardRow(minutes=1, words=0, detected=0, false_alarms=0)
LISTENING = ListeningRow(
    every_ms=100, smoothed=2, pause=4, thresholds=dict.fromkeys(CLASSES, 120), wanted=0.9, validation=NOTHING,
    test=NOTHING,
)  # fmt: skip
FLAGS = ("-DARDUINO=10819", f"-I{SHIM}", "-Wall", "-Wextra", "-Werror")


def project(folder: Path) -> Path:
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


def test_the_sketch_proves_its_features_at_start(toolchain: Toolchain, tmp_path: Path) -> None:
    folder = project(tmp_path)
    sources = [*sorted(folder.rglob("*.c")), *sorted(folder.glob("*.cc")), folder / "heard.ino", SHIM / "arduino.cc"]
    done = toolchain.run(toolchain.link(toolchain.compile(sources, tmp_path / "o", *FLAGS), tmp_path / "program"))
    assert b"PASS: features of one second of sound, byte for byte" in done.stdout
    assert b"PASS: 3 images, largest difference 0 step(s) (allowed 0), 0 input values differ" in done.stdout
    text = (folder / "README.txt").read_text()
    assert "EDGEFORGE_MICROPHONE" in text and "OV7675" not in text
    assert "heard_model_features_take" in (folder / "src" / "features" / "sound_features.c").read_text()


def test_the_microphones_samples_become_the_desks_inputs(toolchain: Toolchain, tmp_path: Path) -> None:
    folder = project(tmp_path)
    program = tmp_path / "hearing_test.cc"
    program.write_text((PROGRAMS / program.name).read_text().replace("namespace edgeforge", "namespace heard_model"))
    sources = [*sorted(folder.rglob("*.c")), *sorted(folder.glob("*.cc")), program, SHIM / "arduino.cc"]
    flags = ("-DEDGEFORGE_MICROPHONE=1", f"-I{folder}", f"-I{PROGRAMS / 'microphone'}")
    built = toolchain.link(toolchain.compile(sources, tmp_path / "o", *FLAGS, *flags), tmp_path / "program")
    samples = chirp(20_000)
    done = toolchain.run(built, samples.tobytes())
    assert done.stdout[:1] == b"\x01", "its own test of the features"
    found = np.frombuffer(done.stdout[1:], np.int8).reshape(-1, 8, 8, 1)
    rows = Features(SOUND).of_clip(samples)
    windows = np.stack([rows[end - 8 : end] for end in range(8, len(rows) + 1, 5)])[:, None]
    wanted = to_input(HEARD.apply(windows), TFLMRunner(MODEL).input)
    assert len(found) >= len(wanted) - 1 > 8
    assert (found == wanted[: len(found)]).all()
