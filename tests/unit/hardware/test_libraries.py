"""Which models each TFLM library would get wrong: small nets, quantized as makers of models do, and TFLM's own word."""

from pathlib import Path

import numpy as np
import pytest
from tflite_network import Network
from tiny_nets import build, conv, dense

from edgeforge.errors import RecipeError
from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import board, boards
from edgeforge.hardware.libraries import Library, caveats, libraries, library
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.static import Precision, quantize_static
from edgeforge.recipe.schema import DEFAULT_LIBRARY
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.fit.library import refusals
from edgeforge.tflite.flatbuffer import read_model, write_model

CHIRALE, HEAD = library(DEFAULT_LIBRARY), library("tflite-micro-2026-08")
ESP = library("esp-tflite-micro-1.4.0")


def net(*, precision: Precision = "int8", per_channel_dense: bool = False, groups: int = 1) -> bytes:
    """Return a convolution and a dense layer of random weights, quantized on random images."""
    random = np.random.default_rng(3)
    layers = [
        conv(random, 4 // groups, 6, 3),
        Network.flat,
        dense(random, 384, 5),
    ]
    model = build((8, 8, 4), layers)
    ranges = calibrate(model, random.normal(0, 1, (8, 4, 8, 8)).astype(np.float32))
    return quantize_static(model, ranges, precision=precision, per_channel_dense=per_channel_dense)


def test_dense_weights_per_tensor_are_right_everywhere() -> None:
    assert [refusals(net(), known) for known in libraries().values()] == [[]] * len(libraries())


def test_dense_weights_per_channel_name_the_layer_and_the_safe_conversion() -> None:
    (refusal,) = refusals(net(per_channel_dense=True), CHIRALE)
    assert refusal.layer == "FULLY_CONNECTED 2 (fully_connected_2)"
    assert (
        "per channel (5 scales); Chirale_TensorFLowLite 2.0.0 computes these wrongly and reports no error"
        in refusal.reason
    )
    assert "--requantize --float" in refusal.fix


def test_one_scale_written_for_every_channel_is_safe() -> None:
    model = read_model(net(per_channel_dense=True))
    weights = model.subgraphs[0].tensors[model.subgraphs[0].operators[2].inputs[1]]
    weights.quantization.scale = np.full(5, 0.01, np.float32)
    assert refusals(write_model(model), CHIRALE) == []


@pytest.mark.parametrize("precision", ["int8", "int16"])
def test_todays_tflm_computes_what_it_is_said_to(precision: Precision, tmp_path: Path) -> None:
    model = net(precision=precision, per_channel_dense=True)
    assert refusals(model, HEAD) == []
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    images = np.random.default_rng(1).normal(0, 1, (20, 4, 8, 8)).astype(np.float32)
    tflm, litert = TFLMRunner(path), LiteRTRunner(path, kernels="reference")
    steps = abs(tflm.run(images) - litert.run(images)) / litert.output.scale
    assert steps.max() < 1.5


def test_int16_layers_that_a_library_lacks_are_named() -> None:
    random = np.random.default_rng(0)
    model = build((8, 8, 3), [conv(random, 3, 4, 3), Network.pool])
    ranges = calibrate(model, random.normal(0, 1, (4, 3, 8, 8)).astype(np.float32))
    (refusal,) = refusals(quantize_static(model, ranges, precision="int16"), CHIRALE)
    assert refusal.reason == "Chirale_TensorFLowLite 2.0.0 does not compute MAX_POOL_2D in int16"
    assert (refusal.layer, refusal.fix) == ("MAX_POOL_2D 1 (max_pool_2d_1)", "quantize it to int8")
    assert refusals(quantize_static(model, ranges), CHIRALE) == []


def test_grouped_convolutions_are_wrong_where_the_kernel_knows_none() -> None:
    model = net(groups=2)
    assert "2 groups" in refusals(model, CHIRALE)[0].reason
    assert refusals(model, HEAD) == []


def test_an_operator_that_only_newer_libraries_have() -> None:
    model = read_model(net())
    code = next(code for code in model.operatorCodes if code.builtinCode == 9)  # FULLY_CONNECTED
    code.builtinCode = code.deprecatedBuiltinCode = 126  # BATCH_MATMUL
    (refusal,) = refusals(write_model(model), CHIRALE)
    assert refusal.reason == "Chirale_TensorFLowLite 2.0.0 has no operator BATCH_MATMUL"


def test_asymmetric_dense_weights_are_refused() -> None:
    model = read_model(net())
    weights = model.subgraphs[0].tensors[model.subgraphs[0].operators[2].inputs[1]]
    weights.quantization.zeroPoint = np.array([7])
    assert "zero point 7" in refusals(write_model(model), CHIRALE)[0].reason


def test_a_board_that_the_library_does_not_list_is_said() -> None:
    assert caveats(CHIRALE, board("arduino-nano-33-ble")) == []
    uno = Board.model_validate(board("arduino-nano-33-ble").model_dump() | {"fqbn": "arduino:renesas_uno:minima"})
    assert "not for this Arduino core" in caveats(CHIRALE, uno)[0]


def test_the_kernels_are_the_library_s_unless_the_board_says_otherwise() -> None:
    nano = board("arduino-nano-33-ble")
    assert {CHIRALE.kernels_on(one) for one in boards().values()} == {"cmsis-nn"}
    assert (HEAD.kernels_on(nano), ESP.kernels_on(board("esp32-s3"))) == ("reference", "esp-nn")
    assert HEAD.kernels_on(nano.model_copy(update={"kernels": "cmsis-nn"})) == "cmsis-nn"


def test_an_unknown_library_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"'chirale-2.0' is no TFLM library.*chirale-2.0.0"):
        library("chirale-2.0")


@pytest.mark.parametrize("known", libraries().values(), ids=libraries())
def test_every_library_says_where_its_abilities_were_read(known: Library) -> None:
    assert known.source.startswith("https://github.com/")
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "SOFTMAX", "MEAN", "ADD"} <= known.operators["int8"]
    assert not known.operators["other"] & (known.operators["int8"] | known.operators["int16"])
