import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeforge.onnx_graph.flatten_order import flatten_channels_last


def network(shape: tuple[int, int, int], outputs: int, *, transposed: bool, flatten: str, seed: int) -> onnx.ModelProto:
    c, h, w = shape
    weights = np.random.default_rng(seed).normal(size=(outputs, c * h * w)).astype(np.float32)
    matrix = weights if transposed else weights.T.copy()
    initializers = [numpy_helper.from_array(matrix, "w")]
    inputs = ["r"]
    if flatten == "Reshape":
        initializers.append(numpy_helper.from_array(np.array([1, c * h * w]), "shape"))
        inputs.append("shape")
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node(flatten, inputs, ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "w"], ["y"], "dense", transB=int(transposed)),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, c, h, w])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs])
    graph = helper.make_graph(nodes, "g", [x], [y], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def outputs_of(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@settings(max_examples=25)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(2, 4)),
    transposed=st.booleans(),
    flatten=st.sampled_from(["Flatten", "Reshape"]),
    seed=st.integers(0, 999),
)
def test_the_outputs_stay_the_same(shape: tuple[int, int, int], transposed: bool, flatten: str, seed: int) -> None:
    model = network(shape, 3, transposed=transposed, flatten=flatten, seed=seed)
    x = np.random.default_rng(seed + 1).normal(size=(1, *shape)).astype(np.float32)
    before = outputs_of(model, x)
    assert flatten_channels_last(model) == ["dense"]
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Relu", "Transpose", flatten, "Gemm"]
    assert np.allclose(outputs_of(model, x), before, atol=1e-5)


def test_activations_between_do_not_matter() -> None:
    model = network((4, 2, 3), 3, transposed=True, flatten="Flatten", seed=0)
    model.graph.node[2].input[0] = "b"
    model.graph.node.insert(2, helper.make_node("Tanh", ["f"], ["a"]))
    model.graph.node.insert(3, helper.make_node("LeakyRelu", ["a"], ["b"]))
    x = np.random.default_rng(1).normal(size=(1, 4, 2, 3)).astype(np.float32)
    before = outputs_of(model, x)
    assert flatten_channels_last(model) == ["dense"]
    assert np.allclose(outputs_of(model, x), before, atol=1e-5)


@pytest.mark.parametrize("reason", ["global pool", "read twice", "shared weights"])
def test_what_cannot_be_rewritten_is_left_alone(reason: str) -> None:
    shape = (4, 1, 1) if reason == "global pool" else (4, 2, 2)
    model = network(shape, 3, transposed=True, flatten="Flatten", seed=0)
    if reason == "read twice":
        model.graph.node.append(helper.make_node("Relu", ["f"], ["z"]))
    if reason == "shared weights":
        model.graph.node.append(helper.make_node("Relu", ["w"], ["z"]))
    before = model.SerializeToString()
    assert flatten_channels_last(model) == []
    assert model.SerializeToString() == before
