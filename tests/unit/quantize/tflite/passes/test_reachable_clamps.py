"""A layer whose signal is next to nothing, behind a clamp: a deep network of fresh weights has them."""

import numpy as np
import pytest
from tflite_network import ACTIVATIONS
from tiny_nets import build, conv, dense

from edgeforge.errors import StageFailed
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.reachable_clamps import ReachableClamps
from edgeforge.quantize.tflite.static import Precision, quantize_static
from edgeforge.runtimes.tflm import load
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.layers import activation_of

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(8, 3, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("precision", ["int8", "int16"])
@pytest.mark.parametrize(("clamp", "left"), [("RELU6", "RELU"), ("RELU_N1_TO_1", "NONE")])
def test_a_clamp_beyond_32_bits_goes_and_tflm_takes_the_model(clamp: str, left: str, precision: Precision) -> None:
    made = [conv(RANDOM, 3, 4, 3, activation=clamp), dense(RANDOM, 144, 2)]
    made[0].weights *= 1e-13
    made[0].bias[:] = made[1].bias[:] = 0
    model = build((6, 6, 3), made)
    quantized = quantize_static(model, calibrate(model, X), precision=precision)
    assert activations(quantized)[0] == left
    load(quantized)
    unpacked = read_model(quantized)
    unpacked.subgraphs[0].operators[0].builtinOptions.fusedActivationFunction = ACTIVATIONS[clamp]
    with pytest.raises(StageFailed, match=r"layer CONV_2D \(0\) hardly answers"):
        load(write_model(unpacked))


def test_a_clamp_in_reach_keeps_the_very_bytes() -> None:
    model = build((6, 6, 3), [conv(RANDOM, 3, 4, 3, activation="RELU6"), dense(RANDOM, 144, 2)])
    quantized = quantize_static(model, calibrate(model, X))
    assert ReachableClamps()(quantized).model is quantized
    assert activations(quantized)[0] == "RELU6"


def activations(model: bytes) -> list[str]:
    """Return the fused activation of every operator."""
    return [activation_of(operator) for operator in read_model(model).subgraphs[0].operators]
