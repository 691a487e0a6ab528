import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from places import DATA

from edgeforge.hardware.arduino_platforms import in_the_ide, pinned
from edgeforge.hardware.boards import board, boards
from edgeforge.hardware.libraries import library
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.arduino.camera import camera_for
from edgeforge.targets.arduino.golden_vectors import TestVector
from edgeforge.targets.arduino.project import ProjectFacts, c_string, input_table, namespace_of, write_project
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import to_steps

CHIRALE = library(DEFAULT_LIBRARY)
MODEL = DATA / "digits_int8.tflite"


def facts(*keys: str, vectors: int = 1, preprocessing: Preprocessing | None = None) -> ProjectFacts:
    values = np.zeros((8, 8, 1), np.uint8)
    return ProjectFacts(
        name="some-digits",
        flatbuffer=MODEL.read_bytes(),
        preprocessing=preprocessing or Preprocessing((1, 8, 8), 16.0, (0.3,), (0.4,), tuple("0123456789")),
        inputs=(TensorSpec((1, 8, 8, 1), "int8", 0.02, -10),),
        outputs=(TensorSpec((1, 10), "int8", 0.1, 3),),
        operators=("CONV_2D", "MAX_POOL_2D", "CONV_2D"),
        arena_bytes=4096,
        arena_note="Because.",
        boards=tuple(map(board, keys)),
        vectors=(TestVector("none", values, values.astype(np.int8), np.zeros(10, np.int8)),) * vectors,
        library=CHIRALE,
    )


def test_every_known_board_has_pinned_versions(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "some-digits"
    write_project(folder, facts(*boards()))
    profiles = yaml.safe_load((folder / "sketch.yaml").read_text())["profiles"]
    assert len(profiles) == len(boards())
    for profile in profiles.values():
        (platform,) = profile["platforms"]
        assert re.fullmatch(r"\w+:\w+ \(\d+\.\d+\.\d+(-arduino\.\d)?\)", platform["platform"])
        assert ("platform_index_url" in platform) == (not platform["platform"].startswith("arduino:"))
        assert f"{CHIRALE.name} ({CHIRALE.version})" in profile["libraries"]
    ini = (folder / "platformio.ini").read_text()
    pinned_ones = re.findall(r"^platform = [\w-]+@\d+\.\d+\.\d+$", ini, re.M)
    from_git = re.findall(r"^platform = https://github.com/.*\.git$", ini, re.M)
    assert len(from_git) == 2 and len(pinned_ones) == len(boards()) - 3, "PlatformIO has no Nicla Voice"


def test_a_board_of_another_platform_is_left_unpinned() -> None:
    pin = pinned("someone:avr:thing:cpu=fast")
    assert (pin.profile, pin.platform, pin.version, pin.platformio_board) == ("thing_cpu_fast", "someone:avr", "", "")


def test_the_resolver_has_each_operator_once(tmp_path: Path) -> None:
    write_project(tmp_path / "some-digits", facts("esp32-s3"))
    text = (tmp_path / "some-digits" / "classifier.cc").read_text()
    assert re.findall(r"resolver\.(\w+)\(\)", text) == ["AddConv2D", "AddMaxPool2D"]
    assert "MicroMutableOpResolver<2>" in text


def test_firmware_uses_neither_heap_nor_string_nor_exceptions(tmp_path: Path) -> None:
    write_project(tmp_path / "some-digits", facts("esp32-s3"))
    sources = [path for path in (tmp_path / "some-digits").iterdir() if path.suffix in (".cc", ".h", ".ino")]
    code = "\n".join(re.sub(r"//.*", "", path.read_text()) for path in sources)
    assert not re.search(r"\bmalloc\b|\bString\b|\bstd::(string|vector)\b|\bthrow\b|\btry\b|\bnew [A-Z]", code)


def test_tolerance_is_nought_only_where_exactness_was_shown() -> None:
    assert CHIRALE.tolerance(("CONV_2D", "FULLY_CONNECTED")) == 0
    assert CHIRALE.tolerance(("CONV_2D", "PRELU")) == CHIRALE.tolerance_steps == 1


def test_the_sketch_says_which_operators_may_be_off(tmp_path: Path) -> None:
    write_project(tmp_path / "some-digits", replace(facts("esp32-s3"), operators=("CONV_2D", "PRELU")))
    write_project(tmp_path / "b" / "some-digits", facts("esp32-s3"))
    for name in ("README.txt", "settings.h"):
        assert "PRELU: Its kernels of these" in (tmp_path / "some-digits" / name).read_text()
        assert "Its kernels of these" not in (tmp_path / "b" / "some-digits" / name).read_text()


def test_a_project_without_a_test_vector_says_so_and_never_pass(tmp_path: Path) -> None:
    write_project(tmp_path / "some-digits", facts("arduino-uno-r4-minima", vectors=0))
    text = {path.name: path.read_text() for path in (tmp_path / "some-digits").iterdir()}
    assert "NOT TESTED" in text["some-digits.ino"] and "runSelfTest" not in text["some-digits.ino"]
    assert "kTestVectors = 0" in text["test_vectors.h"] and "NOT TESTED" in text["README.txt"]
    assert "PASS" not in text["README.txt"]


CLASSES = tuple("0123456789")


def pictures(channels: int, height: int, width: int, raw_max: float = 255.0) -> Preprocessing:
    return Preprocessing((channels, height, width), raw_max, (0.0,) * channels, (1.0,) * channels, CLASSES)


@pytest.mark.parametrize(
    ("preprocessing", "format"),
    [
        (pictures(1, 96, 96), "GRAYSCALE"),
        (pictures(3, 96, 96), "RGB565"),
        (pictures(2, 96, 96), ""),
        (pictures(4, 96, 96), ""),
        (pictures(1, 49, 10), ""),  # a spectrogram of speech
        (pictures(1, 1, 64), ""),
        (Preprocessing((1, 96, 96), 1.0, (0.0,), (1.0,), CLASSES, raw_type="float32"), ""),
        (pictures(3, 300, 300), ""),  # its rows do not fit beside the frame and the arena
    ],
)
def test_a_camera_is_offered_to_models_that_it_can_feed(
    tmp_path: Path, preprocessing: Preprocessing, format: str
) -> None:
    big = replace(facts("arduino-nano-33-ble", preprocessing=preprocessing), arena_bytes=164_000)
    write_project(tmp_path / "some-digits", big)
    texts = {path.name: path.read_text() for path in (tmp_path / "some-digits").iterdir()}
    assert ("resize.cc" in texts) == bool(format)
    offering = {name for name, text in texts.items() if "OV76" in text}
    if format:
        assert f"Camera.begin(QQVGA, {format}, " in texts["sensor.cc"]
        assert offering >= {"sensor.cc", "settings.h", "README.txt", "sketch.yaml", "platformio.ini"}
    else:
        assert not offering


def test_no_camera_where_no_board_has_its_pins(tmp_path: Path) -> None:
    write_project(tmp_path / "some-digits", facts("esp32-s3"))
    assert not any("OV76" in path.read_text() for path in (tmp_path / "some-digits").iterdir())


@pytest.mark.parametrize(("raw_max", "white"), [(255.0, 255), (16.0, 16), (1.0, 255), (256.0, 255)])
def test_white_is_what_it_is_in_the_raw_inputs(raw_max: float, white: int) -> None:
    camera = camera_for(pictures(1, 28, 28, raw_max), [board("arduino-nano-33-ble")], 4096, CHIRALE)
    assert camera is not None and camera.white == white


def test_a_project_has_a_namespace_of_its_own(tmp_path: Path) -> None:
    names = ("switch", "sin", "min", "kws-12", "my_model", "x--y__z", "model")
    spaces = [namespace_of(name) for name in names]
    assert spaces == [
        "switch_model",
        "sin_model",
        "min_model",
        "kws_12_model",
        "my_model",
        "x_y_z_model",
        "model_model",
    ]
    write_project(tmp_path / "some-digits", facts("arduino-nano-33-ble"))
    for path in (tmp_path / "some-digits").iterdir():
        assert not re.search(r"\bedgeforge::|namespace edgeforge", path.read_text()), path.name


@given(
    st.floats(0.05, 500), st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 9)), min_size=1, max_size=3),
    st.floats(1e-4, 1), st.integers(-128, 127),
)  # fmt: skip
def test_the_table_is_the_desks_arithmetic(
    raw_max: float, channels: list[tuple[float, float]], scale: float, zero: int
) -> None:
    mean, std = zip(*channels, strict=True)
    preprocessing = Preprocessing((len(mean), 4, 4), raw_max, mean, std, ("a", "b"))
    spec = TensorSpec((1,), "int8", scale, zero)
    table = input_table(preprocessing, spec)
    assert table is not None and table.shape == (len(mean), 256)
    for channel, (m, s) in enumerate(channels):
        raw = np.arange(256, dtype=np.float32)
        normalised = (raw / np.float32(raw_max) - np.float32(m)) / np.float32(s)
        assert (table[channel] == to_steps(normalised, spec)).all()


@given(st.text(st.sampled_from('aZ09 "\\?%\n\tßé€😀'), max_size=20))
def test_a_c_string_reads_back_as_the_same_text(text: str) -> None:
    body = c_string(text)[1:-1]
    raw = re.sub(rb"\\(\d{3}|.)", lambda found: _unescaped(found[1]), body.encode("ascii"))
    assert raw == text.encode()


def _unescaped(escape: bytes) -> bytes:
    return bytes([int(escape, 8)]) if len(escape) == 3 else escape


def test_the_readme_says_what_to_install_where_the_port_is_and_what_lights_say(tmp_path: Path) -> None:
    known = boards()
    several = tuple(known[name] for name in ("arduino-nano-33-ble", "arduino-nano-rp2040-connect", "esp32-s3"))
    write_project(tmp_path / "digits", replace(facts(), name="digits", boards=several))
    readme = (tmp_path / "digits" / "README.txt").read_text()
    flat = " ".join(readme.split())
    assert "Arduino Mbed OS Nano Boards 4.5.0 (Arduino Nano 33 BLE (Sense), Arduino Nano RP2040 Connect)" in flat
    assert "https://espressif.github.io/arduino-esp32/package_esp32_index.json" in flat
    assert "arduino-cli board list" in flat and "/dev/ttyACM0" in flat and "dialout" in flat
    assert flat.count("Mbed OS has crashed") == 1
    assert "Arduino Nano 33 BLE (Sense), Arduino Nano RP2040 Connect: LED_BUILTIN is pin 13." in flat
    for profile in ("nano33ble", "nanorp2040connect", "esp32s3"):
        assert f"--profile {profile} ." in flat and f"pio run -e {profile} -t upload" in flat
    assert max(map(len, readme.splitlines())) <= 140
    write_project(tmp_path / "voice", replace(facts(), name="voice", boards=(known["arduino-nicla-voice"],)))
    assert "Which pin the light is on is not known here." in (tmp_path / "voice" / "README.txt").read_text()


@pytest.mark.parametrize("name", sorted(boards()))
def test_every_board_with_an_fqbn_is_known_in_the_ide(name: str) -> None:
    board = boards()[name]
    if board.fqbn:
        pin, known = pinned(board.fqbn), in_the_ide(pinned(board.fqbn).platform)
        assert pin.version and known.title != pin.platform, "arduino_platforms.toml, boards_manager.toml"
        assert bool(known.lights) == bool(known.source) and bool(board.light) == bool(board.light_source)
        by_arduino = pin.platform.startswith("arduino:")
        assert by_arduino or pin.index_url, "the IDE finds it only by its index"
