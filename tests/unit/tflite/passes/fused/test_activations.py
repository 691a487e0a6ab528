from pathlib import Path

import numpy as np
import pytest
from tflite_network import Network
from tiny_nets import Step, build, conv, dense, images

from edgeforge.errors import StageFailed
from edgeforge.passes import Rewritten
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.layers import activation_of
from edgeforge.tflite.passes.fused.activations import FuseActivations

RANDOM = np.random.default_rng(0)
X = images(RANDOM, 4)


def act(name: str) -> Step:
    return lambda net, x: net.unary(name, x)


def twice(net: Network, x: int) -> int:
    """An activation and its input, added."""
    return net.add(x, net.unary("RELU", x))


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite", kernels="builtin").run(X)


@pytest.mark.parametrize("activation", ["RELU", "RELU6"])
def test_an_activation_goes_into_the_layer_before_it(activation: str, tmp_path: Path) -> None:
    layers = [conv(RANDOM, 3, 4, 3), act(activation), dense(RANDOM, 256, 5), act(activation)]
    model = build((8, 8, 3), layers)
    assert operators(model) == {"CONV_2D": 1, activation: 2, "FULLY_CONNECTED": 1}
    done = FuseActivations()(model)
    assert operators(done.model) == {"CONV_2D": 1, "FULLY_CONNECTED": 1} and len(done.changed) == 2
    assert [activation_of(operator) for operator in Graph(done.model).operators] == [activation] * 2
    np.testing.assert_allclose(outputs(done.model, tmp_path), outputs(model, tmp_path), atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ([act("RELU"), conv(RANDOM, 3, 4)], "it reads the model's input"),
        ([Network.pool, act("RELU")], "MAX_POOL_2D has no room for it"),
        ([conv(RANDOM, 3, 4, activation="RELU6"), act("RELU")], "CONV_2D has another one already"),
        ([conv(RANDOM, 3, 4), twice], "its input has other readers"),
    ],
)
def test_what_has_no_room_is_refused(layers: list[Step], reason: str) -> None:
    model = build((8, 8, 3), layers)
    done = FuseActivations()(model)
    assert done.model is model and [refusal.reason for refusal in done.refused] == [reason]


def test_an_activation_that_is_lost_is_caught() -> None:
    class Loses(FuseActivations):
        def rewrite(self, model: bytes) -> Rewritten[bytes]:
            return Rewritten(super().rewrite(model).model)

    with pytest.raises(StageFailed, match="Loses does not do what it ensures: the operators were"):
        Loses()(build((8, 8, 3), [conv(RANDOM, 3, 4), act("RELU")]))
