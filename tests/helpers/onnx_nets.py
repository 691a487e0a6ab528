"""Small ONNX graphs for the passes: what they hold, and what they compute in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

X = np.random.default_rng(0).normal(0, 4, (1, 3, 4, 5)).astype(np.float32)
SCOPES = "['', 'gate', 'node']"  # the modules around a node, as torch.onnx.export notes them


def model(node: onnx.NodeProto, output: list[int], *initializers: onnx.TensorProto) -> onnx.ModelProto:
    """Return a graph of one node from `x` (of X's shape) to `y`."""
    entry = node.metadata_props.add()
    entry.key, entry.value = "pkg.torch.onnx.name_scopes", SCOPES
    return graph([node], list(X.shape), output, list(initializers))


def graph(
    nodes: list[onnx.NodeProto], source: list[int], output: list[int], initializers: list[onnx.TensorProto]
) -> onnx.ModelProto:
    """Return a graph of nodes from `x` to `y`."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, source)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, output)
    made = helper.make_graph(nodes, "g", [x], [y], initializers)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model: onnx.ModelProto, x: np.ndarray = X) -> np.ndarray:
    """Return the output of a model that ONNX's checker takes."""
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def operators(model: onnx.ModelProto) -> list[str]:
    """Return the operators in order."""
    return [node.op_type for node in model.graph.node]
