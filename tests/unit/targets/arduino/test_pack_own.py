"""Packs models that EdgeForge did not make: TensorFlow's own converter made them of a Keras net."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import HELPERS, ROOT
from streaming import FILE, streaming

from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.hardware.libraries import libraries
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.own.meaning import preprocessing_of
from edgeforge.targets.arduino.own.samples import read_samples
from edgeforge.targets.arduino.own.wishes import wishes_of
from edgeforge.targets.arduino.own_tflite import load_own
from edgeforge.targets.arduino.pack import Conversion, Packed, pack
from edgeforge.targets.fit.library import refusals
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.flatbuffer import read_model

MAKER = HELPERS / "keras_digits.py"
BOARD = "arduino-nano-33-ble"
DIGITS = wishes_of(pixels="0..1", labels="0-9")  # the brightest pixel of its calibration was 240: no range of pixels


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with float.tflite, int8.tflite (dense weights per channel), dynamic.tflite and digits.npz."""
    folder = tmp_path_factory.mktemp("keras")
    done = subprocess.run([sys.executable, str(MAKER), str(folder)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def packed(keras: Path, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """The Keras model, converted safely and packed."""
    return pack(
        keras / "int8.tflite", (BOARD,), tmp_path_factory.mktemp("out"), name="keras", wishes=DIGITS,
        samples=keras / "digits.npz", conversion=Conversion(keras / "float.tflite", keras / "digits.npz"),
    )  # fmt: skip


def test_dense_weights_per_channel_are_refused_layer_by_layer(keras: Path, tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded) as caught:
        pack(keras / "int8.tflite", (BOARD,), tmp_path, wishes=DIGITS)
    lines = caught.value.reason.splitlines()
    assert [line.split(" (")[0] for line in lines] == ["FULLY_CONNECTED 2", "FULLY_CONNECTED 3"]
    assert "16 scales" in lines[0] and "computes these wrongly and reports no error" in lines[0]
    assert f"edgeforge pack {keras / 'int8.tflite'} --requantize" in caught.value.fix
    assert not list(tmp_path.iterdir())  # nothing half-made


def test_a_library_that_takes_them_is_packed(keras: Path, tmp_path: Path) -> None:
    made = pack(keras / "int8.tflite", (BOARD,), tmp_path, library_key="tflite-micro-2026-08", wishes=DIGITS)
    assert "tflite-micro" in (made.project / "classifier.cc").read_text()


def test_the_safe_conversion_is_packed_with_the_same_proofs(packed: Packed) -> None:
    model = pure_flatbuffer(packed.model.read_bytes())
    assert [refusals(model, library) for library in libraries().values()] == [[]] * len(libraries())
    weights = [tensor for tensor in read_model(model).subgraphs[0].tensors if len(tensor.shape) == 2]
    assert {len(tensor.quantization.scale) for tensor in weights} == {1}
    assert packed.fits[0].deployable
    assert float(packed.notes[-1].split("% of")[0].split()[-1]) > 95  # the same class as the float model's
    assert (packed.project / "keras.ino").exists()
    assert len(packed.vectors) == 8 and "class" in packed.vectors[0].label


def test_goldens_are_tflm_s_own_answers(packed: Packed) -> None:
    from edgeforge.runtimes.tflm import TFLMRunner

    runner = TFLMRunner(packed.model)
    for vector in packed.vectors:
        assert (runner.run_raw(vector.tensor[None])[0].ravel() == vector.output.ravel()).all()


def test_without_samples_the_sketch_says_that_its_vectors_are_pseudo_random(packed: Packed, tmp_path: Path) -> None:
    made = [pack(packed.model, (BOARD,), tmp_path / folder, name="again") for folder in ("a", "b")]
    texts = [(one.project / "test_vectors.cc").read_text() for one in made]
    assert "pseudo-random, since no samples were given" in texts[0]
    assert texts[0] == texts[1]
    assert not made[0].notes  # the packed file carries its preprocessing and its heads
    assert "pseudo-random inputs" in (made[0].project / "test_vectors.h").read_text()
    readme = (made[0].project / "README.txt").read_text()
    assert "answers 8 pseudo-random inputs" in readme and "say nothing of accuracy" in readme
    assert "real inputs" in (packed.project / "test_vectors.h").read_text()
    assert "answers 8 real inputs" in (packed.project / "README.txt").read_text()


@pytest.mark.parametrize("kind", ["float", "dynamic"])
def test_a_float_model_says_how_to_quantize(keras: Path, tmp_path: Path, kind: str) -> None:
    with pytest.raises(RecipeError, match=r"computes in float: CONV_2D 0 .* and 3 more of 4 layers") as caught:
        pack(keras / f"{kind}.tflite", (BOARD,), tmp_path)
    assert "representative_dataset" in caught.value.fix


def test_bad_words_and_files_are_one_clear_error(keras: Path, tmp_path: Path) -> None:
    good = keras / "int8.tflite"
    (tmp_path / "cut.tflite").write_bytes(good.read_bytes()[:2000])
    (tmp_path / "text.tflite").write_text("no model")
    np.savez(tmp_path / "small.npz", raw=np.zeros((4, 1, 9, 9), np.uint8))
    for path, words, said in [
        (tmp_path / "none.tflite", {}, "no such file"),
        (tmp_path / "cut.tflite", {}, "damaged|no TFLite flatbuffer"),
        (tmp_path / "text.tflite", {}, "no TFLite flatbuffer"),
        (good, {"board_keys": ("arduino-nano-33",)}, r"no board.*arduino-nano-33-ble"),
        (good, {"library_key": "chirale"}, "no TFLM library.*chirale-2.0.0"),
        (good, {"wishes": wishes_of(labels="cat,dog")}, "10 outputs, and there are 2 labels"),
        (good, {"wishes": wishes_of(mean="1,2")}, "--mean: 2 values, the input has 1 channels"),
        (good, {"name": "…"}, "no name for a sketch"),
    ]:
        with pytest.raises(RecipeError, match=said):
            pack(path, **({"board_keys": (BOARD,), "out": tmp_path / "out"} | words))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"raw has the shape \(4, 1, 9, 9\), the model takes \(N,1,8,8\)"):
        pack(
            good, (BOARD,), tmp_path, wishes=DIGITS, library_key="tflite-micro-2026-08", samples=tmp_path / "small.npz"
        )


def test_raw_inputs_come_back_from_normalised_ones(keras: Path) -> None:
    model = load_own(keras / "int8.tflite")
    preprocessing, notes = preprocessing_of(model, DIGITS)
    assert preprocessing == Preprocessing((1, 8, 8), 255.0, (0.0,), (1.0,), tuple("0123456789"))
    assert notes == ["labels: the file has none; classes are called 0 to 9 (--labels)"]
    with np.load(keras / "digits.npz") as arrays:
        assert (preprocessing.every_input[0].undo(arrays["x"]) == arrays["raw"]).all()
    assert read_samples(keras / "digits.npz", preprocessing).raw.dtype == np.uint8


def test_an_earlier_project_is_not_overwritten_unasked(packed: Packed) -> None:
    with pytest.raises(RecipeError, match="is there already"):
        pack(packed.model, (BOARD,), packed.project.parent, name="keras")


def test_a_model_with_a_state_forgets_it_between_test_vectors(tmp_path: Path) -> None:
    packed = pack(
        ROOT / "tests" / "data" / "lstm_int8.tflite",
        (BOARD,),
        tmp_path,
        wishes=wishes_of(raw_max=1.0, raw_type="float32"),
    )
    assert "interpreter->Reset()" in (packed.project / "classifier.cc").read_text() and packed.vectors


def test_a_state_in_resource_variables_is_packed(tmp_path: Path) -> None:
    model = tmp_path / "streaming.tflite"
    model.write_bytes(streaming(1.5))
    packed = pack(model, (BOARD,), tmp_path / "packed")
    classifier = (packed.project / "classifier.cc").read_text()
    assert "MicroResourceVariables::Create(allocator, 1)" in classifier and "Reset()" not in classifier.split("//")[-1]
    assert "resolver.AddCallOnce()" in classifier and packed.fits[0].arena.estimated == []
    runner = TFLMRunner(packed.model)
    vector = packed.vectors[0]
    for _ in range(2):  # the state that the first leaves behind is forgotten, and begins as the model says
        assert (runner.run_raw(vector.tensor[None])[0] == vector.output).all()


def test_per_channel_weights_of_a_streaming_model_are_refused_by_the_pinned_library(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded, match=r"FULLY_CONNECTED 9 .* per channel"):
        pack(FILE, (BOARD,), tmp_path)
    assert pack(FILE, (BOARD,), tmp_path, library_key="tflite-micro-2026-08").vectors
