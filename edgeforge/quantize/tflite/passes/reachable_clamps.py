"""Clamps so far beyond what a tensor's integers reach that 32 bits do not hold them: of layers that hardly answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators, read_model, type_name, write_model
from edgeforge.tflite.layers import CLAMPS, activation_of

INT32 = 2**31 - 1
REST = {"RELU6": "RELU", "RELU_N1_TO_1": "NONE"}  # what is left of a clamp without the limit that no integer reaches


class ReachableClamps(Pass[bytes]):
    """Take RELU6's 6, and RELU_N1_TO_1 whole, from layers whose scale makes more than 32 bits of it.

    LiteRT and TFLM refuse such a layer (no_integer_overflow_from_quantization in kernel_util.cc): the signal that
    comes there is smaller than 3e-9 of the clamp. No answer changes: int8 and int16 end long before. Requires a
    quantized model. Ensures the same operators, and that every clamp left is one of 32 bits.
    """

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with such clamps gone; `changed` are the outputs' names. The very bytes where none are."""
        from ai_edge_litert import schema_py_generated as schema

        unpacked, changed = read_model(model), []
        for operator, name in _beyond(unpacked):
            rest = REST[activation_of(operator)]
            operator.builtinOptions.fusedActivationFunction = getattr(schema.ActivationFunctionType, rest)
            changed.append(name)
        return Rewritten(write_model(unpacked) if changed else model, tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield other operators, and clamps that 32 bits do not hold."""
        if operators(before) != operators(after.model):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
        for _, name in _beyond(read_model(after.model)):
            yield f"the clamp of '{name}' does not fit 32 bits"


def _beyond(model: Any) -> Iterator[tuple[Any, str]]:
    """Yield the operators with such a clamp, and the names of their outputs."""
    graph = model.subgraphs[0]
    for operator in graph.operators:
        output = graph.tensors[operator.outputs[0]]
        if type_name(output.type) not in ("INT8", "INT16") or activation_of(operator) not in REST:
            continue
        if CLAMPS[activation_of(operator)][1] / float(output.quantization.scale[0]) >= INT32:
            yield operator, output.name.decode()
