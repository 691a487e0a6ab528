"""Packing models of several inputs and outputs, and their replay over the serial line."""

from pathlib import Path

import numpy as np
import pytest
from several_ends import picture_and_sensor, raw_values, saved, words_and_sensor

from edgeforge.errors import RecipeError
from edgeforge.results.preprocessing import read_preprocessing_of
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.monitor.asking import sent_bytes
from edgeforge.targets.arduino.monitor.subject import of_model
from edgeforge.targets.arduino.own.meaning import preprocessing_of
from edgeforge.targets.arduino.own.wishes import Wishes, wishes_of
from edgeforge.targets.arduino.own_tflite import load_own
from edgeforge.targets.arduino.pack import pack
from edgeforge.targets.arduino.project import c_names
from edgeforge.tflite.tensors import to_inputs

BOARD = "arduino-nano-33-ble"
SAYS = wishes_of(inputs=["picture=-1..1"], outputs=["size=value:mm"])


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    np.savez(tmp_path / "raw.npz", **raw_values())
    return tmp_path / "raw.npz"


def test_each_input_has_its_own_normalisation_and_travels_with_the_file(tmp_path: Path, raw: Path) -> None:
    path = saved(tmp_path, "both.tflite", picture_and_sensor())
    made = pack(path, (BOARD,), tmp_path / "out", wishes=SAYS, samples=raw)
    picture, sensor = made.preprocessing.inputs
    assert (picture.raw_type, picture.mean, sensor.raw_type, sensor.shape) == (
        "uint8",
        (0.5,) * 3,
        "float32",
        (7, 1, 1),
    )
    assert read_preprocessing_of(made.model.read_bytes()) == made.preprocessing
    runner = TFLMRunner(made.model)
    for vector in made.vectors:
        assert vector.raw["picture"].shape == (5, 5, 3) and vector.tensor["sensor"].shape == (1, 1, 7)
        assert (runner.run_raw(vector.tensor.reshape(1))[0] == vector.output).all()
    settings = (made.project / "settings.h").read_text()
    assert "alignas(8) uint8_t picture[75];" in settings and "alignas(8) float sensor[7];" in settings
    assert "both_model::RawType raw[1];  // raw[0].picture, raw[0].sensor" in (made.project / "README.txt").read_text()
    assert preprocessing_of(load_own(made.model), Wishes())[0].inputs == (picture, sensor), "it needs no word more"
    subject = of_model(made.model, raw)
    tensors = to_inputs(subject.preprocessing.apply(subject.raw[:1]), runner.inputs)
    assert len(sent_bytes(subject.raw[:1], tensors, as_raw=True)) == 80 + 32
    assert len(sent_bytes(subject.raw[:1], tensors, as_raw=False)) == 80 + 8
    first = sent_bytes(subject.raw[:1], tensors, as_raw=True)
    assert first[:3] == raw_values()["picture"][0, :, 0, 0].tobytes(), "height, width, channels"
    assert first[80:108] == raw_values()["sensor"][0].tobytes()


def test_what_is_said_of_no_input_or_of_which_is_not_said(tmp_path: Path) -> None:
    model = load_own(saved(tmp_path, "both.tflite", picture_and_sensor()))
    cases: list[tuple[Wishes, str, str]] = [
        (wishes_of(pixels="0..1"), "2 inputs .picture, sensor.: of which is --pixels said", "--input picture=float32"),
        (wishes_of(inputs=["pictur=0..1"]), "no input 'pictur' .did you mean 'picture'", "or by number, from 0"),
        (wishes_of(inputs=["sensor=int32"]), "its input sensor is int8", "uint8 or float32"),
        (wishes_of(inputs=["1=float32:1,2/3"]), "2 values, the input has 7 channels", "give 1 or 7"),
    ]
    for wishes, fault, remedy in cases:
        with pytest.raises(RecipeError, match=fault) as caught:
            preprocessing_of(model, wishes)
        assert remedy in caught.value.fix
    for text in ("picture", "picture=0..2", "picture=uint8:1", "picture=uint8:1/0", "a=int32:1/2"):
        with pytest.raises(RecipeError, match="--input"):
            wishes_of(inputs=[text])
    with pytest.raises(RecipeError, match="--mean and --input"):
        wishes_of(mean="1", inputs=["picture=0..1"])


def test_words_are_whole_numbers_in_the_sketch(tmp_path: Path) -> None:
    path = saved(tmp_path, "words.tflite", words_and_sensor())
    np.savez(tmp_path / "raw.npz", words=np.arange(24).reshape(6, 4) % 12, sensor=raw_values(6)["sensor"])
    says = wishes_of(labels="a,b,c")
    made = pack(path, (BOARD,), tmp_path / "out", wishes=says, samples=tmp_path / "raw.npz",
                library_key="tflite-micro-2026-08")  # fmt: skip
    assert [one.raw_type for one in made.preprocessing.inputs] == ["int32", "float32"]
    assert made.vectors[0].raw["words"].ravel().tolist() == [0, 1, 2, 3]
    assert "alignas(8) int32_t words[4];" in (made.project / "settings.h").read_text()
    with pytest.raises(RecipeError, match="its input words is int32, whole numbers that stay as they are"):
        preprocessing_of(load_own(path), wishes_of(labels="a,b,c", inputs=["words=0..1"]))


def test_names_are_names_in_c() -> None:
    found = c_names(["image", "Image", "serving default/x:0", "int", "7th", "ünï", ""])
    assert found == ["image", "image_", "serving_default_x_0", "input_int", "input_7th", "n", "input"]
    assert len(set(found)) == len(found)


def test_what_was_packed_is_packed_again(tmp_path: Path, raw: Path) -> None:
    """Its memory plan is TFLM's own affair: the layers are compared without it."""
    path = saved(tmp_path, "both.tflite", picture_and_sensor())
    made = pack(path, (BOARD,), tmp_path / "out", wishes=SAYS, samples=raw)
    assert any("OfflineMemoryAllocation" in line for line in made.saved)
    again = pack(made.model, (BOARD,), tmp_path / "again", samples=raw)
    assert again.preprocessing.inputs == made.preprocessing.inputs


def test_what_several_inputs_and_outputs_take_is_counted() -> None:
    from edgeforge.targets.fit.flash import contents_of
    from edgeforge.tflite.graph import Graph

    one, two = (contents_of(Graph(picture_and_sensor(real_value=real)), None) for real in (False, True))
    # 75 and 7 floats (5 x 5 is no picture's size), the same as int8, answers of 5 bytes or floats, and where they are.
    assert one.vector_bytes == 300 + 28 + 76 + 8 + 8 + 12
    assert two.vector_bytes - one.vector_bytes == 20 - 8
    # Prepared inputs of 80 and 8 bytes, and where the line's 304 and 32 are gathered; the outputs in a row.
    assert one.ram_bytes == 88 + 336 + 5 and two.ram_bytes == 88 + 336 + 20
