"""Opsets newer than the exporter's: converted down with the same outputs, or named with the operator."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx_nets import X, operators, run

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.checks import MODULE_KEY, module_of
from edgeforge.onnx_graph.opsets import NEWEST, opset_of, settled_opset


def model(opset: int, *kinds: str) -> onnx.ModelProto:
    """Return a convolution and these operators behind it."""
    weights = np.random.default_rng(0).normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["t0"], name="conv", pads=[1, 1, 1, 1])]
    for place, kind in enumerate(kinds):
        inputs = [f"t{place}", "scale"] if kind == "RMSNormalization" else [f"t{place}"]
        nodes.append(helper.make_node(kind, inputs, [f"t{place + 1}"], name=f"n{place}"))
    nodes.append(helper.make_node("Reshape", [f"t{len(kinds)}", "shape"], ["y"], name="reshape"))
    entry = nodes[0].metadata_props.add()
    entry.key, entry.value = MODULE_KEY, "['', 'stem', 'conv']"
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 80])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([1, -1]), "shape"),
            numpy_helper.from_array(np.array([0.5, 1, 1, 2, 3], np.float32), "scale"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


@pytest.mark.parametrize("opset", [11, 21, 22, 23, 24, 25])
@pytest.mark.parametrize("kinds", [("Relu",), ("Mish", "RMSNormalization"), ("Swish",)])
def test_outputs_stay_the_same(opset: int, kinds: tuple[str, ...]) -> None:
    if opset < max(onnx.defs.get_schema(kind).since_version for kind in kinds) and kinds != ("Relu",):
        pytest.skip("no such operator then")
    before = model(opset, *kinds)
    after = settled_opset(before, "net.onnx")
    assert opset_of(after) == (17 if opset < 13 else NEWEST)
    assert not {"Swish", "RMSNormalization"} & {*operators(after)}
    (expected,) = ReferenceEvaluator(before).run(None, {"x": X})  # ONNX Runtime has no Swish
    np.testing.assert_allclose(run(after), expected, atol=1e-5)
    assert module_of(next(node for node in after.graph.node if node.op_type == "Conv")) == "stem"


def test_what_the_exporter_writes_stays_as_it_is() -> None:
    given = model(NEWEST, "Relu")
    assert settled_opset(given, "net.onnx") is given


def test_an_operator_without_older_words_is_named() -> None:
    given = model(24, "Relu")
    node = helper.make_node("TensorScatter", ["t1", "t0"], ["t2"], name="cache", axis=1)
    given.graph.node.insert(2, node)
    given.graph.node[-1].input[0] = "t2"
    with pytest.raises(RecipeError) as caught:
        settled_opset(given, "net.onnx")
    assert "operator TensorScatter 'cache' came with opset 24" in caught.value.reason
    assert "opset_version=20" in caught.value.fix
