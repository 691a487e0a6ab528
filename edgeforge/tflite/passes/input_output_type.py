"""Another number type at a quantized model's two ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.conversion import NumberType, add_twin, conversion
from edgeforge.tflite.flatbuffer import operators, read_model, type_name, write_model

QUANTIZED = ("int8", "uint8", "int16", "float32")
POSSIBLE = {("int8", "uint8"), ("int8", "int16"), ("int8", "float32"), ("int16", "float32")}  # inside, at the ends


@dataclass(frozen=True)
class InputOutputType(Pass[bytes]):
    """Give the model's inputs and outputs another type: a conversion at each end, the layers between stay.

    int8 models take any type, int16 ones float32, which alone LiteRT has kernels for; others are refused. What is no
    quantized value, such as places of words, stays as it is. Ensures the type at all other ends, and an operator more
    at each: a QUANTIZE, and a QUANTIZE or, for float32, a DEQUANTIZE.
    """

    kind: NumberType

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with its ends converted; the very bytes where they are of that type."""
        unpacked = read_model(model)
        graph = unpacked.subgraphs[0]
        for place in (*graph.inputs, *graph.outputs):
            inside = type_name(graph.tensors[place].type).lower()
            if self._converted(inside) and (inside, self.kind) not in POSSIBLE:
                reason = f"a model of {inside} has no conversion to {self.kind}"
                return Rewritten(model, refused=(Refusal(graph.tensors[place].name.decode(), reason),))
        first, last, other = [], [], {}
        for place in map(int, graph.inputs):
            if self._converted(type_name(graph.tensors[place].type).lower()):
                other[place] = add_twin(graph, place, self.kind)
                first.append(conversion(unpacked, "QUANTIZE", other[place], place))
        for place in map(int, graph.outputs):
            if self._converted(type_name(graph.tensors[place].type).lower()):
                other[place] = add_twin(graph, place, self.kind)
                last.append(conversion(unpacked, self._last, place, other[place]))
        if not other:
            return Rewritten(model)
        graph.inputs, graph.outputs = ([other.get(int(place), int(place)) for place in ends]
                                       for ends in (graph.inputs, graph.outputs))  # fmt: skip
        graph.operators = [*first, *graph.operators, *last]
        for signature in unpacked.signatureDefs or []:
            for entry in (*(signature.inputs or []), *(signature.outputs or [])):
                entry.tensorIndex = other.get(int(entry.tensorIndex), entry.tensorIndex)
        return Rewritten(write_model(unpacked), ("input",) * len(first) + ("output",) * len(last))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield an end of another type, and operators that are more or fewer than the conversions."""
        if not after.changed:
            return
        graph = read_model(after.model).subgraphs[0]
        for end in (*graph.inputs, *graph.outputs):
            if self._converted(type_name(graph.tensors[end].type).lower()):
                yield f"an end is {type_name(graph.tensors[end].type)}"
        added = Counter({"QUANTIZE": after.changed.count("input")}) + Counter(
            {self._last: after.changed.count("output")}
        )
        if Counter(operators(after.model)) != Counter(operators(before)) + added:
            yield f"the operators are {operators(after.model)}"

    @property
    def _last(self) -> Literal["QUANTIZE", "DEQUANTIZE"]:
        return "DEQUANTIZE" if self.kind == "float32" else "QUANTIZE"

    def _converted(self, inside: str) -> bool:
        """Say whether an end of a type becomes one of another."""
        return inside in QUANTIZED and inside != self.kind
