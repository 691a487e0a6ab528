"""Adds what converts between number types to a model: a tensor like another one, QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

import copy
from typing import Any, Literal

NumberType = Literal["int8", "uint8", "int16", "float32"]


def add_twin(graph: Any, tensor: int, kind: NumberType) -> int:
    """Add a tensor like another one but of `kind`, and return its place.

    uint8 has the zero point raised by 128, and so holds the same values.
    """
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


def conversion(model: Any, name: Literal["QUANTIZE", "DEQUANTIZE"], source: int, target: int) -> Any:
    """Return an operator that converts one tensor into another, its code added to the model where it lacks it."""
    from ai_edge_litert import schema_py_generated as schema

    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = operator_code(model, name), [source], [target]
    return operator


def operator_code(model: Any, name: str, version: int = 2) -> int:
    """Return the place of an operator's code, such as MUL, added to the model where it lacks it.

    version: that of a code added; 2 has signed 8-bit types, where an operator has not had them from the start.
    """
    from ai_edge_litert import schema_py_generated as schema

    code = getattr(schema.BuiltinOperator, name)
    codes = [known.builtinCode for known in model.operatorCodes]
    if code not in codes:
        entry = schema.OperatorCodeT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code  # old readers look at the deprecated field
        entry.version = version
        model.operatorCodes.append(entry)
        codes.append(code)
    return codes.index(code)
