import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeforge.onnx_graph.rewrites import (
    average_as_pool,
    hard_sigmoid_by_relu6,
    max_pool_padded_first,
    norm_as_root,
)

X = np.random.default_rng(0).normal(0, 4, (1, 3, 4, 5)).astype(np.float32)


def model(node: onnx.NodeProto, output: list[int], *initializers: onnx.TensorProto) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(X.shape))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, output)
    entry = node.metadata_props.add()
    entry.key, entry.value = "pkg.torch.onnx.name_scopes", "['', 'gate', 'node']"
    graph = helper.make_graph([node], "g", [x], [y], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model: onnx.ModelProto) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": X})[0])


def test_a_hard_sigmoid_becomes_a_relu6_of_the_same_module() -> None:
    gate = model(helper.make_node("HardSigmoid", ["x"], ["y"], "gate", alpha=1 / 6, beta=0.5), list(X.shape))
    expected = run(gate)
    assert hard_sigmoid_by_relu6(gate) == ["gate"]
    assert [node.op_type for node in gate.graph.node] == ["Add", "Clip", "Mul"]
    assert all(node.metadata_props[0].value == "['', 'gate', 'node']" for node in gate.graph.node)
    assert np.allclose(run(gate), expected, atol=1e-6) and 0 < expected.mean() < 1


def test_other_slopes_stay() -> None:
    gate = model(helper.make_node("HardSigmoid", ["x"], ["y"], "gate"), list(X.shape))
    assert hard_sigmoid_by_relu6(gate) == [] and gate.graph.node[0].op_type == "HardSigmoid"


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2]])
def test_an_average_over_height_and_width_becomes_a_pool(axes: list[int]) -> None:
    axes_tensor = numpy_helper.from_array(np.array(axes), "axes")
    mean = model(helper.make_node("ReduceMean", ["x", "axes"], ["y"], "mean", keepdims=1), [1, 3, 1, 1], axes_tensor)
    expected = run(mean)
    assert average_as_pool(mean) == ["mean"] and mean.graph.node[0].op_type == "GlobalAveragePool"
    assert np.allclose(run(mean), expected, atol=1e-6)


@pytest.mark.parametrize(("axes", "keep", "output"), [([1], 1, [1, 1, 4, 5]), ([2, 3], 0, [1, 3])])
def test_other_averages_stay(axes: list[int], keep: int, output: list[int]) -> None:
    axes_tensor = numpy_helper.from_array(np.array(axes), "axes")
    mean = model(helper.make_node("ReduceMean", ["x", "axes"], ["y"], "mean", keepdims=keep), output, axes_tensor)
    assert average_as_pool(mean) == [] and mean.graph.node[0].op_type == "ReduceMean"


@pytest.mark.parametrize(("keep", "output"), [(1, [1, 3, 4, 1]), (0, [1, 3, 4])])
def test_a_norm_becomes_the_root_of_a_sum_of_squares(keep: int, output: list[int]) -> None:
    axes = numpy_helper.from_array(np.array([-1]), "axes")
    norm = model(helper.make_node("ReduceL2", ["x", "axes"], ["y"], "norm", keepdims=keep), output, axes)
    expected = run(norm)
    assert norm_as_root(norm) == ["norm"]
    assert [node.op_type for node in norm.graph.node] == ["Mul", "ReduceSum", "Sqrt"]
    assert norm.graph.node[-1].metadata_props[0].value == "['', 'gate', 'node']"
    assert np.allclose(run(norm), expected, rtol=1e-6)


def pooled(before: str, pads: list[int], kernel: int = 3, ceil: bool = False) -> onnx.ModelProto:
    pool = helper.make_node(
        "MaxPool", ["r"], ["y"], "pool", kernel_shape=[kernel] * 2, strides=[2, 2], pads=pads, ceil_mode=int(ceil)
    )
    rounding = 1 if ceil else 0
    height, width = ((X.shape[2 + n] + pads[n] + pads[2 + n] - kernel + rounding) // 2 + 1 for n in (0, 1))
    made = model(pool, [1, 3, height, width])
    made.graph.node.insert(0, helper.make_node(before, ["x"], ["r"], "before"))
    return onnx.shape_inference.infer_shapes(made)


@pytest.mark.parametrize(
    ("pads", "kernel", "ceil"),
    [([1, 1, 1, 1], 3, False), ([0, 1, 1, 0], 3, False), ([2, 2, 2, 2], 5, False), ([0, 0, 0, 0], 3, True)],
)
@pytest.mark.parametrize(("before", "mode"), [("Relu", b"constant"), ("Tanh", b"edge")])
def test_a_max_pool_is_padded_by_zeros_behind_a_relu_and_by_its_border_elsewhere(
    pads: list[int], kernel: int, ceil: bool, before: str, mode: bytes
) -> None:
    made = pooled(before, pads, kernel, ceil)
    expected = run(made)
    assert max_pool_padded_first(made) == ["pool"]
    assert [node.op_type for node in made.graph.node] == [before.capitalize(), "Pad", "MaxPool"]
    assert made.graph.node[1].attribute[0].s == mode
    assert np.array_equal(run(made), expected)


def test_what_is_made_of_relus_counts_as_one() -> None:
    for second, mode in (("a", b"constant"), ("x", b"edge")):
        made = pooled("Relu", [1, 1, 1, 1])
        made.graph.node[0].output[0] = "a"
        made.graph.node.insert(1, helper.make_node("Add", ["a", second], ["r"], "sum"))
        expected = run(made)
        assert max_pool_padded_first(made) == ["pool"] and np.array_equal(run(made), expected)
        assert made.graph.node[2].attribute[0].s == mode


def test_a_max_pool_without_padding_of_its_own_stays() -> None:
    assert max_pool_padded_first(pooled("Tanh", [0, 0, 0, 0])) == []
    same = helper.make_node("MaxPool", ["x"], ["y"], "pool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    assert max_pool_padded_first(model(same, [1, 3, 2, 3])) == []
