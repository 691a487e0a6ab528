"""How a picture becomes a model's input: read in the file where it says so, and else asked for."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_models import METADATA, dense, network, written

from edgeforge.errors import RecipeError
from edgeforge.results.preprocessing import Preprocessing, RawInput
from edgeforge.targets.arduino.own.input import InputReading, limits, range_notes, read_input, require_in_range
from edgeforge.targets.arduino.own.meaning import preprocessing_of
from edgeforge.targets.arduino.own.metadata import TensorFacts
from edgeforge.targets.arduino.own.question import Question
from edgeforge.targets.arduino.own.samples import pseudo_random, read_samples
from edgeforge.targets.arduino.own.wishes import PIXELS, InputWishes, Wishes, wishes_of
from edgeforge.targets.arduino.own_tflite import load_own
from edgeforge.tflite.tensor_spec import TensorSpec

NOTHING = TensorFacts()
GRAY = (1, 32, 32)
KNOWN = [  # scale, zero point of int8, and the range of pixels that these are
    (1.0, -128, "0..255"),
    (1 / 255, -128, "0..1"),
    (0.003921568859368563, -128, "0..1"),
    (1 / 256, -128, "0..1"),
    (2 / 255, -1, "-1..1"),
    (1 / 127.5, -1, "-1..1"),
    (1 / 127.5, 0, "-1..1"),
    (0.0078125, 0, "-1..1"),
]


@pytest.mark.parametrize(("scale", "zero", "range_"), KNOWN)
@pytest.mark.parametrize(("dtype", "shift"), [("int8", 0), ("uint8", 128)])
def test_the_scale_tells_a_picture_s_range(scale: float, zero: int, range_: str, dtype: str, shift: int) -> None:
    found = read_input(GRAY, TensorSpec((1, 32, 32, 1), dtype, scale, zero + shift), NOTHING, InputWishes(), None)
    assert isinstance(found, InputReading) and range_ in found.origin
    mean, std = PIXELS[range_]
    assert (found.raw_type, found.raw_max, found.mean, found.std) == ("uint8", 255.0, (mean,), (std,))


@given(st.sampled_from([range_ for *_, range_ in KNOWN]), st.sampled_from([1, 3]))
def test_what_a_person_says_is_what_is_taken(range_: str, channels: int) -> None:
    spec = TensorSpec((1,), "int8", 0.0351, 2)
    found = read_input((channels, 32, 32), spec, NOTHING, wishes_of(pixels=range_).input, None)
    assert isinstance(found, InputReading)
    first, last = (float(end) for end in range_.split(".."))
    preprocessing = Preprocessing((channels, 32, 32), found.raw_max, found.mean, found.std, ("a", "b"))
    ends = preprocessing.apply(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1).repeat(channels, 1))
    assert ends.reshape(2, -1).mean(1).tolist() == pytest.approx([first, last], abs=1e-4)


@given(st.floats(1e-4, 3), st.integers(-128, 127))
def test_any_other_scale_is_asked_about(scale: float, zero: int) -> None:
    spec = TensorSpec((1, 32, 32, 1), "int8", scale, zero)
    low, high = limits(spec)
    near = [
        abs(low - first) <= 0.02 * (last - first) and abs(high - last) <= 0.02 * (last - first)
        for first, last in ((0, 255), (0, 1), (-1, 1))
    ]
    found = read_input(GRAY, spec, NOTHING, InputWishes(), None)
    assert isinstance(found, InputReading if any(near) else Question)
    if isinstance(found, Question):
        assert [choice.option for choice in found.choices] == ["--pixels 0..1", "--pixels -1..1", "--pixels 0..255"]


@pytest.mark.parametrize(
    "shape", [(600, 1, 1), (8, 1, 20), (1, 49, 10), (6, 1, 100), (4, 32, 32), (2, 16, 16), (1, 4, 4), (1, 1, 30)]
)
def test_what_is_no_picture_is_never_normalised_nor_given_a_camera(shape: tuple[int, int, int]) -> None:
    found = read_input(shape, TensorSpec((1,), "int8", 1 / 255, -128), NOTHING, InputWishes(), None)
    assert isinstance(found, InputReading) and "no picture" in found.origin
    assert (found.raw_type, found.raw_max, set(found.mean), set(found.std)) == ("float32", 1.0, {0.0}, {1.0})
    assert not Preprocessing(shape, 255.0, found.mean, found.std, ("a", "b")).is_image


def test_metadata_speaks_before_the_scale(tmp_path: Path) -> None:
    net = network((16, 16, 3), 0.0187, -14)
    path = written(tmp_path / "net.tflite", net, dense(net, 4, "SOFTMAX"), metadata=METADATA,
                   files={"names.txt": "a\nb\nc\nd\n"})  # fmt: skip
    preprocessing, notes = preprocessing_of(load_own(path), Wishes())
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16)).astype(np.uint8)
    mean, std = (
        np.array(values).reshape(1, 3, 1, 1) for values in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    )
    assert np.allclose(preprocessing.apply(pixels), (pixels - mean) / std, atol=1e-4)
    assert preprocessing.is_image and preprocessing.classes == ("a", "b", "c", "d")
    assert "the file's metadata: (raw - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]" in notes[0]


def test_metadata_that_contradicts_the_tensor_is_asked_about() -> None:
    facts = TensorFacts("image", "image", (0.0,), (1.0,))  # bytes as they are, into a tensor of -1 to 1
    found = read_input(GRAY, TensorSpec((1,), "uint8", 1 / 128, 128), facts, InputWishes(), None)
    assert isinstance(found, Question) and "contradicts the file's metadata" in found.asked
    sensor = read_input(GRAY, TensorSpec((1,), "int8", 1 / 255, -128), TensorFacts("mel", "audio"), InputWishes(), None)
    assert isinstance(sensor, InputReading) and sensor.raw_type == "float32"


def test_a_normalisation_that_does_not_suit_the_tensor_is_told() -> None:
    spec = TensorSpec((1,), "int8", 0.0351, 2)  # -4.57 to 4.39
    picture = Preprocessing(GRAY, 255.0, (0.0,), (1.0,), ("a", "b"))
    assert "11% of its steps" in range_notes(picture.every_input[0], spec)[0]
    assert "cut off" in range_notes(RawInput("", GRAY, 255.0, (0.0,), (1 / 255,)), spec)[0]
    assert not range_notes(RawInput("", GRAY, 255.0, (0.485,), (0.125,)), spec)
    with pytest.raises(RecipeError, match="x reaches from 0 to 255, and raw bytes become 0 to 1"):
        require_in_range(np.array([[[[0.0, 255.0]]]], np.float32), picture.every_input[0], "--calibration x.npz")


def test_inputs_without_rows_are_taken_as_the_model_has_them(tmp_path: Path) -> None:
    net = network((20, 6), 0.03, -4)
    flat = net.flat(net.input)
    weights = np.random.default_rng(0).integers(-127, 128, (3, 120))
    model = load_own(written(tmp_path / "net.tflite", net, net.softmax(net.dense(flat, weights))))
    preprocessing, _ = preprocessing_of(model, Wishes())
    x = np.random.default_rng(0).normal(size=(5, 20, 6)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    samples = read_samples(tmp_path / "x.npz", preprocessing)
    assert samples.real and (samples.raw[:, :, 0].transpose(0, 2, 1) == x).all()
    assert not pseudo_random(model, preprocessing).real
