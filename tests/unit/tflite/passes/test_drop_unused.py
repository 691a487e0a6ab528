from pathlib import Path

import numpy as np
from tiny_nets import Step, build, conv, dense, images

from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.passes.drop_unused import DropUnused
from edgeforge.tflite.passes.fused.activations import FuseActivations

RANDOM = np.random.default_rng(0)
X = images(RANDOM, 4)


def relu() -> Step:
    return lambda net, x: net.unary("RELU", x)


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite").run(X)


def test_what_a_fused_activation_leaves_behind_goes(tmp_path: Path) -> None:
    fused = FuseActivations()(build((8, 8, 3), [conv(RANDOM, 3, 4, 3), dense(RANDOM, 256, 5), relu()])).model
    done = DropUnused()(fused)
    assert len(Graph(done.model).tensors) == len(Graph(fused).tensors) - 1 and len(done.changed) == 1
    assert operators(done.model) == operators(fused)
    assert np.array_equal(outputs(done.model, tmp_path), outputs(fused, tmp_path))


def test_a_model_that_uses_all_stays_as_it_is() -> None:
    model = build((8, 8, 3), [conv(RANDOM, 3, 4, 3), dense(RANDOM, 256, 5)])
    assert DropUnused()(model).model is model
