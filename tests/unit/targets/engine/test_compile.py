"""The whole way from a .tflite to bytes computed by compiled C."""

from pathlib import Path

import numpy as np
import pytest
from engine_program import engine_outputs, random_inputs, tflm_outputs, xnnpack_outputs
from places import DATA
from tflite_network import Network

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.options import Options


@pytest.mark.parametrize("name", ["digits_int8", "digits_int8_per_channel_dense"])
def test_digits_has_the_bytes_of_tflm(name: str, tmp_path: Path) -> None:
    model = (DATA / f"{name}.tflite").read_bytes()
    inputs = random_inputs(model, 64)
    for ours, theirs in zip(engine_outputs(model, inputs, tmp_path), tflm_outputs(model, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_single_rounding_has_the_bytes_of_litert(tmp_path: Path) -> None:
    model = (DATA / "digits_int8_per_channel_dense.tflite").read_bytes()
    inputs = random_inputs(model, 64)
    ours = engine_outputs(model, inputs, tmp_path, Options(rounding="single"))
    np.testing.assert_array_equal(ours[0], xnnpack_outputs(model, inputs)[0])
    assert (ours[0] != tflm_outputs(model, inputs)[0]).any(), "the two roundings differ"


def test_what_cannot_be_compiled_is_named() -> None:
    net = Network()
    with pytest.raises(RecipeError, match=r"CONV_2D 0 \(conv_2d_0\): tensor \S+ is float32"):
        compile_model(net.build(net.conv(net.input, np.ones((2, 1, 1, 3)))), "net")
