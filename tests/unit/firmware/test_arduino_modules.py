"""Each module of the Arduino project that needs no TFLM, compiled for this host and for a Cortex-M4 (run in QEMU).

A C++ program a module reads what Python computed of real data from input.bin; what it prints is compared here.
"""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arduino_projects import CELL, CLASSES, any_project, digit_images, digits_facts, digits_project
from board_frames import ERROR, HELLO, RAW, SELF_TEST, SILENCE, TENSOR, answers, frame
from numpy.typing import NDArray
from places import ROOT

from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.arduino.emulator import Toolchain
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import from_output, to_input

PROGRAMS = Path(__file__).parent / "programs"
WARNINGS = ("-Wall", "-Wextra", "-Werror")
Program = Callable[..., bytes]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def run(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Compile a test program with a project's modules, run it, and return its output."""
    linked: dict[tuple[str, Path], Path] = {}

    def run(name: str, project: Path, modules: tuple[str, ...], given: bytes) -> bytes:
        if (name, project) not in linked:
            sources = [PROGRAMS / f"{name}.cc", *(project / f"{module}.cc" for module in modules)]
            if "fake_classifier" in modules:
                sources[1 + modules.index("fake_classifier")] = PROGRAMS / "fake_classifier.cc"
            folder = tmp_path_factory.mktemp(name)
            objects = toolchain.compile(sources, folder, *WARNINGS, f"-I{project}", f"-I{PROGRAMS}")
            linked[name, project] = toolchain.link(objects, folder / name)
        done = toolchain.run(linked[name, project], given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_every_source_compiles_without_a_warning(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    """All but classifier.cc, which needs TFLM's headers, and the sketch, which needs Arduino's: see below."""
    sources = [path for path in sorted(project.glob("*.cc")) if path.name != "classifier.cc"]
    assert len(sources) > 8
    toolchain.compile(sources, tmp_path, *WARNINGS, "-Wconversion", f"-I{project}")


def test_the_sketch_compiles_without_a_warning(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    shim = ROOT / "firmware" / "emulator" / "arduino"
    toolchain.compile([project / "digits.ino"], tmp_path, *WARNINGS, f"-I{project}", f"-I{shim}")


def test_the_camera_code_compiles_without_a_warning(toolchain: Toolchain, project: Path, tmp_path: Path) -> None:
    """Against a declaration of what it uses of the library Arduino_OV767X 0.0.2."""
    (tmp_path / "Arduino_OV767X.h").write_text(
        "enum { GRAYSCALE = 4 };\nenum { QQVGA = 4 };\n"
        "class OV767X {\n public:\n  int begin(int, int, int);\n  void readFrame(void*);\n};\nextern OV767X Camera;\n"
    )
    flags = (*WARNINGS, f"-I{project}", f"-I{tmp_path}", "-DEDGEFORGE_OV7675=1")
    (sensor,) = toolchain.compile([project / "sensor.cc"], tmp_path / "with", *flags)
    (without,) = toolchain.compile([project / "sensor.cc"], tmp_path / "without", *WARNINGS, f"-I{project}")
    assert sensor.stat().st_size > without.stat().st_size


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


def scaled(frame: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Crop in the middle to the sides' ratio, then average: what resize.cc says it does, with NumPy."""
    rows, columns = frame.shape
    crop_w, crop_h = columns, rows
    if columns * height > rows * width:
        crop_w = max(rows * width // height, 1)
    else:
        crop_h = max(columns * height // width, 1)
    top, left = (rows - crop_h) // 2, (columns - crop_w) // 2
    box = frame[top : top + crop_h, left : left + crop_w].astype(np.int64)
    result = np.empty((height, width), np.uint8)
    for y in range(height):
        y0, y1 = y * crop_h // height, max((y + 1) * crop_h // height, y * crop_h // height + 1)
        for x in range(width):
            x0, x1 = x * crop_w // width, max((x + 1) * crop_w // width, x * crop_w // width + 1)
            part = box[y0:y1, x0:x1]
            result[y, x] = (part.sum() + part.size // 2) // part.size
    return result


def test_resize_crops_and_averages(run: Program, project: Path) -> None:
    from sklearn.datasets import load_sample_images

    gray = load_sample_images().images[0][:240:2, :320:2].mean(2).astype(np.uint8)
    assert gray.shape == (120, 160)
    cases = [(gray, 28, 28), (gray, 96, 96), (gray, 8, 8), (gray, 160, 120), (gray, 32, 20), (gray[:5, :7], 12, 9)]
    given = b"".join(
        struct.pack("<4I", frame.shape[1], frame.shape[0], width, height) + frame.tobytes()
        for frame, width, height in cases
    )
    wanted = b"".join(scaled(frame, width, height).tobytes() for frame, width, height in cases)
    assert run("resize_test", project, ("resize",), given) == wanted
    whole = scaled(gray, 160, 120)
    assert (whole == gray).all(), "the reference itself keeps a frame of the shape as it is"


@pytest.mark.parametrize(
    "output", [TensorSpec((1, 14), "int8", 0.15, -3), TensorSpec((1, 14), "float32")], ids=["int8", "float32"]
)
def test_every_head_is_read_from_its_slice(run: Program, tmp_path: Path, output: TensorSpec) -> None:
    generator = np.random.default_rng(7)
    tensors = generator.integers(-128, 128, (50, CELL.outputs)).astype(output.dtype)
    project = any_project(tmp_path, CELL, digits(), INT8, output)
    lines = run("results_test", project, ("heads", "results"), tensors.tobytes()).decode().splitlines()
    assert len(lines) == 50 * len(CELL.heads)
    logits = from_output(tensors, output)
    places = CELL.slices()
    for row in range(50):
        for place, head in enumerate(CELL.heads):
            name, label, score, value, unit = lines[row * len(CELL.heads) + place].split("|")
            own = logits[row, places[head.name]].astype(np.float64)
            assert (name, unit) == (head.name, "" if head.classes else head.unit)
            if head.classes:
                assert label == head.classes[int(own.argmax())]
                assert float(score) == pytest.approx(1 / np.exp(own - own.max()).sum(), rel=1e-5)
            else:
                assert float(value) == pytest.approx(float(head.value(own.astype(np.float32))[0]), rel=1e-4)


def test_the_self_test_counts_steps_and_wrong_inputs(run: Program, project: Path) -> None:
    modules = ("selftest", "preprocess", "test_vectors", "fake_classifier")
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


PROTOCOL = ("protocol", "device", "selftest", "preprocess", "test_vectors", "fake_classifier")


def test_the_protocol_answers_every_message(run: Program, project: Path) -> None:
    facts = digits_facts()
    vector = facts.vectors[3]
    given = portions(
        b"text between frames \xe5 and \xf0\n", frame(HELLO, b"\x01"), frame(RAW, vector.raw.tobytes()), b"\xe5",
        frame(TENSOR, vector.tensor.tobytes()), frame(SELF_TEST),
    )  # fmt: skip
    hello, raw, tensor, test = answers(run("protocol_test", project, PROTOCOL, given))
    name, library = b"digits", f"{facts.library.name} {facts.library.version}".encode()
    assert hello == (
        0x81,
        struct.pack("<4B6I", 1, 0, 0, 1, 64, 64, 10, zlib.crc32(facts.flatbuffer), 1234, 4096)
        + bytes([len(name)]) + name + bytes([len(library)]) + library,
    )  # fmt: skip
    assert raw == tensor == (0x82, struct.pack("<I", 42) + vector.output.tobytes())
    assert test == (0x84, struct.pack("<B3I", 1, len(facts.vectors), 0, 0))


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
