"""Another number type at a quantized model's two ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.tflite.conversion import NumberType, add_twin, conversion
from edgeforge.tflite.flatbuffer import operators, read_model, type_name, write_model


@dataclass(frozen=True)
class InputOutputType(Pass[bytes]):
    """Give the model's first input and output another type: a conversion at each end, the layers between stay.

    int8 models take any type, int16 ones float32, which alone LiteRT has kernels for; others are refused. Ensures the
    type at both ends, and two operators more: a QUANTIZE, and a QUANTIZE or, for float32, a DEQUANTIZE.
    """

    kind: NumberType

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with its ends converted; the very bytes where they are of that type."""
        unpacked = read_model(model)
        graph = unpacked.subgraphs[0]
        source, target = int(graph.inputs[0]), int(graph.outputs[0])
        inside = type_name(graph.tensors[source].type).lower()
        if self.kind == inside:
            return Rewritten(model)
        if inside not in ("int8", "int16") or (inside == "int16" and self.kind != "float32"):
            reason = f"a model of {inside} has no conversion to {self.kind}"
            return Rewritten(model, refused=(Refusal(graph.tensors[source].name.decode(), reason),))
        into, out_of = add_twin(graph, source, self.kind), add_twin(graph, target, self.kind)
        graph.inputs, graph.outputs = [into], [out_of]
        first = conversion(unpacked, "QUANTIZE", into, source)
        last = conversion(unpacked, "DEQUANTIZE" if self.kind == "float32" else "QUANTIZE", target, out_of)
        graph.operators = [first, *graph.operators, last]
        for signature in unpacked.signatureDefs or []:
            signature.inputs[0].tensorIndex, signature.outputs[0].tensorIndex = into, out_of
        return Rewritten(write_model(unpacked), ("input", "output"))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield an end of another type, and operators that are more or fewer than the two conversions."""
        if not after.changed:
            return
        graph = read_model(after.model).subgraphs[0]
        for end in (graph.inputs[0], graph.outputs[0]):
            if type_name(graph.tensors[end].type).lower() != self.kind:
                yield f"an end is {type_name(graph.tensors[end].type)}"
        added = Counter(["QUANTIZE", "DEQUANTIZE" if self.kind == "float32" else "QUANTIZE"])
        if Counter(operators(after.model)) != Counter(operators(before)) + added:
            yield f"the operators are {operators(after.model)}"
