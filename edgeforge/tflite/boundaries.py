"""Conversions between number types inside a quantized .tflite: at its two ends, and between int8 and int16 layers."""

from __future__ import annotations

import copy
from typing import Any, Literal

from edgeforge.tflite.flatbuffer import operator_name, read_model, type_name, write_model

InputOutput = Literal["int8", "uint8", "int16", "float32"]


def with_io(quantized: bytes, io: InputOutput) -> bytes:
    """Return the model with its first input and output of another type; the layers between stay as they are.

    uint8 has the zero point raised by 128, and so holds the same values. int8 models take any type, int16 ones int16
    or float32, which alone LiteRT has kernels for; another model is returned as it is.
    """
    model = read_model(quantized)
    graph = model.subgraphs[0]
    source, target = int(graph.inputs[0]), int(graph.outputs[0])
    inside = type_name(graph.tensors[source].type).lower()
    if io == inside or inside not in ("int8", "int16") or (inside == "int16" and io != "float32"):
        return quantized
    into, out_of = _twin(graph, source, io), _twin(graph, target, io)
    graph.inputs, graph.outputs = [into], [out_of]
    first = _operator(model, "QUANTIZE", into, source)
    last = _operator(model, "DEQUANTIZE" if io == "float32" else "QUANTIZE", target, out_of)
    graph.operators = [first, *graph.operators, last]
    for signature in model.signatureDefs or []:
        signature.inputs[0].tensorIndex, signature.outputs[0].tensorIndex = into, out_of
    return write_model(model)


def widened_through_float(quantized: bytes) -> bytes:
    """Replace each QUANTIZE from int8 to int16, which LiteRT has no kernel for, by DEQUANTIZE and QUANTIZE."""
    model = read_model(quantized)
    graph = model.subgraphs[0]
    operators = []
    for operator in graph.operators:
        if operator_name(model, operator) == "QUANTIZE":
            source, target = operator.inputs[0], operator.outputs[0]
            if [type_name(graph.tensors[tensor].type) for tensor in (source, target)] == ["INT8", "INT16"]:
                middle = _twin(graph, source, "float32")
                operators.append(_operator(model, "DEQUANTIZE", source, middle))
                operator.inputs = [middle]
        operators.append(operator)
    if len(operators) == len(graph.operators):
        return quantized
    graph.operators = operators
    return write_model(model)


def _twin(graph: Any, tensor: int, kind: InputOutput) -> int:
    """Add a tensor like another one but of `kind`, and return its index."""
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    twin = copy.copy(graph.tensors[tensor])
    twin.name = twin.name + f"_{kind}".encode()
    twin.type, twin.buffer = getattr(schema.TensorType, kind.upper()), 0
    if kind == "float32":
        twin.quantization = None
    elif kind == "uint8":
        twin.quantization = copy.copy(twin.quantization)
        twin.quantization.zeroPoint = np.array(twin.quantization.zeroPoint) + 128
    graph.tensors.append(twin)
    return len(graph.tensors) - 1


def _operator(model: Any, name: str, source: int, target: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    code = getattr(schema.BuiltinOperator, name)
    codes = [known.builtinCode for known in model.operatorCodes]
    if code not in codes:
        entry = schema.OperatorCodeT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code  # old readers look at the deprecated field
        entry.version = 2  # signed 8-bit types
        model.operatorCodes.append(entry)
        codes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = codes.index(code), [source], [target]
    return operator
