"""Operators that ai-edge-quantizer leaves in float, computed in int8 as TFLite and TFLM can."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.quantize.tflite.passes.value_tables import HOLDS_PLACE, Table, write_table
from edgeforge.tflite.conversion import conversion
from edgeforge.tflite.flatbuffer import operator_name, read_model, type_name, write_model
from edgeforge.tflite.graph import sources, targets
from edgeforge.tflite.layers import constant
from edgeforge.tflite.passing_operators import TIED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OWN_SCALE = frozenset(["LEAKY_RELU", "PRELU"])  # their outputs have a range of their own
KEEPS_SCALE = frozenset(["RELU6"])  # TFLM's kernel clamps and does not rescale: output and input must share a scale
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True)
class IntegerOperators(Pass[bytes]):
    """Let int8 kernels compute what stands in float between DEQUANTIZE and QUANTIZE, and tables what has none.

    Requires a model that ai-edge-quantizer made of `ranges`. Ensures that no operator of `layers` that has an int8
    kernel, and no place of a table, is left in float; conversions that nothing reads any more are gone.

    ranges: activation → (min, max). layers: names of outputs of the operators that are to be int8. tables: name of
    the output → the function that a placeholder stands for.
    """

    ranges: Mapping[str, tuple[float, float]]
    layers: frozenset[str]
    tables: Mapping[str, Table]

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with integers there; `changed` are the outputs' names. The very bytes where nothing is."""
        unpacked = read_model(model)
        graph = unpacked.subgraphs[0]
        places = _float_layers(unpacked, self.layers)
        if not places:
            return Rewritten(model)
        made = _Integers(unpacked, self.ranges)
        changed, operators = [], []
        for operator in graph.operators:
            name = graph.tensors[operator.outputs[0]].name.decode()
            if not any(operator is place for place in places):
                operators.append(operator)
                continue
            operators += made.quantized(operator, self.tables.get(name))
            changed.append(name)
        graph.operators = operators
        _join(unpacked, made.twins)
        _drop_unused_codes(unpacked)
        return Rewritten(write_model(unpacked), tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield what still computes in float."""
        made = read_model(after.model)
        for operator in _float_layers(made, self.layers):
            yield f"{operator_name(made, operator)} still computes in float"


def _float_layers(model: Any, layers: frozenset[str]) -> list[Any]:
    """Return the operators that compute in float and have an int8 kernel or hold a table's place."""
    graph = model.subgraphs[0]
    return [
        operator
        for operator in graph.operators
        if operator_name(model, operator) in OWN_SCALE | KEEPS_SCALE | TIED | {HOLDS_PLACE}
        and type_name(graph.tensors[operator.outputs[0]].type) == "FLOAT32"
        and graph.tensors[operator.outputs[0]].name.decode() in layers
    ]


class _Integers:
    """Makes int8 twins of float tensors, each once."""

    def __init__(self, model: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
        self.model, self.graph, self.ranges = model, model.subgraphs[0], ranges
        self.twins: dict[int, int] = {}  # float tensor → int8 tensor of the same values
        for operator in self.graph.operators:
            if operator_name(model, operator) == "DEQUANTIZE" and self._is(operator.inputs[0], "INT8"):
                self.twins[int(operator.outputs[0])] = int(operator.inputs[0])
        self.before = len(self.graph.tensors)

    def quantized(self, operator: Any, table: Table | None) -> list[Any]:
        """Return the operators that compute in int8 what this one computes in float."""
        kind = operator_name(self.model, operator)
        inputs, outputs, conversions = sources(operator), targets(operator), []
        for tensor in inputs:
            if tensor not in self.twins and self._is(tensor, "FLOAT32") and self._data(tensor) is None:
                twin = self._twin(tensor, _scale(*self.ranges[self._name(tensor)]))
                conversions.append(conversion(self.model, "QUANTIZE", tensor, twin))
        source = self.twins[next(tensor for tensor in inputs if tensor in self.twins)]
        given = self.graph.tensors[source].quantization
        for tensor in outputs:
            own = kind in OWN_SCALE or table is not None
            self._twin(tensor, _scale(*self.ranges[self._name(tensor)]) if own else given)
        if table is not None:
            return [*conversions, *write_table(self.model, table, source, self.twins[outputs[0]])]
        constants = {t: self._constant(t, given if kind in TIED else None) for t in inputs if t not in self.twins}
        places = self.twins | constants
        changed = copy.copy(operator)
        changed.inputs = [places.get(int(tensor), int(tensor)) for tensor in operator.inputs]
        changed.outputs = [places[tensor] for tensor in outputs]
        return [*conversions, changed]

    def _twin(self, tensor: int, quantization: Any) -> int:
        from ai_edge_litert import schema_py_generated as schema

        twin = copy.copy(self.graph.tensors[tensor])
        twin.type, twin.buffer, twin.quantization = schema.TensorType.INT8, 0, quantization
        self.graph.tensors.append(twin)
        self.twins[tensor] = len(self.graph.tensors) - 1
        return self.twins[tensor]

    def _constant(self, tensor: int, quantization: Any) -> int:
        """Return a float constant in int8, with the scale given or a symmetric one; other constants as they are."""
        import numpy as np
        from ai_edge_litert import schema_py_generated as schema

        values = self._data(tensor)
        if values is None or not self._is(tensor, "FLOAT32"):
            return tensor
        quantization = quantization or _quantization(max(float(abs(values).max()), 1e-9) / 127, 0)
        scale, zero = float(quantization.scale[0]), int(quantization.zeroPoint[0])
        steps = np.clip(np.round(values / scale) + zero, -128, 127).astype(np.int8)
        buffer, twin = schema.BufferT(), copy.copy(self.graph.tensors[tensor])
        buffer.data = np.frombuffer(steps.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        twin.type, twin.buffer, twin.quantization = schema.TensorType.INT8, len(self.model.buffers) - 1, quantization
        twin.name = twin.name + b"_int8"
        self.graph.tensors.append(twin)
        return len(self.graph.tensors) - 1

    def _data(self, tensor: int) -> NDArray[np.float32] | None:
        return constant(self.model, tensor)

    def _is(self, tensor: int, kind: str) -> bool:
        return type_name(self.graph.tensors[tensor].type) == kind

    def _name(self, tensor: int) -> str:
        return str(self.graph.tensors[tensor].name.decode())


def _scale(low: float, high: float) -> Any:
    """Return the quantization of a range, as ai-edge-quantizer computes it."""
    import numpy as np
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor

    ends = (np.array([value], np.float32) for value in (low, high))
    zero, scale = uniform_quantize_tensor.tensor_zp_scale_from_min_max(
        *ends, num_bits=8, symmetric=False, granularity=qtyping.QuantGranularity.TENSORWISE
    )
    return _quantization(float(scale[0]), int(zero[0]))


def _quantization(scale: float, zero_point: int) -> Any:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    found = schema.QuantizationParametersT()
    found.scale, found.zeroPoint = np.array([scale], np.float32), np.array([zero_point], np.int64)
    return found


def _join(model: Any, twins: dict[int, int]) -> None:
    """Let int8 readers read the twins, and put a DEQUANTIZE before those that stay in float."""
    graph = model.subgraphs[0]
    same: dict[int, int] = {}  # int8 tensor that only repeats another one → that one
    operators: list[Any] = []
    for operator in graph.operators:
        kind, source = operator_name(model, operator), int(operator.inputs[0])
        if kind == "QUANTIZE" and source in twins and _equal(graph, twins[source], int(operator.outputs[0])):
            if int(operator.outputs[0]) not in graph.outputs:
                same[int(operator.outputs[0])] = twins[source]
                continue
            maker = next(one for one in reversed(operators) if twins[source] in one.outputs)
            maker.outputs = [int(operator.outputs[0]) if t == twins[source] else int(t) for t in maker.outputs]
            same[twins[source]] = int(operator.outputs[0])
            continue
        operators.append(operator)
    for operator in operators:
        operator.inputs = [same.get(int(tensor), int(tensor)) for tensor in operator.inputs]
    written = {tensor for operator in operators for tensor in targets(operator)} | {int(t) for t in graph.inputs}
    final: list[Any] = []
    for operator in operators:
        for tensor in sources(operator):
            if tensor in twins and tensor not in written:  # made in int8 alone, read in float
                final.append(conversion(model, "DEQUANTIZE", same.get(twins[tensor], twins[tensor]), tensor))
                written.add(tensor)
        final.append(operator)
    outputs = {int(tensor) for tensor in graph.outputs}
    for tensor in outputs - written:
        final.append(conversion(model, "DEQUANTIZE", same.get(twins[tensor], twins[tensor]), tensor))
    graph.operators = _needed(model, final, outputs)


def _drop_unused_codes(model: Any) -> None:
    """LiteRT refuses a model that names an operator that it has not, even one that nobody uses."""
    operators = model.subgraphs[0].operators
    used = sorted({operator.opcodeIndex for operator in operators})
    model.operatorCodes = [model.operatorCodes[place] for place in used]
    for operator in operators:
        operator.opcodeIndex = used.index(operator.opcodeIndex)


def _needed(model: Any, operators: list[Any], outputs: set[int]) -> list[Any]:
    """Return the operators without conversions that nothing reads."""
    while True:
        read = outputs | {tensor for operator in operators for tensor in sources(operator)}
        kept = [o for o in operators if operator_name(model, o) not in CONVERSIONS or int(o.outputs[0]) in read]
        if len(kept) == len(operators):
            return kept
        operators = kept


def _equal(graph: Any, a: int, b: int) -> bool:
    """Say whether two tensors have one quantization."""
    import numpy as np

    one, other = (graph.tensors[place].quantization for place in (a, b))
    return bool(
        type_name(graph.tensors[b].type) == "INT8"
        and np.allclose(one.scale, other.scale, rtol=1e-6)
        and list(one.zeroPoint) == list(other.zeroPoint)
    )
