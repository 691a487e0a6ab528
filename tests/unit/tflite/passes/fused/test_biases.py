from pathlib import Path

import numpy as np
import pytest
from tflite_network import Network
from tiny_nets import images

from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.fused.biases import FuseBiases

RANDOM = np.random.default_rng(0)
X = images(RANDOM, 4)
BIAS = RANDOM.normal(size=(1, 1, 1, 5)).astype(np.float32)


def constant(net: Network, values: np.ndarray) -> int:
    return net.tensor("constant", values.shape, "FLOAT32", values=values.astype(np.float32))


def transposed(activation: str = "NONE", added: np.ndarray = BIAS, *, read_twice: bool = False) -> bytes:
    """A transposed convolution of 3 to 5 channels, and what is added to its output."""
    net = Network(8, 8, 3)
    shape = net.whole("shape", [1, 16, 16, 5])
    kernel = constant(net, RANDOM.normal(size=(5, 2, 2, 3)))
    x = net.operator("TRANSPOSE_CONV", [shape, kernel, net.input], (1, 16, 16, 5), strideH=2, strideW=2, padding=1)
    y = net.operator("ADD", [x, constant(net, added)], (1, 16, 16, 5), activation)
    return net.build(net.flat(net.add(x, y) if read_twice else y))


def cropped() -> bytes:
    """One whose output is cut to its inside before the bias is added, as padding in PyTorch becomes."""
    net = Network(8, 8, 3)
    kernel = constant(net, RANDOM.normal(size=(5, 2, 2, 3)))
    shape = net.whole("shape", [1, 16, 16, 5])
    x = net.operator("TRANSPOSE_CONV", [shape, kernel, net.input], (1, 16, 16, 5), strideH=2, strideW=2, padding=1)
    places = {"begin": [0, 1, 1, 0], "end": [1, 15, 15, 5], "by": [1, 1, 1, 1]}
    ends = [net.whole(name, values) for name, values in places.items()]
    x = net.operator("STRIDED_SLICE", [x, *ends], (1, 14, 14, 5))
    return net.build(net.flat(net.operator("ADD", [x, constant(net, BIAS)], (1, 14, 14, 5), "RELU")))


def test_a_crop_may_stand_between(tmp_path: Path) -> None:
    model = cropped()
    done = FuseBiases()(model)
    assert operators(done.model) == {"TRANSPOSE_CONV": 1, "STRIDED_SLICE": 1, "RELU": 1, "RESHAPE": 1}
    np.testing.assert_allclose(outputs(done.model, tmp_path), outputs(model, tmp_path), atol=1e-5)


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite", kernels="reference").run(X)


@pytest.mark.parametrize(("activation", "left"), [("NONE", {}), ("RELU", {"RELU": 1})])
def test_a_bias_becomes_the_convolutions_own(activation: str, left: dict[str, int], tmp_path: Path) -> None:
    model = transposed(activation)
    done = FuseBiases()(model)
    assert operators(done.model) == {"TRANSPOSE_CONV": 1, "RESHAPE": 1, **left} and len(done.changed) == 1
    np.testing.assert_allclose(outputs(done.model, tmp_path), outputs(model, tmp_path), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (transposed("RELU6"), "TFLM's transposed convolution has no room for RELU6"),
        (transposed(added=np.ones((1, 16, 16, 5), np.float32)), "it does not add one value a channel"),
        (transposed(read_twice=True), "what it adds to has other readers"),
    ],
)
def test_what_is_no_bias_is_refused(model: bytes, reason: str) -> None:
    done = FuseBiases()(model)
    assert done.model is model and done.refused[0].reason == reason
