import pytest
from onnx import ModelProto, TensorProto, helper

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.checks import MODULE_KEY, module_of, require_static_shapes


def model(operator: str, shape: list[int | str]) -> ModelProto:
    node = helper.make_node(operator, ["x"], ["y"], "/features/features.3/Op")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    return helper.make_model(helper.make_graph([node], "g", [x], [y]))


def test_a_dynamic_batch_is_named() -> None:
    require_static_shapes(model("Relu", [1, 3]), "m.onnx")
    with pytest.raises(RecipeError, match=r"m.onnx: the batch of 'x' is dynamic \('batch'\)"):
        require_static_shapes(model("Relu", ["batch", 3]), "m.onnx")


def test_the_module_comes_from_either_exporter() -> None:
    node = helper.make_node("Relu", ["x"], ["y"], "node_relu")
    entry = node.metadata_props.add()
    entry.key, entry.value = MODULE_KEY, "['', 'blocks', 'blocks.2', 'relu']"
    assert module_of(node) == "blocks.2"
    assert module_of(helper.make_node("Relu", ["x"], ["y"], "/head/act/Relu")) == "act"
    assert module_of(helper.make_node("Relu", ["x"], ["y"], "/Relu")) == "forward of the model itself"
    assert module_of(helper.make_node("Relu", ["x"], ["y"], "relu_7")) == "relu_7"
