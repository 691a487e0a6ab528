"""Loops of an ONNX graph that never end, as far as the graph alone tells."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError

if TYPE_CHECKING:
    import onnx

TURN, GOES_ON = 0, 1  # of a Loop's inputs, and of its body's: how often, and whether


def require_ends(graph: onnx.GraphProto | onnx.FunctionProto, outside: dict[str, bool] | None = None) -> None:
    """Raise RecipeError naming a Loop without a number of turns whose condition is true and stays it.

    outside: truth values that are known around the graph, by name.
    """
    known = (outside or {}) | _constants(graph)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                require_ends(inner, known)
                if node.op_type == "Loop" and not _input(node, TURN) and _starts(node, known) and _stays(inner, known):
                    raise RecipeError(
                        f"Loop '{node.name or next(iter(node.output), '')}' never ends: it has no number of turns, "
                        "and its condition stays true",
                        fix="export it again, with a loop that ends",
                    )


def _starts(node: onnx.NodeProto, known: dict[str, bool]) -> bool:
    condition = _input(node, GOES_ON)
    return not condition or known.get(condition, False)


def _stays(body: onnx.GraphProto, outside: dict[str, bool]) -> bool:
    """Say whether a body hands the condition on that it was given, or one that is always true."""
    known = outside | _constants(body)
    given = body.input[GOES_ON].name if len(body.input) > GOES_ON else ""
    made: dict[str, Any] = {node.output[0]: node for node in body.node if node.output}
    name = body.output[0].name if body.output else ""
    while name in made and made[name].op_type == "Identity" and made[name].input:
        name = made.pop(name).input[0]
    return name == given or known.get(name, False)


def _input(node: onnx.NodeProto, place: int) -> str:
    return str(node.input[place]) if len(node.input) > place else ""


def _constants(graph: onnx.GraphProto | onnx.FunctionProto) -> dict[str, bool]:
    """Return the truth values that a graph holds, by name."""
    import onnx

    tensors = {one.name: one for one in getattr(graph, "initializer", ())}
    constants = [node for node in graph.node if node.op_type == "Constant" and node.output]
    tensors |= {node.output[0]: one.t for node in constants for one in node.attribute if one.name == "value"}
    return {
        name: bool(onnx.numpy_helper.to_array(one))
        for name, one in tensors.items()
        if one.data_type == onnx.TensorProto.BOOL and prod(one.dims) == 1 and not one.external_data
    }
