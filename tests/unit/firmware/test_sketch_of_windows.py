"""A sketch whose sensor gives samples one by one: on an emulated Cortex-M4 its windows are those of the desk."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arduino_projects import BOARDS, digits_facts
from int8_models import Net
from tflm_library import SHIM

from edgeforge.results.preprocessing import Preprocessing, Sampling
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import EMULATED
from edgeforge.targets.arduino.golden_vectors import choose_vectors
from edgeforge.targets.arduino.on_engine.sources import read_sources
from edgeforge.targets.arduino.project import ProjectFacts, c_array, write_project
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.tensors import to_input

AXES, SAMPLES, STRIDE = ("ax", "ay", "az"), 20, 5
WINDOWS = Preprocessing(
    (3, 1, SAMPLES), 1.0, (0.1, -0.2, 1.0), (0.5, 0.25, 2.0), ("rest", "run"), raw_type="float32",
    sampling=Sampling(200.0, STRIDE, AXES),
)  # fmt: skip
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


def motion_facts(folder: Path) -> ProjectFacts:
    net = Net(1, SAMPLES, 3)
    model = folder / "motion.tflite"
    model.write_bytes(net.build(net.dense(net.mean(net.conv(net.input, 8, (1, 5), stride=2)), 2)))
    runner = TFLMRunner(model)
    raw = np.random.default_rng(1).standard_normal((4, *WINDOWS.shape)).astype(np.float32)
    network = compile_model(model.read_bytes(), "motion", Options())
    write_library(network, folder / "library")
    return replace(
        digits_facts(), name="motion", flatbuffer=model.read_bytes(), preprocessing=WINDOWS, input=runner.input,
        outputs=runner.outputs, operators=tuple(operators(model.read_bytes())), arena_bytes=network.shared_bytes,
        boards=BOARDS, vectors=choose_vectors(runner, model, WINDOWS, raw, [""] * 4, 4),
        engine=read_sources(folder / "library", "motion"),
    )  # fmt: skip


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
    facts = re.findall(r"(\d+) samples, late by (\d+) us, at most (\d+) us, missed (\d+) times", text)
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
