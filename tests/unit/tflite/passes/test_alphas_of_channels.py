from pathlib import Path

import numpy as np
from tflite_network import Network
from tiny_nets import after, conv, dense, images

from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.passes.alphas_of_channels import AlphasOfChannels

RANDOM = np.random.default_rng(0)
SLOPES = RANDOM.uniform(-0.5, 0.5, 4).astype(np.float32)


def slopes_shaped(*shape: int, size: int = 1) -> bytes:
    """A convolution, a pool that leaves size x size, a PRELU whose slopes have a shape, and a dense layer."""
    net = Network(8, 8, 3)
    pooled = net.pool(conv(np.random.default_rng(0), 3, 4)(net, net.input), size=8 // size, stride=8 // size)
    alpha = net.tensor("alpha", shape, "FLOAT32", values=SLOPES.reshape(shape))
    bent = net.operator("PRELU", [pooled, alpha], (1, size, size, 4))
    return net.build(after(net, net.flat(bent), dense(np.random.default_rng(1), 4 * size * size, 5)))


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite").run(images(np.random.default_rng(2), 4))


def test_slopes_of_one_pixel_become_those_of_channels(tmp_path: Path) -> None:
    done = AlphasOfChannels()(slopes_shaped(1, 4, 1, 1))
    assert [label.split(" (")[0] for label in done.changed] == ["PRELU 2"]
    found, expected = outputs(done.model, tmp_path), outputs(slopes_shaped(1, 1, 4), tmp_path)
    assert np.array_equal(found, expected)
    assert (1, 1, 4) in [Graph(done.model).shape(place) for place in Graph(done.model).constants]


def test_slopes_that_fit_stay_as_they_are() -> None:
    for model in (slopes_shaped(1, 1, 4), slopes_shaped(1, 1, 1, 4), slopes_shaped(1, 1, 4, size=4)):
        done = AlphasOfChannels()(model)
        assert done.model is model and not done.changed
