"""Constants folded, and the gather that PyTorch's as_strided leaves as a reshape."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_nets import X, graph, operators, run

from edgeforge.onnx_graph.passes.fold_constants import FoldConstants
from edgeforge.onnx_graph.passes.gather_as_reshape import GatherAsReshape
from edgeforge.passes import Refusal


def strided(order: list[int]) -> onnx.ModelProto:
    """x flattened, and gathered by indices that a Loop has computed of constants alone."""
    shape = [1, 3, 4, 5]
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_out"]), helper.make_node("Identity", ["v"], ["v_out"])],
        "body",
        [helper.make_tensor_value_info(name, kind, form) for name, kind, form in
         (("i", TensorProto.INT64, []), ("on", TensorProto.BOOL, []), ("v", TensorProto.INT64, shape))],
        [helper.make_tensor_value_info(name, kind, form) for name, kind, form in
         (("on_out", TensorProto.BOOL, []), ("v_out", TensorProto.INT64, shape))],
    )  # fmt: skip
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["r"], "flatten"),
        helper.make_node("Loop", ["trips", "", "order"], ["looped"], "loop", body=body),
        helper.make_node("Add", ["looped", "nothing"], ["indices"], "add"),
        helper.make_node("Gather", ["r", "indices"], ["y"], "gather"),
    ]
    values = {"flat": [-1], "trips": 1, "order": np.reshape(order, shape), "nothing": 0}
    initializers = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in values.items()]
    return graph(nodes, shape, shape, initializers)


def test_what_follows_from_constants_becomes_one() -> None:
    model = strided(list(range(60)))
    expected = run(model)
    assert operators(model) == ["Reshape", "Loop", "Add", "Gather"]
    assert FoldConstants()(model).changed == ("loop", "add")
    assert operators(model) == ["Reshape", "Gather"]
    assert np.array_equal(run(model), expected)
    assert GatherAsReshape()(model).changed == ("gather",)
    assert operators(model) == ["Identity"]
    assert np.array_equal(run(model), expected) and np.array_equal(expected, X)


def test_a_gather_that_moves_values_is_refused() -> None:
    model = strided(list(range(60))[::-1])
    FoldConstants()(model)
    done = GatherAsReshape()(model)
    assert operators(model) == ["Reshape", "Gather"]
    assert done.refused == (Refusal("gather", "it leaves out, repeats or moves values"),)


@pytest.mark.parametrize("name", ["FoldConstants", "GatherAsReshape"])
def test_a_graph_without_any_stays(name: str) -> None:
    model = graph([helper.make_node("Relu", ["x"], ["y"], "relu")], list(X.shape), list(X.shape), [])
    before = model.SerializeToString()
    one = FoldConstants() if name == "FoldConstants" else GatherAsReshape()
    assert one(model).changed == () and model.SerializeToString() == before
