"""ONNX to float32 TFLite by onnx2tf's direct way."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx_nets import SCOPES, graph, run

from edgeforge.errors import RecipeError
from edgeforge.export.direct import convert_directly
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.graph import Graph

RANDOM = np.random.default_rng(0)


def network() -> onnx.ModelProto:
    """A padded convolution with ReLU, a max-pool, and two dense layers with ReLU6 between; nodes without names."""
    shapes = {"k": (4, 3, 3, 3), "b": (4,), "w": (8, 64), "c": (8,), "v": (5, 8), "d": (5,)}
    weights = [numpy_helper.from_array(RANDOM.normal(size=s).astype(np.float32), n) for n, s in shapes.items()]
    weights += [numpy_helper.from_array(np.float32(value), name) for name, value in (("zero", 0), ("six", 6))]
    nodes = [
        helper.make_node("Conv", ["x", "k", "b"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("MaxPool", ["relu"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "c"], ["hidden"], transB=1),
        helper.make_node("Clip", ["hidden", "zero", "six"], ["relu6"]),
        helper.make_node("Gemm", ["relu6", "v", "d"], ["y"], transB=1),
    ]
    return onnx.shape_inference.infer_shapes(graph(nodes, [1, 3, 8, 8], [1, 5], weights))


def test_the_model_is_tflite_s_own_form_and_computes_the_same(tmp_path: Path) -> None:
    model, x = network(), RANDOM.normal(size=(1, 3, 8, 8)).astype(np.float32)
    expected = run(model, x)
    converted = convert_directly(model)
    assert operators(converted.model) == {"CONV_2D": 1, "MAX_POOL_2D": 1, "RESHAPE": 1, "FULLY_CONNECTED": 2}
    (tmp_path / "model.tflite").write_bytes(converted.model)
    np.testing.assert_allclose(LiteRTRunner(tmp_path / "model.tflite").run(x), expected, rtol=1e-4, atol=1e-4)


def test_every_activation_knows_its_onnx_tensors() -> None:
    converted = convert_directly(network())
    places = [int(operator.outputs[0]) for operator in Graph(converted.model).operators]
    named = [converted.origins[place] for place in places]
    for wanted, names in zip((("conv", "relu"), ("pool",), ("flat",), ("hidden", "relu6"), ("y",)), named, strict=True):
        assert {*wanted} <= {*names}


def test_what_tflite_has_no_operator_for_is_refused_by_name() -> None:
    node = helper.make_node("Unheard", ["x"], ["y"], "op")
    entry = node.metadata_props.add()
    entry.key, entry.value = "pkg.torch.onnx.name_scopes", SCOPES
    with pytest.raises(RecipeError, match=r"operator Unheard of module 'gate' cannot be converted to TFLite"):
        convert_directly(graph([node], [1, 3, 8, 8], [1, 3, 8, 8], []))
