"""A float32 .tflite that is not what its ONNX model is ends the build, and the operator that differs first is named."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeforge.errors import ParityError
from edgeforge.export.float_check import require_equal
from edgeforge.quantize.tflite.convert import Converted, convert_variants
from edgeforge.recipe.sections.quantize import TFLite
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.layers import constant, set_constant

X = np.random.default_rng(0).normal(0, 1, (4, 2, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(1)
    weights = [
        numpy_helper.from_array(random.normal(0, 0.3, (channels, 2 if n == 0 else 4, 3, 3)).astype(np.float32), f"w{n}")
        for n, channels in enumerate((4, 3))
    ]
    nodes = [
        helper.make_node("Conv", ["input", "w0"], ["first"], "first", pads=[1] * 4),
        helper.make_node("Relu", ["first"], ["active"], "active"),
        helper.make_node("Conv", ["active", "w1"], ["second"], "second", pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["second"], ["pooled"], "pooled"),
        helper.make_node("Flatten", ["pooled"], ["logits"], "flat"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("input", (1, 2, 8, 8)), ("logits", (1, 3)))]  # fmt: skip
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], weights)
    path = tmp_path_factory.mktemp("float") / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.fixture(scope="module")
def converted(source: Path) -> Converted:
    return convert_variants(source, X, TFLite(variants=("int8",)), lambda share, text: None)


def test_the_float_model_is_there_and_checked_when_int8_alone_is_asked_for(source: Path, converted: Converted) -> None:
    assert set(converted.variants) == {"int8"} and converted.floating is not None
    assert require_equal(converted.floating, source, X, converted.origins)["passed"]


def test_what_differs_first_is_named(source: Path, converted: Converted) -> None:
    model = read_model(converted.floating)
    operators = model.subgraphs[0].operators
    place = [n for n, one in enumerate(operators) if len(one.inputs) > 1][1]  # the second convolution
    set_constant(model, operators[place], 1, constant(model, operators[place].inputs[1]) * 1.5)
    with pytest.raises(ParityError, match="it begins at operator Conv of module 'second'"):
        require_equal(write_model(model), source, X, converted.origins)
