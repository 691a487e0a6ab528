"""Which layers a TFLM library would not run, or would compute wrongly.

A library that lacks an operator says so on the board; one that computes per-channel dense weights with a single
scale says nothing and answers wrongly. Both are refused here, by the flatbuffer alone, before anything is flashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from edgeforge.errors import BudgetExceeded
from edgeforge.hardware.libraries import Ability, Library
from edgeforge.results.rows.fit import Refusal
from edgeforge.tflite.flatbuffer import type_name
from edgeforge.tflite.graph import Graph, layer_label, targets

JUDGED_TYPES = ("int8", "int16", "uint8")  # int32, int64 and bool are shapes, axes and conditions
REQUANTIZE = (
    "give dense layers one scale each: edgeforge pack MODEL.tflite --requantize --float FLOAT.tflite --calibration "
    "x.npz (in a recipe: quantize.tflite.per_channel_dense: false)"
)


def refusals(flatbuffer: bytes, library: Library) -> list[Refusal]:
    """Return every layer that the library would not run, or would compute wrongly; empty for a model it runs right.

    Raises RecipeError when the bytes are no TFLite flatbuffer.
    """
    graph = Graph(flatbuffer)
    return [
        refusal
        for part in graph.parts
        for place in range(len(part.names))
        for refusal in _of_layer(part, place, library)
    ]


def require_right(flatbuffer: bytes, library: Library, path: Path | None = None) -> None:
    """Raise BudgetExceeded, naming each layer, when the library would compute the model wrongly or not at all."""
    found = refusals(flatbuffer, library)
    if not found:
        return
    lines = [f"{refusal.layer}: {refusal.reason}" for refusal in found]
    fixes = [text.replace("MODEL.tflite", str(path)) if path else text for text in (one.fix for one in found)]
    raise BudgetExceeded("\n".join(lines), fix="; ".join(dict.fromkeys(fixes)))


def _of_layer(graph: Graph, place: int, library: Library) -> Iterator[Refusal]:
    kind, layer = graph.names[place], layer_label(graph, place)

    def refusal(reason: str, fix: str, ability: Ability = "refused") -> Refusal:
        found: Literal["refused", "wrong"] = "wrong" if ability == "wrong" else "refused"
        return Refusal(layer=layer, operator=kind, kind=found, reason=reason, fix=fix)

    if not library.knows(kind):
        yield refusal(f"{library.title} has no operator {kind}", "replace that layer in the network")
        return
    types = _computed_types(graph, place)
    for name in types:
        if name in JUDGED_TYPES and kind not in library.operators.get(name, ()):
            known = [other for other in JUDGED_TYPES if kind in library.operators.get(other, ())]
            fix = f"quantize it to {' or '.join(known)}" if known else "replace that layer in the network"
            yield refusal(f"{library.title} does not compute {kind} in {name}", fix)
    if kind == "FULLY_CONNECTED":
        for reason, fix, ability in _of_dense(graph, place, types, library):
            yield refusal(reason, fix, ability)
    if kind == "CONV_2D" and library.grouped_convolution != "right":
        source, kernel = graph.operators[place].inputs[:2]
        groups = graph.shape(source)[3] // max(graph.shape(kernel)[3], 1)
        if groups > 1:
            reason = f"it has {groups} groups, and {library.title} computes every convolution as if it had one"
            fix = "use groups=1, or as many groups as channels (depthwise)"
            yield refusal(reason, fix, library.grouped_convolution)


def _of_dense(graph: Graph, place: int, types: list[str], library: Library) -> Iterator[tuple[str, str, Ability]]:
    """Judge a dense layer's weights: how many scales, and whether their zero point is 0."""
    import numpy as np

    quantization = graph.graph.tensors[graph.operators[place].inputs[1]].quantization
    if quantization is None or quantization.scale is None:
        return
    scales = np.asarray(quantization.scale)
    ability = library.per_channel_dense_int16 if "int16" in types else library.per_channel_dense
    # One scale repeated is read rightly by those that look at the first alone.
    several = len(np.unique(scales)) > 1 if ability == "wrong" else scales.size > 1
    if several and ability != "right":
        does = "refuses these" if ability == "refused" else "computes these wrongly and reports no error"
        reason = f"its weights are quantized per channel ({scales.size} scales); {library.title} {does}"
        yield f"{reason}: {library.per_channel_dense_reason}", REQUANTIZE, ability
    zero_points = np.asarray([] if quantization.zeroPoint is None else quantization.zeroPoint)
    if np.any(zero_points != 0) and library.asymmetric_dense != "right":
        found = zero_points[zero_points != 0][0]
        fix = "quantize weights symmetrically (zero point 0), as TFLite's int8 specification asks"
        yield (
            f"its weights have the zero point {found}, which {library.title} takes for 0",
            fix,
            library.asymmetric_dense,
        )


def _computed_types(graph: Graph, place: int) -> list[str]:
    """Return the types of what an operator computes on: its first activation and its outputs, not its constants."""
    places = [*graph.activations(place)[:1], *targets(graph.operators[place])]
    return list(dict.fromkeys(type_name(graph.tensors[tensor].type).lower() for tensor in places))
