"""Functions of single values as tables of 256: what an int8 kernel would compute of Softplus, GELU, ELU and the like.

An int8 tensor has 256 values, so any function of it is a table, and right to half a step of the output. No runtime has
an operator for that, and all have these: CAST to int16, ADD of 128, CAST to int32, GATHER from the table. (An int32 sum
would do with one CAST less; TFLM of 2023 has none.) On its way it takes 6 bytes for each value of the tensor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.tflite.conversion import operator_code
from edgeforge.tflite.flatbuffer import write_model
from edgeforge.tflite.graph import Cut, Graph, TensorRunner, cut
from edgeforge.tflite.passes.pointwise import NOT_IN_INT8, Function, functions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOLDS_PLACE = "ELU"  # stands for a table while a quantizer works: one that it leaves alone
OFFSET = 128  # from int8 to an index
MOST_ROUNDINGS = 4  # operators in a row that each have an int8 kernel, and round: a table rounds once
VERSIONS = {HOLDS_PLACE: 1}


@dataclass(frozen=True)
class Table:
    """A function that a model computes value by value, cut out of it, and the shape that it takes."""

    function: Cut
    shape: tuple[int, ...]
    operators: tuple[str, ...]

    def of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the function of values, of any number."""
        import numpy as np

        size = int(np.prod(self.shape))
        runner, results = TensorRunner(self.function.flatbuffer), []
        padded = np.concatenate([values, np.repeat(values[-1:], -len(values) % size)])
        for part in padded.reshape(-1, *self.shape):
            results.append(runner.run([part.astype(np.float32)])[0].reshape(-1))
        return np.concatenate(results)[: len(values)]


def with_placeholders(float_model: bytes, layers: frozenset[str]) -> tuple[bytes, dict[str, Table]]:
    """Return a prepared float model with one operator for each function that int8 kernels lack; and these, by output.

    layers: names of the operators' outputs that are to be int8; a function with others in it stays as it is.
    """
    graph = Graph(float_model)
    chosen = [one for one in functions(graph) if _wanted(graph, one, layers)]
    if not chosen:
        return float_model, {}
    tables = {graph.name(one.target): _table(graph, one) for one in chosen}
    kept: list[Any] = list(graph.operators)
    for one in chosen:
        place = graph.operators[one.operators[-1]]
        kept[one.operators[-1]] = _operator(graph.model, HOLDS_PLACE, [one.source], [int(place.outputs[0])])
    needed = set(graph.outputs)
    for place in reversed(range(len(kept))):
        if needed & set(map(int, kept[place].outputs)):
            needed |= set(map(int, kept[place].inputs))
        else:
            kept[place] = None  # what only computed a function's inside
    graph.graph.operators = [operator for operator in kept if operator is not None]
    return write_model(graph.model), tables


def insides(float_model: bytes, layers: frozenset[str] | None = None) -> frozenset[str]:
    """Return the names of the tensors that are only on the way of a function that becomes a table."""
    graph = Graph(float_model)
    known = layers or frozenset(graph.name(int(operator.outputs[0])) for operator in graph.operators)
    collapsed = Graph(with_placeholders(float_model, known)[0])
    written = {collapsed.name(int(operator.outputs[0])) for operator in collapsed.operators}
    return frozenset(graph.name(int(operator.outputs[0])) for operator in graph.operators) - written


def write_table(model: Any, table: Table, source: int, target: int) -> list[Any]:
    """Return the operators that look an int8 tensor's values up, and add their tensors to the model."""
    import numpy as np

    graph = model.subgraphs[0]
    given, wanted = (graph.tensors[place].quantization for place in (source, target))
    steps = np.arange(-128, 128)
    values = (steps - int(given.zeroPoint[0])) * np.float64(given.scale[0])
    results = np.nan_to_num(table.of(values.astype(np.float32)).astype(np.float64))
    found = np.clip(np.round(results / float(wanted.scale[0])) + int(wanted.zeroPoint[0]), -128, 127).astype(np.int8)
    name, shape = graph.tensors[target].name, graph.tensors[target].shape
    wide, sums, index = (
        _tensor(graph, name + suffix, shape, kind)
        for suffix, kind in ((b"_wide", "INT16"), (b"_sums", "INT16"), (b"_index", "INT32"))
    )
    offset = _tensor(graph, name + b"_offset", [1], "INT16", model, np.array([OFFSET], np.int16))
    entries = _tensor(graph, name + b"_table", [256], "INT8", model, found)
    graph.tensors[entries].quantization = wanted
    for place in (wide, sums, offset):  # integers as they are: steps of 1
        graph.tensors[place].quantization = _steps_of_one()
    return [
        _operator(model, "CAST", [source], [wide]),
        _operator(model, "ADD", [wide, offset], [sums], potScaleInt16=False),
        _operator(model, "CAST", [sums], [index]),
        _operator(model, "GATHER", [entries, index], [target]),
    ]


def tables_in(model: bytes) -> list[str]:
    """Return the names of the tensors that a model looks up in tables of 256 values."""
    graph = Graph(model)
    return [
        graph.name(int(operator.outputs[0]))
        for name, operator in zip(graph.names, graph.operators, strict=True)
        if name == "GATHER"
        and graph.shape(int(operator.inputs[0])) == (256,)
        and int(operator.inputs[0]) in graph.constants
    ]


def _wanted(graph: Graph, one: Function, layers: frozenset[str]) -> bool:
    kinds = {graph.names[place] for place in one.operators}
    names = {graph.name(int(graph.operators[place].outputs[0])) for place in one.operators}
    needed = kinds & NOT_IN_INT8 or len(one.operators) > MOST_ROUNDINGS
    return bool(needed) and names <= layers and graph.spec(one.target).dtype == "float32"


def _table(graph: Graph, one: Function) -> Table:
    part = cut(graph, list(one.operators), [one.target])
    return Table(part, graph.shape(one.source), tuple(graph.names[place] for place in one.operators))


def _operator(model: Any, name: str, inputs: list[int], outputs: list[int], **settings: Any) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = (
        operator_code(model, name, VERSIONS.get(name, 2)),
        inputs,
        outputs,
    )
    kind = f"{name.capitalize()}Options"
    if hasattr(schema, f"{kind}T"):
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        operator.builtinOptions = getattr(schema, f"{kind}T")()
        for key, value in settings.items():
            setattr(operator.builtinOptions, key, value)
    return operator


def _tensor(graph: Any, name: bytes, shape: Any, kind: str, model: Any = None, values: Any = None) -> int:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, getattr(schema.TensorType, kind), 0
    if values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _steps_of_one() -> Any:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    found = schema.QuantizationParametersT()
    found.scale, found.zeroPoint = np.array([1.0], np.float32), np.array([0], np.int64)
    return found
