import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from onnx_nets import graph, operators, run

from edgeforge.onnx_graph.passes.flatten_channels_last import FlattenChannelsLast
from edgeforge.passes import Refusal


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
        helper.make_node("Relu", ["x"], ["r"], "relu"),
        helper.make_node(flatten, inputs, ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "w"], ["y"], "dense", transB=int(transposed)),
    ]
    return graph(nodes, [1, c, h, w], [1, outputs], initializers)


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
    assert operators(model) == ["Relu", flatten, "Gemm"]
    before = run(model, x)
    assert FlattenChannelsLast()(model).changed == ("dense",)
    assert operators(model) == ["Relu", "Transpose", flatten, "Gemm"]
    assert np.allclose(run(model, x), before, atol=1e-5)


def test_activations_between_do_not_matter() -> None:
    model = network((4, 2, 3), 3, transposed=True, flatten="Flatten", seed=0)
    model.graph.node[2].input[0] = "b"
    model.graph.node.insert(2, helper.make_node("Tanh", ["f"], ["a"], "tanh"))
    model.graph.node.insert(3, helper.make_node("LeakyRelu", ["a"], ["b"], "leaky"))
    x = np.random.default_rng(1).normal(size=(1, 4, 2, 3)).astype(np.float32)
    before = run(model, x)
    assert FlattenChannelsLast()(model).changed == ("dense",)
    assert operators(model) == ["Relu", "Transpose", "Flatten", "Tanh", "LeakyRelu", "Gemm"]
    assert np.allclose(run(model, x), before, atol=1e-5)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("global pool", ""),
        ("read twice", "its output has several readers, or is the model's"),
        ("shared weights", "the dense layer's weights have other readers"),
        ("another operator", "Softmax reads it"),
    ],
)
def test_what_cannot_be_rewritten_is_left_alone(what: str, reason: str) -> None:
    shape = (4, 1, 1) if what == "global pool" else (4, 2, 2)
    model = network(shape, 3, transposed=True, flatten="Flatten", seed=0)
    if what == "read twice":
        model.graph.node.append(helper.make_node("Relu", ["f"], ["z"], "other"))
    if what == "shared weights":
        model.graph.node.append(helper.make_node("Relu", ["w"], ["z"], "other"))
    if what == "another operator":
        model.graph.node[2].input[0] = "s"
        model.graph.node.insert(2, helper.make_node("Softmax", ["f"], ["s"], "softmax"))
    before = model.SerializeToString()
    done = FlattenChannelsLast()(model)
    assert done.changed == () and model.SerializeToString() == before
    assert done.refused == ((Refusal("flatten", reason),) if reason else ())
