from pathlib import Path

import numpy as np
import pytest
from tiny_nets import build, conv, images

from edgeforge.errors import StageFailed
from edgeforge.passes import Refusal, Rewritten
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.conversion import NumberType
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.input_output_type import InputOutputType

RANDOM = np.random.default_rng(0)
FLOAT, X = build((8, 8, 3), [conv(RANDOM, 3, 4, 3, activation="RELU"), conv(RANDOM, 4, 5)]), images(RANDOM, 6)


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite", kernels="builtin").run(X)


@pytest.mark.parametrize(
    ("inside", "kind", "added"),
    [
        ("int8", "uint8", {"QUANTIZE": 2}),
        ("int8", "float32", {"QUANTIZE": 1, "DEQUANTIZE": 1}),
        ("int16", "float32", {"QUANTIZE": 1, "DEQUANTIZE": 1}),
    ],
)
def test_a_conversion_stands_at_each_end(
    inside: NumberType, kind: NumberType, added: dict[str, int], tmp_path: Path
) -> None:
    model = quantize_static(FLOAT, calibrate(FLOAT, X), precision=inside)  # type: ignore[arg-type]
    assert operators(model) == {"CONV_2D": 2}
    done = InputOutputType(kind)(model)
    assert operators(done.model) == {"CONV_2D": 2, **added} and done.changed == ("input", "output")
    (tmp_path / "model.tflite").write_bytes(done.model)
    runner = LiteRTRunner(tmp_path / "model.tflite")
    assert runner.input.dtype == runner.output.dtype == kind
    expected = outputs(model, tmp_path)
    np.testing.assert_allclose(outputs(done.model, tmp_path), expected, atol=1e-6 * abs(expected).max())


def test_ends_of_that_type_stay_byte_for_byte() -> None:
    model = quantize_static(FLOAT, calibrate(FLOAT, X))
    assert InputOutputType("int8")(model).model is model


@pytest.mark.parametrize(("inside", "kind"), [("int16", "int8"), ("float32", "int8")])
def test_what_has_no_kernel_is_refused(inside: str, kind: NumberType) -> None:
    model = FLOAT if inside == "float32" else quantize_static(FLOAT, calibrate(FLOAT, X), precision="int16")
    done = InputOutputType(kind)(model)
    assert done.model is model and done.refused == (
        Refusal("input", f"a model of {inside} has no conversion to {kind}"),
    )


def test_a_conversion_that_is_missing_is_caught() -> None:
    class Forgets(InputOutputType):
        def rewrite(self, model: bytes) -> Rewritten[bytes]:
            return Rewritten(model, ("input", "output"))

    with pytest.raises(StageFailed, match="Forgets does not do what it ensures: an end is INT8"):
        Forgets("float32")(quantize_static(FLOAT, calibrate(FLOAT, X)))
