"""Reads a .tflite flatbuffer: which operators it has, and whether it is really int8."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import flatbuffers

from edgeforge.errors import RecipeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOATS = ("FLOAT32", "FLOAT16", "FLOAT64", "BFLOAT16")


ALIGNMENT = 16  # `force_align: 16` of a Buffer's data in TFLite's schema


def read_model(data: bytes) -> Any:
    """Return the flatbuffer as the schema's ModelT; a tensor without a name is called after its place.

    Raises RecipeError when it is none, or damaged.
    """
    from ai_edge_litert import schema_py_generated as schema

    if data[4:8] != b"TFL3":
        raise RecipeError("this is no TFLite flatbuffer (its identifier is not TFL3)", fix="name a .tflite file")
    try:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for graph in model.subgraphs:
            _fill_gaps(graph)
        return model
    except Exception as error:  # the generated reader raises whatever a damaged file leads it to
        raise RecipeError("this .tflite file is cut short or damaged", fix="copy or convert it again") from error


def _fill_gaps(graph: Any) -> None:
    """Put empty lists and names where the file has none."""
    graph.tensors = [] if graph.tensors is None else graph.tensors
    graph.operators = [] if graph.operators is None else graph.operators
    for owner in (graph, *graph.operators):
        owner.inputs = [] if owner.inputs is None else owner.inputs
        owner.outputs = [] if owner.outputs is None else owner.outputs
    for place, tensor in enumerate(graph.tensors):
        tensor.name = tensor.name or f"tensor_{place}".encode()


def write_model(model: Any) -> bytes:
    """Return a ModelT as a flatbuffer, its buffers aligned: a board's kernels read them as 32-bit numbers, too."""
    builder = AlignedBuilder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """A Builder that aligns vectors of bytes, which are tensors' values, as TFLite's schema says."""

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
        """Write a vector and return its offset."""
        if x.dtype.itemsize == 1:
            self.Prep(ALIGNMENT, x.size)
        return int(super().CreateNumpyVector(x))


def is_aligned(data: bytes) -> bool:
    """Return whether all tensors' values can be read as 32-bit numbers, which not every processor does elsewhere."""
    from ai_edge_litert import schema_py_generated as schema

    root = schema.Model.GetRootAs(data, 0)
    buffers = (root.Buffers(place) for place in range(root.BuffersLength()))
    starts = [one._tab.Vector(one._tab.Offset(4)) for one in buffers if one.DataLength()]
    return all(start % 4 == 0 for start in starts)


def operators(data: bytes) -> dict[str, int]:
    """Return how often each operator occurs in all subgraphs, by its schema name such as CONV_2D."""
    model = read_model(data)
    return dict(Counter(operator_name(model, one) for graph in model.subgraphs for one in graph.operators))


def int8_checks(data: bytes, io: str) -> list[dict[str, Any]]:
    """Return the proofs (rows of results.report.Check) that a model computes in integers throughout.

    io: other than int8, one QUANTIZE at the start and one QUANTIZE or DEQUANTIZE at the end convert; for float32
    the tensors outside of these are float.
    """
    model = read_model(data)
    graph = model.subgraphs[0]
    ends = {*graph.inputs, *graph.outputs} if io == "float32" else set()
    floats = [
        tensor.name.decode()
        for place, tensor in enumerate(graph.tensors)
        if type_name(tensor.type) in FLOATS and place not in ends
    ]
    names = [operator_name(model, operator) for operator in graph.operators]
    mixed = [
        name
        for name, operator in zip(names, graph.operators, strict=True)
        if name not in ("QUANTIZE", "DEQUANTIZE") and _touches_float(graph, operator)
    ]
    converting = [name for name in names if name in ("QUANTIZE", "DEQUANTIZE")]
    allowed = 0 if io == "int8" else 2
    unconverted = "no QUANTIZE or DEQUANTIZE" if io == "int8" else "converts at its two ends only"
    transposes = _transposes(graph, names)
    count = len(names)
    return [
        _check("no float tensor", floats, f"all {len(graph.tensors)} tensors are integers" + _ends(io)),
        _check("no float operator", mixed, f"all {count} operators compute in integers"),
        _check("no conversion inside", converting if len(converting) > allowed else [], unconverted),
        _check("no stray transpose", transposes, "no TRANSPOSE in the graph"),
    ]


def _check(name: str, offenders: list[str], proven: str) -> dict[str, Any]:
    found = ", ".join(offenders[:4]) + (f" and {len(offenders) - 4} more" if len(offenders) > 4 else "")
    return {"name": name, "passed": not offenders, "detail": f"found {found}" if offenders else proven}


def _ends(io: str) -> str:
    return " but input and output, float32 as asked" if io == "float32" else ""


def _touches_float(graph: Any, operator: Any) -> bool:
    places = [place for place in (*operator.inputs, *operator.outputs) if place >= 0]
    return any(type_name(graph.tensors[place].type) in FLOATS for place in places)


def _transposes(graph: Any, names: list[str]) -> list[str]:
    """Return each TRANSPOSE with its shapes and what it stands between."""
    found = []
    for operator, name in zip(graph.operators, names, strict=True):
        if name == "TRANSPOSE":
            source, target = operator.inputs[0], operator.outputs[0]
            before = [n for n, other in zip(names, graph.operators, strict=True) if source in other.outputs]
            after = [n for n, other in zip(names, graph.operators, strict=True) if target in other.inputs]
            shapes = f"{graph.tensors[source].shape.tolist()} to {graph.tensors[target].shape.tolist()}"
            ends = f"between {'the input' if not before else before[0]} and {'the output' if not after else after[0]}"
            found.append(f"TRANSPOSE of {shapes} {ends}")
    return found


def operator_name(model: Any, operator: Any) -> str:
    """Return an operator's schema name, such as CONV_2D; a custom one's own name."""
    code = model.operatorCodes[operator.opcodeIndex]
    if code.customCode:
        return str(code.customCode.decode())
    # Old files keep the code in the deprecated 8-bit field.
    return _builtin_names()[max(code.builtinCode, code.deprecatedBuiltinCode)]


@cache
def _builtin_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    named = vars(schema.BuiltinOperator).items()  # Python 3.13 adds __firstlineno__
    return {code: name for name, code in named if isinstance(code, int) and name[0] != "_"}


def type_name(code: int) -> str:
    """Return a tensor type's schema name, such as INT8. Raises KeyError for none of its codes."""
    return _type_names()[code]


def is_type(code: int) -> bool:
    """Say whether the schema has a tensor type of this code."""
    return code in _type_names()


@cache
def _type_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    named = vars(schema.TensorType).items()
    return {code: name for name, code in named if isinstance(code, int) and name[0] != "_"}
