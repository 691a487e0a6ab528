"""Conversions from int8 to int16 by kernels that LiteRT has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.conversion import add_twin, conversion
from edgeforge.tflite.flatbuffer import operator_name, read_model, type_name, write_model


class WidenThroughFloat(Pass[bytes]):
    """Replace each QUANTIZE from int8 to int16, which LiteRT has no kernel for, by DEQUANTIZE and QUANTIZE.

    Ensures that none is left, and one operator more for each; a model without any keeps its very bytes.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with float32 between int8 and int16; `changed` are the tensors that become int16."""
        unpacked = read_model(model)
        graph = unpacked.subgraphs[0]
        found, operators = _widening(unpacked), []
        for operator in graph.operators:
            if operator in found:
                source = operator.inputs[0]
                middle = add_twin(graph, source, "float32")
                operators.append(conversion(unpacked, "DEQUANTIZE", source, middle))
                operator.inputs = [middle]
            operators.append(operator)
        if not found:
            return Rewritten(model)
        graph.operators = operators
        changed = tuple(graph.tensors[operator.outputs[0]].name.decode() for operator in found)
        return Rewritten(write_model(unpacked), changed)

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield conversions that are left, and operators that are more or fewer."""
        made = read_model(after.model)
        if _widening(made):
            yield f"{len(_widening(made))} QUANTIZE from int8 to int16 are left"
        expected = len(read_model(before).subgraphs[0].operators) + len(after.changed)
        if len(made.subgraphs[0].operators) != expected:
            yield f"{len(made.subgraphs[0].operators)} operators, not {expected}"


def _widening(model: Any) -> list[Any]:
    """Return the operators that convert from int8 to int16."""
    graph = model.subgraphs[0]
    return [
        operator
        for operator in graph.operators
        if operator_name(model, operator) == "QUANTIZE"
        and [type_name(graph.tensors[place].type) for place in (operator.inputs[0], operator.outputs[0])]
        == ["INT8", "INT16"]
    ]
