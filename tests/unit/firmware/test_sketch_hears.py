"""A sketch that hears, on this host and on an emulated Cortex-M4: the desk's features, one input after the other."""

from pathlib import Path

import numpy as np
from arduino_projects import MODEL
from hearing_sketch import HEARD, SOUND, heard_project
from places import ROOT
from sounds import chirp
from tflm_library import SHIM

from edgeforge.features.compiled import Features
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.tflite.tensors import to_input

PROGRAMS = ROOT / "tests" / "unit" / "firmware" / "programs"
FLAGS = ("-DARDUINO=10819", f"-I{SHIM}", "-Wall", "-Wextra", "-Werror")


def test_the_sketch_proves_its_features_at_start(toolchain: Toolchain, tmp_path: Path) -> None:
    folder = heard_project(tmp_path)
    sources = [*sorted(folder.rglob("*.c")), *sorted(folder.glob("*.cc")), folder / "heard.ino", SHIM / "arduino.cc"]
    done = toolchain.run(toolchain.link(toolchain.compile(sources, tmp_path / "o", *FLAGS), tmp_path / "program"))
    assert b"PASS: features of one second of sound, byte for byte" in done.stdout
    assert b"PASS: 3 images, largest difference 0 step(s) (allowed 0), 0 input values differ" in done.stdout
    text = (folder / "README.txt").read_text()
    assert "EDGEFORGE_MICROPHONE" in text and "OV7675" not in text
    assert "heard_model_features_take" in (folder / "src" / "features" / "sound_features.c").read_text()


def test_the_microphones_samples_become_the_desks_inputs(toolchain: Toolchain, tmp_path: Path) -> None:
    folder = heard_project(tmp_path)
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
