"""Each module of the Arduino project that needs no TFLM, compiled for this host and for a Cortex-M4 (run in QEMU).

A C++ program a module reads what Python computed of real data from input.bin; what it prints is compared here.
"""

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arduino_projects import (
    CELL,
    CLASSES,
    MEANINGS,
    any_project,
    digit_images,
    digits_facts,
    digits_project,
    specs_of_meanings,
)
from board_frames import ERROR, HELLO, RAW, SELF_TEST, SILENCE, STATE, TENSOR, answers, frame
from numpy.typing import NDArray
from PIL import Image
from places import ROOT
from raspberry_pi_bundle import on_path

from edgeforge.data.pixels import fitted, model_pixels
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.arduino.camera import axes
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.targets.arduino.project import namespace_of
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import from_output, from_outputs, to_input

PROGRAMS = Path(__file__).parent / "programs"
SHIM = ROOT / "firmware" / "emulator" / "arduino"
WARNINGS = ("-Wall", "-Wextra", "-Werror")
Program = Callable[..., bytes]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def run(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Compile a test program with a project's modules, run it, and return its output.

    The test programs know a project's namespace as `edgeforge`; its classifier.cc finds programs/tflm in TFLM's place.
    """
    linked: dict[tuple[str, Path], Path] = {}

    def run(name: str, project: Path, modules: tuple[str, ...], given: bytes, *flags: str) -> bytes:
        if (name, project) not in linked:
            sources = [PROGRAMS / f"{name}.cc", *(project / f"{module}.cc" for module in modules)]
            if "classifier" in modules:
                sources.append(PROGRAMS / "fake_tflm.cc")
            folder = tmp_path_factory.mktemp(name)
            flags = (*flags, f"-I{project}", f"-I{PROGRAMS}", f"-I{PROGRAMS / 'tflm'}", f"-I{SHIM}")
            flags = (f"-Dedgeforge={namespace_of(project.name)}", *flags)
            objects = toolchain.compile(sources, folder, *WARNINGS, *flags)
            linked[name, project] = toolchain.link(objects, folder / name)
        done = toolchain.run(linked[name, project], given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_every_source_compiles_without_a_warning(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    """classifier.cc with stand-ins for TFLM's headers; with TFLM's own in test_sketch_on_tflm.py."""
    sources = sorted(project.glob("*.cc"))
    assert len(sources) > 9
    flags = (f"-I{project}", f"-I{PROGRAMS}", f"-I{PROGRAMS / 'tflm'}", f"-I{SHIM}")
    toolchain.compile(sources, tmp_path, *WARNINGS, "-Wconversion", *flags)


def test_the_sketch_compiles_without_a_warning(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    toolchain.compile([project / "digits.ino"], tmp_path, *WARNINGS, f"-I{project}", f"-I{SHIM}")


def photographs() -> NDArray[np.uint8]:
    """Return crops of scikit-learn's photographs (N,3,16,16)."""
    from sklearn.datasets import load_sample_images

    crops = [image[y : y + 16, 200:216] for image in load_sample_images().images for y in range(0, 400, 40)]
    return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2))


def measurements() -> NDArray[np.float32]:
    """Return real sensor-like values of wide ranges (N,1,1,30), and some that are extreme."""
    from sklearn.datasets import load_breast_cancer

    rows = load_breast_cancer().data.astype(np.float32)[:, None, None, :]
    extreme = np.resize(np.array([0.0, -0.0, 1e-30, -1e30, 1e30, np.inf, -np.inf, 254.8, 12.34], np.float32), 30)
    return np.concatenate([rows, extreme[None, None, None]])


COLOUR = Preprocessing((3, 16, 16), 255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), CLASSES)
SENSOR = Preprocessing((1, 1, 30), 1.0, (61.9,), (228.4,), CLASSES, raw_type="float32")
INT8 = TensorSpec((1,), "int8", 0.0186584, -14)


@pytest.mark.parametrize(
    ("preprocessing", "spec"),
    [
        (CELL, INT8),
        (COLOUR, INT8),
        (COLOUR, TensorSpec((1,), "uint8", 0.0171, 120)),
        (COLOUR, TensorSpec((1,), "int16", 8.1e-05, 0)),
        (COLOUR, TensorSpec((1,), "float32")),
        (SENSOR, TensorSpec((1,), "int8", 0.0731, -120)),
        (SENSOR, TensorSpec((1,), "float32")),
    ],
    ids=lambda value: f"{value.raw_type}x{value.shape[0]}" if isinstance(value, Preprocessing) else value.dtype,
)
def test_preparation_is_the_desks_for_every_value(
    run: Program, tmp_path: Path, preprocessing: Preprocessing, spec: TensorSpec
) -> None:
    if preprocessing is SENSOR:
        raw: NDArray[Any] = measurements()
    else:
        # Every byte in every channel, then real images.
        _, channels, height, width = (images := photographs() if channels_of(preprocessing) == 3 else digits()).shape
        every = np.resize(
            np.repeat(np.arange(256, dtype=np.uint8), channels), (-(-256 // (height * width)), height, width, channels)
        )
        raw = np.concatenate([every.transpose(0, 3, 1, 2), images])
    project = any_project(tmp_path, preprocessing, raw, spec)
    answer = run("preprocess_test", project, ("preprocess",), raw.transpose(0, 2, 3, 1).tobytes())
    wanted = to_input(preprocessing.apply(raw), spec)
    assert answer == wanted.tobytes()


def channels_of(preprocessing: Preprocessing) -> int:
    return preprocessing.shape[0]


def digits() -> NDArray[np.uint8]:
    return digit_images()[0][:200]


def test_c_resizes_to_the_bytes_of_training(run: Program, project: Path) -> None:
    """`pixels.fitted` resizes what training reads and what the Raspberry Pi sees; resize.cc with the desk's tables."""
    generator = np.random.default_rng(3)
    given, wanted = b"", b""
    for case in range(60):
        width, height, to_width, to_height = (int(size) for size in generator.integers(1, 161, 4))
        channels = (1, 3)[case % 2]
        if case < 4:  # the camera's own frames
            (width, height), (to_width, to_height) = (160, 120), ((96, 96), (28, 28), (160, 120), (48, 64))[case]
        image = generator.integers(0, 256, (height, width, channels), np.uint8)
        if case % 5 == 0:
            image[image > 99] = 255  # no sum of weights leaves its range
        columns, rows = axes((width, height), (to_width, to_height))
        given += struct.pack("<7I", width, height, channels, to_width, columns.taps, to_height, rows.taps)
        given += b"".join(
            table.astype(kind).tobytes()
            for axis in (columns, rows)
            for table, kind in ((axis.first, "<u2"), (axis.weights, "<u4"))
        )
        given += image.tobytes()
        picture = Image.fromarray(image if channels == 3 else image[..., 0])
        wanted += np.asarray(fitted(picture, to_width, to_height)).tobytes()
    assert run("resize_test", project, ("resize",), given) == wanted


@pytest.mark.parametrize("channels", [1, 3], ids=["gray", "colour"])
def test_a_camera_frame_becomes_the_input_of_training(run: Program, tmp_path: Path, channels: int) -> None:
    """From the OV7675's bytes to the input tensor, through the sketch's own sensor.cc: no byte is another."""
    from sklearn.datasets import load_sample_images

    photograph = load_sample_images().images[1][:240:2, :320:2]  # 120,160,3
    noise = np.random.default_rng(0).integers(0, 256, photograph.shape, np.uint8)
    preprocessing = Preprocessing((channels, 30, 48), 255.0, (0.4,) * channels, (0.2,) * channels, CLASSES)
    sent, wanted = b"", b""
    for image in map(Image.fromarray, (photograph, noise)):
        if channels == 1:
            seen = image.convert("L")
            sent += seen.tobytes()
        else:
            red, green, blue = (np.asarray(image)[..., place].astype(int) for place in range(3))
            packed = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
            sent += packed.astype(">u2").tobytes()  # the high byte comes first
            depths = ((packed >> 11, 31), (packed >> 5 & 63, 63), (packed & 31, 31))
            seen = Image.fromarray(np.stack([np.rint(part * 255 / most) for part, most in depths], 2).astype(np.uint8))
        wanted += to_input(preprocessing.apply(model_pixels(seen, preprocessing.shape)[None]), INT8).tobytes()
    project = any_project(tmp_path, preprocessing, np.zeros((1, channels, 30, 48), np.uint8), INT8)
    modules = ("sensor", "resize", "classifier", "preprocess", "test_vectors", "heads", "results", "model")
    found = run("camera_test", project, modules, sent, "-DEDGEFORGE_OV7675=1", f"-I{PROGRAMS / 'camera'}")
    assert len(found) == len(wanted) and found == wanted


def test_a_frame_that_no_pixel_of_is_lost_keeps_its_bytes() -> None:
    columns, rows = axes((160, 120), (160, 120))
    assert (columns.taps, rows.taps) == (1, 1) and (columns.weights == 1 << 22).all()


CLASSIFIER = ("classifier", "preprocess", "test_vectors", "heads", "results", "model")
WRONG_ORDER = """\
before begin: begin() has not been called.
schema: Model and TFLM library disagree on the schema. Use a newer library, see README.txt.
  used anyway: Model and TFLM library disagree on the schema. Use a newer library, see README.txt.
operator: The TFLM library refuses an operator. Install the library that README.txt names.
  used anyway: The TFLM library refuses an operator. Install the library that README.txt names.
tensors: The tensors do not fit, or an operator is refused: TFLM's line above says which. Raise kArenaBytes in \
settings.h, or install the library that README.txt names.
  used anyway: The tensors do not fit, or an operator is refused: TFLM's line above says which. Raise kArenaBytes in \
settings.h, or install the library that README.txt names.
another model: model.cc and settings.h are of different models. Copy the whole folder again.
  used anyway: model.cc and settings.h are of different models. Copy the whole folder again.
begin: yes
without an input: The input is not whole: give all of its values, from the first on, before each run.
whole: yes
  3
the same input again: The input is not whole: give all of its values, from the first on, before each run.
half: yes
classified: The input is not whole: give all of its values, from the first on, before each run.
the other half: yes
classified: The input is not whole: give all of its values, from the first on, before each run.
in parts: yes
  3
one too many: More values were given than the model's input has: start() begins the next input.
classified: More values were given than the model's input has: start() begins the next input.
far too many: More values were given than the model's input has: start() begins the next input.
after it: yes
fails: Invoke failed: TFLM's line above says where. Build the project again for this board.
begun again: yes
"""


def test_nothing_in_the_wrong_order_does_harm(run: Program, project: Path) -> None:
    """Nothing is dereferenced after a begin() that failed, and no rest of an earlier input is classified."""
    assert run("classifier_test", project, ("selftest", *CLASSIFIER), b"").decode() == WRONG_ORDER


def test_two_models_stand_in_one_sketch(toolchain: Toolchain, tmp_path: Path) -> None:
    """All sources of both, the first with its camera: no symbol clashes, and each answers as if it were alone."""
    first = digits_project(tmp_path)
    raw = np.random.default_rng(0).integers(0, 256, (1, 3, 12, 12), np.uint8)
    words = tuple(f"second {place}" for place in range(10))
    second = any_project(tmp_path, Preprocessing((3, 12, 12), 255.0, (0.5,) * 3, (0.5,) * 3, words), raw, INT8)
    shutil.copytree(second, first / "src" / "other", ignore=shutil.ignore_patterns("*.ino", "*.yaml", "*.ini"))
    sources = [*sorted(first.rglob("*.cc")), PROGRAMS / "two_models_test.cc", PROGRAMS / "fake_tflm.cc"]
    names = (f"-Dfirst={namespace_of('digits')}", f"-Dsecond={namespace_of('any')}")
    flags = (f"-I{first}", f"-I{PROGRAMS}", f"-I{PROGRAMS / 'tflm'}", f"-I{SHIM}")
    program = toolchain.link(toolchain.compile(sources, tmp_path / "o", *WARNINGS, *names, *flags), tmp_path / "two")
    done = toolchain.run(program)
    assert done.returncode == 0, done.stderr
    digits = [int(vector.output.argmax()) for vector in digits_facts().vectors]
    turns = [line for digit in digits for line in (f"first {digit}", f"second {words[-1]}")]
    assert done.stdout.decode().splitlines() == [*turns, "1 1"]


@pytest.mark.parametrize("heads", [CELL, MEANINGS], ids=["classes and values", "every meaning"])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_every_head_is_read_as_the_desk_reads_it(
    run: Program, tmp_path: Path, heads: Preprocessing, dtype: str
) -> None:
    if heads is MEANINGS:
        outputs = specs_of_meanings(dtype)
    else:
        outputs = (TensorSpec((1, 14), dtype, *((None, None) if dtype == "float32" else (0.15, -3))),)
    generator = np.random.default_rng(7)
    low, high = (-128, 128) if dtype == "int8" else (-3, 4)
    tensors = generator.integers(low, high, (50, heads.outputs)).astype(dtype)
    images = digits()[:50]
    inputs = to_input(heads.apply(images), INT8).reshape(50, -1)
    project = any_project(tmp_path, heads, images, INT8, *outputs)
    given = b"".join(one.tobytes() + other.tobytes() for one, other in zip(inputs, tensors, strict=True))
    lines = run("results_test", project, ("heads", "results"), given).decode().splitlines()
    assert len(lines) == 50 * len(heads.heads)
    real, seen = from_outputs(tensors, outputs), from_output(inputs, INT8)
    for row in range(50):
        for place, head in enumerate(heads.heads):
            name, label, score, value, unit, more = lines[row * len(heads.heads) + place].split("|")
            own = real[row, heads.slices()[head.name]]
            assert (name, unit) == (head.name, head.unit)
            said = head.say(own, seen[row])
            if head.kind in ("classes", "yes_no"):
                assert label == said
                odds = head.probabilities(own[None])[0]
                wanted = odds[int(own.argmax())] if head.kind == "classes" else odds[0]
                assert float(score) == pytest.approx(wanted, rel=1e-5)
            elif head.kind == "value":
                assert float(value) == pytest.approx(float(head.value(own)[0]), rel=1e-4)
                assert [float(one) for one in more.split()] == pytest.approx(head.value(own).tolist(), rel=1e-4)
            elif head.kind == "reconstruction":
                error = float(head.errors(own[None], seen[row : row + 1])[0])
                assert float(value) == pytest.approx(error, rel=1e-5)
                assert label == ("" if head.threshold is None else said.split(",")[0])
            else:
                counts = np.bincount(head.decide(own[None])[0], minlength=len(head.classes))
                assert [int(one) for one in more.split()] == counts.tolist() and counts.sum() == 20
                assert said.startswith(label) and float(score) == pytest.approx(counts.max() / 20)


@pytest.mark.parametrize("probability", [False, True], ids=["logit", "probability"])
def test_every_output_has_one_verdict_on_desk_sketch_and_pi(run: Program, tmp_path: Path, probability: bool) -> None:
    """All 256 outputs, of thresholds between two steps, on one, and beyond all of them."""
    spec = TensorSpec((1, 5), "int8", *((1 / 256, -128) if probability else (0.0731, -9)))
    on_a_step = 0.5 if probability else 1 / (1 + np.exp(-np.float64(from_output(np.int8([30]), spec)[0])))
    names = ("a", "b", "c", "d", "e")
    heads = tuple(
        Head(name, ("no", "yes"), kind="yes_no", threshold=float(threshold), probability=probability)
        for name, threshold in zip(names, (0.5, 0.37, on_a_step, 1e-6, 1 - 1e-6), strict=True)
    )
    one = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), ("no", "yes"), heads)
    every = np.repeat(np.arange(-128, 128, dtype=np.int8)[:, None], 5, 1)
    images = np.repeat(digits()[:1], 256, 0)
    inputs = to_input(one.apply(images), INT8).reshape(256, -1)
    project = any_project(tmp_path, one, images, INT8, spec)
    given = b"".join(image.tobytes() + output.tobytes() for image, output in zip(inputs, every, strict=True))
    lines = run("results_test", project, ("heads", "results"), given).decode().splitlines()
    labels = np.array([line.split("|")[1] for line in lines]).reshape(256, 5)
    real = from_output(every, spec)
    with on_path(ROOT / "firmware" / "raspberry_pi"):
        from classifier import Classifier
    pi = object.__new__(Classifier)
    for place, head in enumerate(heads):
        said = head.decide(real[:, place : place + 1])
        assert (labels[:, place] == np.array(head.classes)[said]).all(), head
        assert np.array_equal(pi.decided(head, real[:, place : place + 1], real), said)


def test_several_outputs_and_an_error_of_reconstruction_come_through_the_classifier(
    run: Program, tmp_path: Path
) -> None:
    """The outputs lie apart in the arena, and over the input: the classifier puts one in a row and keeps the other."""
    outputs, images = specs_of_meanings("int8"), digits()[:1]
    project = any_project(tmp_path, MEANINGS, images, INT8, *outputs)
    *lines, row, passed = run("outputs_test", project, ("selftest", *CLASSIFIER), b"").decode().splitlines()
    wanted = np.resize(np.arange(100), MEANINGS.outputs).astype(np.int8)
    assert [int(value) for value in row.split()] == wanted.tolist() and passed == "1"
    real = from_outputs(wanted[None], outputs)[0]
    seen = from_output(to_input(MEANINGS.apply(images), INT8).reshape(-1), INT8)
    for line, (head, part) in zip(lines, zip(MEANINGS.heads, MEANINGS.slices().values(), strict=True), strict=True):
        name, label, value = line.split("|")
        assert name == head.name and (not label or label in head.say(real[part], seen))
        if head.kind == "reconstruction":
            assert float(value) == pytest.approx(float(head.errors(real[None, part], seen[None])[0]), rel=1e-5)


def test_a_sketch_of_every_meaning_compiles_without_a_warning(toolchain: Toolchain, tmp_path: Path) -> None:
    project = any_project(tmp_path, MEANINGS, digits(), INT8, *specs_of_meanings("int8"))
    shim = ROOT / "firmware" / "emulator" / "arduino"
    modules = ("heads", "results", "test_vectors", "device")
    sources = [project / "any.ino", *(project / f"{name}.cc" for name in modules)]
    toolchain.compile(sources, tmp_path / "built", *WARNINGS, f"-I{project}", f"-I{shim}")


def test_the_self_test_counts_steps_and_wrong_inputs(run: Program, project: Path) -> None:
    modules = ("selftest", *CLASSIFIER)
    given = struct.pack("<8i", 0, -1, 1, -1, -3, -1, 0, 20)
    lines = run("selftest_test", project, modules, given).decode().splitlines()
    count = len(digits_facts().vectors)
    assert count == 8, "as many as the sketch takes"
    assert lines == [f"1 {count} 0 0", f"0 {count} 1 0", f"0 {count} 3 0", f"0 {count} 0 1"]


def portions(*parts: bytes | int, size: int = 7) -> bytes:
    """Return bytes as they come over a line: a few at a time, or SILENCE."""
    result = b""
    for part in parts:
        if isinstance(part, int):
            result += struct.pack("<I", part)
        else:
            for start in range(0, len(part), size):
                result += struct.pack("<I", len(part[start : start + size])) + part[start : start + size]
    return result


PROTOCOL = ("protocol", "device", "selftest", *CLASSIFIER)


def test_the_protocol_answers_every_message(run: Program, project: Path) -> None:
    facts = digits_facts()
    vector = facts.vectors[3]
    given = portions(
        b"text between frames \xe5 and \xf0\n", frame(HELLO, b"\x01"), frame(RAW, vector.raw.tobytes()), b"\xe5",
        frame(TENSOR, vector.tensor.tobytes()), frame(SELF_TEST), frame(STATE, b"\x01"),
        frame(TENSOR, vector.tensor.tobytes()),
    )  # fmt: skip
    hello, raw, tensor, test, state, again = answers(run("protocol_test", project, PROTOCOL, given))
    name, library = b"digits", f"{facts.library.name} {facts.library.version}".encode()
    assert hello == (
        0x81,
        struct.pack("<4B6I", 1, 0, 0, 1, 64, 64, 10, zlib.crc32(facts.flatbuffer), 1234, 4096)
        + bytes([len(name)]) + name + bytes([len(library)]) + library,
    )  # fmt: skip
    assert raw == (0x82, struct.pack("<I", 42) + vector.output.tobytes()), "preparing and running, 21 us each"
    assert tensor == (0x82, struct.pack("<I", 21) + vector.output.tobytes())
    assert test == (0x84, struct.pack("<B3I", 1, len(facts.vectors), 0, 0))
    assert state == (0x85, b"") and again == tensor


def test_the_protocol_survives_what_is_wrong_and_goes_on(run: Program, project: Path) -> None:
    vector = digits_facts().vectors[0]
    good = frame(TENSOR, vector.tensor.tobytes())
    damaged = bytearray(good)
    damaged[20] ^= 1
    unknown_input = frame(TENSOR, bytes(64))
    given = portions(
        bytes(damaged), good, frame(RAW, b"\x00" * 63), good, frame(RAW, length=2**32 - 1), good, frame(0x55), good,
        frame(HELLO, b"\x01", version=2), good, unknown_input, good, good[:30], SILENCE, good, good[:5], SILENCE, good,
        b"\xe5" + good, SILENCE,
    )  # fmt: skip
    found = answers(run("protocol_test", project, PROTOCOL, given))
    kinds = [payload[0] if kind == ERROR else "answer" for kind, payload in found]
    wrong = [1, 2, 2, 3, 4, 5, 6, 6]
    assert kinds == [each for code in wrong for each in (code, "answer")] + ["answer"]
    assert all(len(payload) > 20 for kind, payload in found if kind == ERROR), "each error says what to do"


@pytest.mark.parametrize("seed", range(3))
def test_garbage_never_stops_the_protocol(run: Program, project: Path, seed: int) -> None:
    generator = np.random.default_rng(seed)
    garbage = [
        generator.choice(np.frombuffer(b"\xe5\xf0\x01\x02\x00\x40\xff", np.uint8), 400).tobytes() for _ in range(20)
    ]
    good = frame(HELLO, b"\x01")
    parts: list[bytes | int] = []
    for piece in garbage:
        parts += [piece, SILENCE, good]
    found = answers(run("protocol_test", project, PROTOCOL, portions(*parts, size=64)))
    assert sum(kind == 0x81 for kind, _ in found) >= 20
