"""The whole sketch on the TFLM library that a user has, on this host and on an emulated Cortex-M4.

Such a library comes from no registry that CI reaches: name its folder in EDGEFORGE_TFLM_LIBRARY, for instance
~/Arduino/libraries/Chirale_TensorFLowLite. Its objects are kept in pytest's cache; the first run takes minutes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arduino_projects import DIGITS, MODEL, digit_images, digits_facts, network_facts
from board_frames import HELLO, SELF_TEST, TENSOR, answers, frame
from int8_models import Net
from places import DATA
from tflm_library import SHIM, VARIABLE, library_flags, library_folder, link_sketch

from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.tflite.tensors import to_input

PER_CHANNEL = DATA / "digits_int8_per_channel_dense.tflite"
LIBRARY = library_folder()
pytestmark = pytest.mark.skipif(
    LIBRARY is None,
    reason=f"{VARIABLE} names no TFLM library: set it to a folder such as ~/Arduino/libraries/Chirale_TensorFLowLite",
)
Sketch = Callable[..., Path]


@pytest.fixture(scope="module")
def library() -> Path:
    assert LIBRARY is not None
    if not (LIBRARY / "library.properties").is_file():
        pytest.fail(f"{VARIABLE} names {LIBRARY}, which is no Arduino library: it has no library.properties")
    return LIBRARY


@pytest.fixture(scope="module")
def sketch(
    toolchain: Toolchain, library: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Sketch:
    """Return what builds the program of a model's sketch."""
    assert request.config.cache is not None
    known = hashlib.sha256(repr((toolchain.flags, library_flags(library))).encode())
    for path in (library / "library.properties", *sorted(SHIM.iterdir())):
        known.update(path.read_bytes())
    cache = request.config.cache.mkdir(f"tflm-{known.hexdigest()[:12]}")

    def build(facts: ProjectFacts, other: ProjectFacts | None = None, ino: str = "") -> Path:
        folder = tmp_path_factory.mktemp(facts.name)
        project = folder / facts.name
        write_project(project, facts)
        if other:
            write_project(folder / other.name, other)
            unwanted = shutil.ignore_patterns("*.ino", "*.yaml", "*.ini")
            shutil.copytree(folder / other.name, project / "src" / "other", ignore=unwanted)
            (project / f"{facts.name}.ino").write_text(ino)
        sources = [*sorted(project.rglob("*.cc")), project / f"{facts.name}.ino"]
        program = link_sketch(toolchain, library, sources, folder / "program", cache)
        print(subprocess.run([f"{toolchain.prefix}size", program], capture_output=True, text=True).stdout)
        return program

    return build


def of_digits(model: Path) -> ProjectFacts:
    return replace(digits_facts(model), arena_bytes=16 * 1024)


def with_means(folder: Path) -> Path:
    """Return a network of two MEANs, the first with layers behind it, which carry its rounding on."""
    net = Net(12, 10, 3)
    x = net.conv(net.input, 8)
    squeezed = net.operator("RESHAPE", [net.mean(x), net.whole("shape", [1, 1, 1, 8])], (1, 1, 1, 8))
    x = net.conv(net.mul(x, squeezed), 12, stride=2)
    mean = net.mean(x)
    net.graph.tensors[mean].quantization.scale = np.array([0.013], np.float32)  # and one with a scale of its own
    net.graph.tensors[mean].quantization.zeroPoint = np.array([-90])
    (folder / "means.tflite").write_bytes(net.build(net.dense(mean, 6)))
    return folder / "means.tflite"


def test_the_generated_classifier_compiles_without_a_warning(
    toolchain: Toolchain, library: Path, tmp_path: Path
) -> None:
    write_project(tmp_path / "digits", digits_facts())
    # The library's own headers are not ours to mend.
    flags = [flag.replace("-I", "-isystem", 1) if str(library) in flag else flag for flag in library_flags(library)]
    sources = [tmp_path / "digits" / name for name in ("classifier.cc", "digits.ino")]
    toolchain.compile(sources, tmp_path / "objects", "-Wall", "-Wextra", "-Werror", *flags)


def test_the_self_test_passes_and_the_board_answers_as_the_desk(toolchain: Toolchain, sketch: Sketch) -> None:
    program = sketch(of_digits(MODEL))
    images, _ = digit_images()
    runner = TFLMRunner(MODEL)
    tensors = to_input(DIGITS.apply(images[:450]), runner.input)
    sent = frame(HELLO, b"\x01") + b"".join(frame(TENSOR, tensor.tobytes()) for tensor in tensors) + frame(SELF_TEST)
    done = toolchain.run(program, sent, timeout=300)
    text, _, frames = done.stdout.partition(b"\xe5\xf0")
    print(text.decode())
    assert done.returncode == 0
    found = re.search(rb"PASS: 8 images, largest difference (\d+) step\(s\) \(allowed (\d)\), 0 input", text)
    assert found, text
    hello, *results, test = answers(b"\xe5\xf0" + frames)
    assert hello[0] == 0x81 and test[0] == 0x84 and test[1][0] == 1
    outputs = np.stack([np.frombuffer(payload[4:], np.int8) for _, payload in results]).astype(int)
    micros = [struct.unpack("<I", payload[:4])[0] for _, payload in results]
    difference = abs(outputs - runner.run_raw(tensors))
    print(f"{len(results)} images: {(difference.max(1) > 0).sum()} differ, at most {difference.max()} step(s); "
          f"{np.median(micros)} us each")  # fmt: skip
    assert len(results) == 450 and difference.max() <= int(found[2])


@pytest.mark.skipif(not PER_CHANNEL.is_file(), reason="no model with per-channel dense weights")
def test_the_self_test_fails_where_the_library_computes_per_channel_dense_wrongly(
    toolchain: Toolchain, library: Path, sketch: Sketch
) -> None:
    if "version=2.0.0" not in (library / "library.properties").read_text():
        pytest.skip("of Chirale_TensorFLowLite 2.0.0 alone it is known that it computes such layers wrongly")
    done = toolchain.run(sketch(of_digits(PER_CHANNEL)))
    print(done.stdout.decode())
    found = re.search(rb"FAIL: 8 images, largest difference (\d+) step", done.stdout)
    assert found and int(found[1]) > 1 and b"do not trust its answers" in done.stdout


def test_a_mean_is_the_librarys_own(toolchain: Toolchain, sketch: Sketch, tmp_path: Path) -> None:
    """Its 32-bit floats are the goldens': no step of tolerance, where TFLM's own answers are several off."""
    facts = network_facts("means", with_means(tmp_path))
    assert facts.library.tolerance(facts.operators) == 0
    tflm = TFLMRunner(tmp_path / "means.tflite")
    off = [abs(tflm.run_raw(vector.tensor[None])[0].astype(int) - vector.output).max() for vector in facts.vectors]
    done = toolchain.run(sketch(facts))
    print(done.stdout.decode(), f"TFLM of today is up to {max(off)} step(s) off")
    assert max(off) > 0
    assert b"PASS: 8 images, largest difference 0 step(s) (allowed 0), 0 input values differ" in done.stdout


TWO_MODELS = """
#include <Arduino.h>
#include "classifier.h"
#include "selftest.h"
#include "test_vectors.h"
#include "src/other/classifier.h"
#include "src/other/selftest.h"
#include "src/other/test_vectors.h"

digits_model::Classifier digits;
means_model::Classifier means;

void setup() {
  Serial.begin(digits_model::kBaud);
  if (!digits.begin()) Serial.println(digits.error());
  if (!means.begin()) Serial.println(means.error());
  for (int turn = 0; turn < 2; ++turn) {  // one's arena is not the other's
    Serial.println(digits_model::runSelfTest(digits, digits_model::kTestVector, digits_model::kTestVectors).pass());
    Serial.println(means_model::runSelfTest(means, means_model::kTestVector, means_model::kTestVectors).pass());
  }
}

void loop() { Serial.available(); }  // the emulated board ends with its input
"""


def test_two_models_in_one_sketch(toolchain: Toolchain, sketch: Sketch, tmp_path: Path) -> None:
    program = sketch(of_digits(MODEL), network_facts("means", with_means(tmp_path)), TWO_MODELS)
    done = toolchain.run(program)
    assert done.stdout.split() == [b"1", b"1", b"1", b"1"], done.stdout
