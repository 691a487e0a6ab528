import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_nets import SCOPES, model, operators, run

from edgeforge.onnx_graph.passes.norm_as_root import NormAsRoot


@pytest.mark.parametrize(("keep", "output"), [(1, [1, 3, 4, 1]), (0, [1, 3, 4])])
def test_a_norm_becomes_the_root_of_a_sum_of_squares(keep: int, output: list[int]) -> None:
    axes = numpy_helper.from_array(np.array([-1]), "axes")
    norm = model(helper.make_node("ReduceL2", ["x", "axes"], ["y"], "norm", keepdims=keep), output, axes)
    assert operators(norm) == ["ReduceL2"]
    expected = run(norm)
    assert NormAsRoot()(norm).changed == ("norm",)
    assert operators(norm) == ["Mul", "ReduceSum", "Sqrt"]
    assert norm.graph.node[-1].metadata_props[0].value == SCOPES
    assert np.allclose(run(norm), expected, rtol=1e-6)
