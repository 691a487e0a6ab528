"""A sketch whose sensor gives samples one by one: on an emulated Cortex-M4 its windows are those of the desk."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motion_sketch import SAMPLES, STRIDE, WINDOWS, motion_facts
from places import ROOT
from tflm_library import SHIM

from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import EMULATED, HOST
from edgeforge.targets.arduino.project import c_array, write_project
from edgeforge.tflite.tensors import to_input

PROGRAMS = ROOT / "tests" / "unit" / "firmware" / "programs"
FLAGS = ("-DARDUINO=10819", f"-I{SHIM}", "-Wall", "-Wextra", "-Werror")
RECORDED = """#include <stdlib.h>
#include "sample.h"
namespace motion_model {{
const float kRecorded[] = {{ {values} }};
const char* beginSample() {{ return nullptr; }}
bool readSample(RawType (&sample)[kChannels]) {{
  static size_t place = 0;
  if (place == sizeof kRecorded / sizeof *kRecorded) exit(0);
  for (RawType& value : sample) value = kRecorded[place++];
  return true;
}}
}}
"""
PRINTED = """if (!classifier.classify(results)) halt(classifier.error());
  for (size_t i = 0; i < motion_model::kOutputValues; ++i)
    printFact(i ? " " : "bytes ", classifier.output()[i] + 128u, "");
  Serial.println();
"""


def test_windows_of_the_ring_are_those_of_the_desk(tmp_path: Path) -> None:
    if reason := EMULATED.missing():
        pytest.skip(reason)
    project = tmp_path / "motion"
    write_project(project, motion_facts(tmp_path))
    samples = np.random.default_rng(2).standard_normal((SAMPLES + 4 * STRIDE + 2, 3)).astype(np.float32)
    (project / "sample.cc").write_text(RECORDED.format(values=c_array(samples)))
    sketch = (project / "motion.ino").read_text()
    (project / "motion.ino").write_text(
        sketch.replace("if (!classifier.classify(results)) halt(classifier.error());\n", PRINTED)
    )
    shim = tmp_path / "arduino.cc"  # until the recording ends, not the serial line
    shim.write_text((SHIM / "arduino.cc").read_text().replace("while (!ended) loop();", "for (;;) loop();"))
    sources = [*sorted(project.rglob("*.c")), *sorted(project.glob("*.cc")), project / "motion.ino", shim]
    done = EMULATED.run(EMULATED.link(EMULATED.compile(sources, tmp_path / "objects", *FLAGS), tmp_path / "program"))
    text = done.stdout.decode()
    assert done.returncode == 0 and "PASS: 4 images, largest difference 0 step(s)" in text, text
    runner = TFLMRunner(tmp_path / "motion.tflite")
    windows = np.stack([samples[start : start + SAMPLES].T[:, None] for start in range(0, 4 * STRIDE + 1, STRIDE)])
    expected = runner.run_raw(to_input(WINDOWS.apply(windows), runner.input)).astype(int) + 128
    found = [[int(one) for one in line.split()[1:]] for line in text.splitlines() if line.startswith("bytes ")]
    assert found == expected.tolist(), text
    facts = re.findall(r"(\d+) samples, late by (\d+) us, at most (\d+) us, lost (\d+)", text)
    assert [int(one[0]) for one in facts] == [SAMPLES, *[STRIDE] * 4] and {one[3] for one in facts} == {"0"}
    assert all(int(one[2]) < 5000 for one in facts)  # a period


def test_the_motion_sensors_are_offered_for_their_axes_alone(tmp_path: Path) -> None:
    facts = motion_facts(tmp_path)
    write_project(tmp_path / "motion", facts)
    text = (tmp_path / "motion" / "sample.cc").read_text()
    assert "readAcceleration" in text and "readGyroscope" not in text and "sample[2] = az * kAcceleration" in text
    assert "Arduino_LSM9DS1" in (tmp_path / "motion" / "sketch.yaml").read_text()
    assert "EDGEFORGE_SENSOR" in (tmp_path / "motion" / "settings.h").read_text()
    other = replace(WINDOWS, sampling=replace(WINDOWS.sampling, axes=("lead1", "lead2", "lead3")))  # type: ignore[type-var]
    write_project(tmp_path / "ecg", replace(facts, name="ecg", preprocessing=other))
    text = (tmp_path / "ecg" / "sample.cc").read_text()
    assert "IMU" not in text and "lead1, lead2, lead3" in text and "bool readSample(" in text
    assert "LSM9DS1" not in "".join(path.read_text() for path in (tmp_path / "ecg").iterdir() if path.is_file())


@pytest.mark.parametrize("thread", [0, 1])
@pytest.mark.parametrize("milliseconds", [2, 18, 60])  # a sample comes every 5, a window every 25
def test_a_model_that_takes_longer_than_a_sample(thread: int, milliseconds: int, tmp_path: Path) -> None:
    """By a thread no sample is lost while the model keeps up; without one the ring goes on, what is lost is told."""
    plain = replace(WINDOWS, mean=(0.0,) * 3, std=(1.0,) * 3)
    write_project(tmp_path / "motion", motion_facts(tmp_path, plain))
    program = tmp_path / "sampling_test.cc"
    program.write_text((PROGRAMS / program.name).read_text().replace("namespace edgeforge", "namespace motion_model"))
    own = [path for path in sorted((tmp_path / "motion").glob("*.cc")) if path.name != "sample.cc"]
    sources = [*sorted((tmp_path / "motion").rglob("*.c")), *own, program]
    flags = (f"-DINFERENCE_MS={milliseconds}", f"-DEDGEFORGE_SAMPLING_THREAD={thread}", f"-I{tmp_path / 'motion'}")
    flags += (f"-I{PROGRAMS / 'threads'}", *(("-DARDUINO_ARCH_MBED",) if thread else ()))
    built = HOST.link(HOST.compile(sources, tmp_path / "objects", *FLAGS, *flags), tmp_path / "program")
    lines = [[int(one) for one in line.split()] for line in HOST.run(built).stdout.decode().splitlines()]
    windows, facts = np.array([line[:SAMPLES] for line in lines]), [line[SAMPLES:] for line in lines]
    assert len(windows) == 5
    each = np.diff(windows, axis=1)
    lost = [one[1] for one in facts]
    if milliseconds < 5 or (thread and milliseconds < 25):
        assert (each == 1).all() and not any(lost)  # every sample, in turn
        assert (np.diff(windows[:, -1]) == STRIDE).all()
    else:  # what was lost, two in a row at most, has the value of the sample after it; more begins the window anew
        assert any(lost) and set(np.unique(each)) <= {0, 1, 2, 3}
        assert (windows[:, -1] - windows[:, 0] < SAMPLES).all()
    if milliseconds < 25:  # a window at each stride all the same
        assert (np.diff(windows[:, -1]) <= STRIDE + 2).all()
