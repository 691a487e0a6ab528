from ai_edge_litert import schema_py_generated as schema
from places import DATA

from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.flatbuffer import int8_checks, operators, read_model, write_model

MODEL = DATA / "digits_int8.tflite"


def failed(model: schema.ModelT) -> dict[str, str]:
    return {check["name"]: check["detail"] for check in int8_checks(write_model(model), "int8") if not check["passed"]}


def test_a_full_integer_model_passes() -> None:
    data = MODEL.read_bytes()
    assert operators(data)["FULLY_CONNECTED"] == 1 and macs(data) > 10_000
    assert failed(read_model(data)) == {}


def test_a_float_tensor_and_its_operator_are_named() -> None:
    model = read_model(MODEL.read_bytes())
    graph = model.subgraphs[0]
    tensor = graph.tensors[graph.operators[0].outputs[0]]
    tensor.type = schema.TensorType.FLOAT32
    found = failed(model)
    assert found["no float tensor"] == f"found {tensor.name.decode()}" and "CONV_2D" in found["no float operator"]


def test_a_transpose_is_named_with_its_neighbours() -> None:
    model = read_model(MODEL.read_bytes())
    code = next(c for c in model.operatorCodes if c.builtinCode == schema.BuiltinOperator.RESHAPE)
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.TRANSPOSE
    detail = failed(model)["no stray transpose"]
    assert detail.startswith("found TRANSPOSE of [1, ") and detail.endswith("between MAX_POOL_2D and FULLY_CONNECTED")
