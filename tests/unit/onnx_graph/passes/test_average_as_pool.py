import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_nets import model, operators, run

from edgeforge.onnx_graph.passes.average_as_pool import AverageAsPool
from edgeforge.passes import Refusal


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2]])
def test_an_average_over_height_and_width_becomes_a_pool(axes: list[int]) -> None:
    axes_tensor = numpy_helper.from_array(np.array(axes), "axes")
    mean = model(helper.make_node("ReduceMean", ["x", "axes"], ["y"], "mean", keepdims=1), [1, 3, 1, 1], axes_tensor)
    assert operators(mean) == ["ReduceMean"]
    expected = run(mean)
    done = AverageAsPool()(mean)
    assert operators(mean) == ["GlobalAveragePool"] and done.changed == ("mean",) and not done.refused
    assert np.allclose(run(mean), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("axes", "keep", "output", "reason"),
    [
        ([1], 1, [1, 1, 4, 5], "it averages over other dimensions than height and width"),
        ([2, 3], 0, [1, 3], "it drops the dimensions that it averages over"),
    ],
)
def test_other_averages_are_refused(axes: list[int], keep: int, output: list[int], reason: str) -> None:
    axes_tensor = numpy_helper.from_array(np.array(axes), "axes")
    mean = model(helper.make_node("ReduceMean", ["x", "axes"], ["y"], "mean", keepdims=keep), output, axes_tensor)
    done = AverageAsPool()(mean)
    assert operators(mean) == ["ReduceMean"]
    assert done.changed == () and done.refused == (Refusal("mean", reason),)


def test_what_cannot_be_told_is_refused() -> None:
    axes_tensor = numpy_helper.from_array(np.array([2, 3]), "axes")
    node = helper.make_node("ReduceMean", ["r", "axes"], ["y"], "mean", keepdims=1)
    mean = model(node, [1, 3, 1, 1], axes_tensor)
    mean.graph.node.insert(0, helper.make_node("Relu", ["x"], ["r"], "before"))
    assert AverageAsPool()(mean).refused == (Refusal("mean", "its input's shape is not known"),)
    free = model(helper.make_node("ReduceMean", ["x", "x"], ["y"], "mean"), [1, 3, 1, 1])
    assert AverageAsPool()(free).refused == (Refusal("mean", "its axes are not constant"),)
