from pathlib import Path

import numpy as np
from tflite_network import Network
from tiny_nets import images

from edgeforge.passes import Rewritten
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.divide_by_root import DivideByRoot

X = abs(images(np.random.default_rng(0), 4)) + 0.1


def divided(*, shared: bool) -> bytes:
    """x / sqrt(x), and where it is shared, the root added."""
    net = Network(8, 8, 3)
    root = net.unary("SQRT", net.input)
    ratio = net.operator("DIV", [net.input, root], net.shape(net.input))
    return net.build(net.add(ratio, root) if shared else ratio)


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite", kernels="builtin").run(X)


def test_a_division_by_a_root_becomes_a_product(tmp_path: Path) -> None:
    model = divided(shared=False)
    assert operators(model) == {"SQRT": 1, "DIV": 1}
    done = DivideByRoot()(model)
    assert operators(done.model) == {"RSQRT": 1, "MUL": 1} and len(done.changed) == 1
    np.testing.assert_allclose(outputs(done.model, tmp_path), outputs(model, tmp_path), rtol=1e-5)


def test_a_root_that_others_read_is_refused() -> None:
    model = divided(shared=True)
    done = DivideByRoot()(model)
    assert isinstance(done, Rewritten) and done.model is model
    assert [refusal.reason for refusal in done.refused] == ["others read the root"]
