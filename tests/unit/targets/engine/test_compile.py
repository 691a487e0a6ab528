"""The whole way from a .tflite to bytes computed by compiled C."""

from pathlib import Path

import numpy as np
import pytest
from engine_program import engine_outputs, random_inputs, tflm_outputs, xnnpack_outputs
from places import DATA
from tflite_network import Network

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import library_files
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.flatbuffer import write_model


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


def test_an_output_that_nothing_computes_is_refused() -> None:
    net = Network(kind="INT8")
    net.build(net.relu(net.input))
    net.graph.outputs = [net.graph.outputs[0], net.input]
    with pytest.raises(RecipeError, match="output tensor input_0 is computed by no operator"):
        compile_model(write_model(net.model), "net")


def test_a_constant_that_is_cut_short_is_refused() -> None:
    net = Network(kind="INT8")
    x = net.conv(net.input, np.ones((2, 1, 1, 3)))
    net.model.buffers[1].data = net.model.buffers[1].data[:5]
    with pytest.raises(RecipeError, match=r"tensor weights_1 has 5 bytes; its shape .* and type int8 take 6"):
        compile_model(net.build(x), "net")


def test_the_same_model_gives_the_same_text() -> None:
    model = (DATA / "digits_int8.tflite").read_bytes()
    assert library_files([compile_model(model, "net")]) == library_files([compile_model(model, "net")])


def test_inputs_and_outputs_have_room_in_the_arena() -> None:
    network = compile_model((DATA / "digits_int8.tflite").read_bytes(), "digits")
    ends = (*network.inputs, *network.outputs)
    apart = network.arena_bytes + sum(tensor.bytes for tensor in ends)
    assert network.arena_bytes <= network.shared_bytes < apart
    assert all(network.end_offsets[one.number] + one.bytes <= network.shared_bytes for one in ends)
    header = library_files([network])["digits.h"]
    assert f"#define DIGITS_SHARED_BYTES {network.shared_bytes}\n" in header
    assert f"#define DIGITS_IN_OFFSET {network.end_offsets[network.inputs[0].number]}\n" in header
