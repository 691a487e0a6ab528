from pathlib import Path

import numpy as np
from tflite_network import Network
from tiny_nets import after, conv, dense, images

from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.drop_transposes import DropTransposes

RANDOM = np.random.default_rng(0)
X = images(RANDOM, 4)


def flattened(size: int) -> bytes:
    """A convolution, a pool that leaves size x size, a transpose to N,C,H,W, a reshape and a dense layer."""
    net = Network(8, 8, 3)
    pooled = net.pool(conv(RANDOM, 3, 4)(net, net.input), size=8 // size, stride=8 // size)
    order = net.tensor("order", (4,), "INT32", values=np.array([0, 3, 1, 2], np.int32))
    turned = net.operator("TRANSPOSE", [pooled, order], (1, 4, size, size))
    return net.build(after(net, net.flat(turned), dense(RANDOM, 4 * size * size, 5)))


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite").run(X)


def test_one_that_moves_nothing_goes(tmp_path: Path) -> None:
    model = flattened(1)
    assert operators(model)["TRANSPOSE"] == 1
    done = DropTransposes()(model)
    assert "TRANSPOSE" not in operators(done.model) and len(done.changed) == 1
    assert sum(operators(done.model).values()) == sum(operators(model).values()) - 1
    assert np.array_equal(outputs(done.model, tmp_path), outputs(model, tmp_path))


def test_one_that_moves_values_is_refused() -> None:
    model = flattened(2)
    done = DropTransposes()(model)
    assert done.model is model and [refusal.reason for refusal in done.refused] == ["it moves values"]
