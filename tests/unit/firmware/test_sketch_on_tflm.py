"""The whole sketch on the TFLM library that a user has, on this host and on an emulated Cortex-M4.

Such a library comes from no registry that CI reaches: name its folder in EDGEFORGE_TFLM_LIBRARY, for instance
~/Arduino/libraries/Chirale_TensorFLowLite. Its objects are kept in pytest's cache; the first run takes minutes.
"""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arduino_projects import DIGITS, MODEL, digit_images, digits_facts
from board_frames import HELLO, SELF_TEST, TENSOR, answers, frame
from places import DATA
from tflm_library import SHIM, VARIABLE, library_flags, library_folder, link_sketch

from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.targets.arduino.project import write_project
from edgeforge.tflite.tensors import to_input

PER_CHANNEL = DATA / "digits_int8_per_channel_dense.tflite"
LIBRARY = library_folder()
pytestmark = pytest.mark.skipif(
    LIBRARY is None,
    reason=f"{VARIABLE} names no TFLM library: set it to a folder such as ~/Arduino/libraries/Chirale_TensorFLowLite",
)
Sketch = Callable[[Path], Path]


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

    def build(model: Path) -> Path:
        folder = tmp_path_factory.mktemp(model.stem)
        facts = replace(digits_facts(model), arena_bytes=16 * 1024)
        write_project(folder / "digits", facts)
        sources = [*sorted((folder / "digits").glob("*.cc")), folder / "digits" / "digits.ino"]
        return link_sketch(toolchain, library, sources, folder / "program", cache)

    return build


def test_the_generated_classifier_compiles_without_a_warning(
    toolchain: Toolchain, library: Path, tmp_path: Path
) -> None:
    write_project(tmp_path / "digits", digits_facts())
    # The library's own headers are not ours to mend.
    flags = [flag.replace("-I", "-isystem", 1) if str(library) in flag else flag for flag in library_flags(library)]
    sources = [tmp_path / "digits" / name for name in ("classifier.cc", "digits.ino")]
    toolchain.compile(sources, tmp_path / "objects", "-Wall", "-Wextra", "-Werror", *flags)


def test_the_self_test_passes_and_the_board_answers_as_the_desk(toolchain: Toolchain, sketch: Sketch) -> None:
    program = sketch(MODEL)
    images, _ = digit_images()
    runner = TFLMRunner(MODEL)
    tensors = to_input(DIGITS.apply(images[:450]), runner.input)
    sent = frame(HELLO, b"\x01") + b"".join(frame(TENSOR, tensor.tobytes()) for tensor in tensors) + frame(SELF_TEST)
    done = toolchain.run(program, sent, timeout=300)
    text, _, frames = done.stdout.partition(b"\xe5\xf0")
    print(text.decode())
    print(subprocess.run([f"{toolchain.prefix}size", program], capture_output=True, text=True).stdout)
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
    done = toolchain.run(sketch(PER_CHANNEL))
    print(done.stdout.decode())
    found = re.search(rb"FAIL: 8 images, largest difference (\d+) step", done.stdout)
    assert found and int(found[1]) > 1 and b"do not trust its answers" in done.stdout
