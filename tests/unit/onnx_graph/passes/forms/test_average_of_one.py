import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_nets import graph, operators, run

from edgeforge.onnx_graph.passes.forms.average_of_one import AverageOfOne

ONE = np.random.default_rng(0).normal(0, 4, (1, 3, 1, 1)).astype(np.float32)
LINE = np.random.default_rng(0).normal(0, 4, (1, 3, 1, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("x", "axes", "output", "left"),
    [(ONE, [2, 3], [1, 3, 1, 1], "Identity"), (LINE, [2], [1, 3, 1, 5], "Identity"),
     (LINE, [2, 3], [1, 3, 1, 1], "ReduceMean")],
)  # fmt: skip
def test_only_an_average_of_a_single_value_goes(x: np.ndarray, axes: list[int], output: list[int], left: str) -> None:
    mean = helper.make_node("ReduceMean", ["x", "axes"], ["y"], "mean", keepdims=1)
    net = graph([mean], list(x.shape), output, [numpy_helper.from_array(np.array(axes), "axes")])
    expected = run(net, x)
    done = AverageOfOne()(net)
    assert operators(net) == [left] and done.changed == (("mean",) if left == "Identity" else ())
    assert np.allclose(run(net, x), expected, atol=1e-6)


def test_a_global_pool_of_one_goes_too() -> None:
    net = graph([helper.make_node("GlobalAveragePool", ["x"], ["y"], "pool")], [1, 3, 1, 1], [1, 3, 1, 1], [])
    AverageOfOne()(net)
    assert operators(net) == ["Identity"]
