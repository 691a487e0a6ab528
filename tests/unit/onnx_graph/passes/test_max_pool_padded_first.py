import numpy as np
import onnx
import pytest
from onnx import helper
from onnx_nets import X, model, operators, run

from edgeforge.onnx_graph.passes.max_pool_padded_first import MaxPoolPaddedFirst
from edgeforge.passes import Refusal


def pooled(before: str, pads: list[int], kernel: int = 3, ceil: bool = False) -> onnx.ModelProto:
    pool = helper.make_node(
        "MaxPool",
        ["r"],
        ["y"],
        "pool",
        kernel_shape=[kernel] * 2,
        strides=[2, 2],
        pads=pads,
        ceil_mode=int(ceil),
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
    assert operators(made) == [before, "MaxPool"]
    expected = run(made)
    assert MaxPoolPaddedFirst()(made).changed == ("pool",)
    assert operators(made) == [before, "Pad", "MaxPool"]
    assert made.graph.node[1].attribute[0].s == mode
    assert np.array_equal(run(made), expected)


def test_what_is_made_of_relus_counts_as_one() -> None:
    for second, mode in (("a", b"constant"), ("x", b"edge")):
        made = pooled("Relu", [1, 1, 1, 1])
        made.graph.node[0].output[0] = "a"
        made.graph.node.insert(1, helper.make_node("Add", ["a", second], ["r"], "sum"))
        expected = run(made)
        assert MaxPoolPaddedFirst()(made).changed == ("pool",) and np.array_equal(run(made), expected)
        assert operators(made) == ["Relu", "Add", "Pad", "MaxPool"]
        assert made.graph.node[2].attribute[0].s == mode


def test_a_max_pool_without_padding_of_its_own_stays() -> None:
    plain = pooled("Tanh", [0, 0, 0, 0])
    same = helper.make_node("MaxPool", ["x"], ["y"], "pool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    for made in (plain, model(same, [1, 3, 2, 3])):
        done = MaxPoolPaddedFirst()(made)
        assert done.changed == () and done.refused == () and "Pad" not in operators(made)


def test_a_dilated_one_and_one_of_unknown_shape_are_refused() -> None:
    dilated = helper.make_node(
        "MaxPool", ["x"], ["y"], "pool", kernel_shape=[2, 2], pads=[1, 1, 1, 1], dilations=[2, 2]
    )
    done = MaxPoolPaddedFirst()(model(dilated, [1, 3, 4, 5]))
    assert done.refused == (Refusal("pool", "it is dilated"),)
    unknown = pooled("Relu", [1, 1, 1, 1])
    del unknown.graph.value_info[:]
    refused = MaxPoolPaddedFirst()(unknown).refused
    assert refused == (Refusal("pool", "the shape of its input or output is not known to be N,C,H,W"),)
