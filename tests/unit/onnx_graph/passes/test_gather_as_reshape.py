"""A gather of every value in its order is a reshape; a graph may hold nodes without inputs beside it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeforge.onnx_graph.passes.gather_as_reshape import GatherAsReshape


def test_a_constant_beside_a_gather() -> None:
    def value(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    axes = numpy_helper.from_array(np.array([2], np.int64))
    nodes = [
        helper.make_node("Constant", [], ["axes"], name="constant", value=axes),
        helper.make_node("Squeeze", ["x", "axes"], ["rows"], name="squeeze"),
        helper.make_node("Reshape", ["rows", "flat"], ["line"], name="reshape"),
        helper.make_node("Gather", ["line", "every"], ["y"], name="gather"),
    ]
    arrays = {"flat": np.array([-1], np.int64), "every": np.arange(6, dtype=np.int64).reshape(3, 2)}
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", [value("x", [1, 2, 1, 3])], [value("y", [3, 2])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert GatherAsReshape()(model).changed == ("gather",)
    assert [node.op_type for node in model.graph.node] == ["Constant", "Squeeze", "Reshape", "Reshape"]
