"""Functions of single values inside a .tflite: each value of a tensor from the same one of another tensor.

Softplus becomes EXP, ADD, LOG, GREATER and SELECT; in the end it is one function of its input, value by value.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from edgeforge.tflite.graph import Graph, sources, targets

# Those that compute well in int8: ai-edge-quantizer writes them, and TFLM and LiteRT run them.
IN_INT8 = frozenset(
    ["ADD", "DIV", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "PRELU", "RELU", "RELU6",
     "RSQRT", "SUB", "TANH"]
)  # fmt: skip
NOT_IN_INT8 = frozenset(
    ["ABS", "CAST", "CEIL", "COS", "ELU", "EQUAL", "EXP", "FLOOR", "GELU", "GREATER", "GREATER_EQUAL", "LESS",
     "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "NEG", "NOT_EQUAL", "POW", "RELU_0_TO_1",
     "RELU_N1_TO_1", "ROUND", "SELECT", "SELECT_V2", "SIGN", "SIN", "SQRT", "SQUARE", "SQUARED_DIFFERENCE"]
)  # fmt: skip
POINTWISE = IN_INT8 | NOT_IN_INT8


@dataclass(frozen=True)
class Function:
    """Operators, in their order, that make `target` of `source` value by value; tensors are named by their place."""

    operators: tuple[int, ...]
    source: int
    target: int


def functions(graph: Graph) -> list[Function]:
    """Return a function for each tensor that one is of another and that is read outside of it, or the model's output.

    The source is as far back as it goes: of x·sigmoid(x) it is x.
    """
    source: dict[int, int] = {}  # of each tensor that is a function of one
    made_by: dict[int, int] = {}
    for place, operator in enumerate(graph.operators):
        made_by |= dict.fromkeys(targets(operator), place)
        roots = _roots(graph, place, source)
        if len(roots) == 1:
            source[targets(operator)[0]] = roots.pop()
    found = []
    for target, root in source.items():
        outside = [n for n in graph.readers(target) if source.get(targets(graph.operators[n])[0]) != root]
        if outside or target in graph.outputs:
            found.append(Function(tuple(sorted(_cone(graph, target, root, made_by))), root, target))
    return found


def _roots(graph: Graph, place: int, source: dict[int, int]) -> set[int]:
    """Return what an operator's output is a function of: one tensor, or none where it is no such function."""
    operator = graph.operators[place]
    if graph.names[place] not in POINTWISE or place not in graph.layers:
        return set()
    activations = graph.activations(place)
    roots = {source.get(tensor, tensor) for tensor in activations}
    constants = [tensor for tensor in sources(operator) if tensor not in activations]
    shape = graph.shape(targets(operator)[0])
    same = all(graph.shape(tensor) == shape for tensor in (*activations, *roots))
    single = all(prod(graph.shape(tensor)) == 1 for tensor in constants)
    return roots if same and single and all(graph.spec(root).dtype == "float32" for root in roots) else set()


def _cone(graph: Graph, target: int, root: int, made_by: dict[int, int]) -> set[int]:
    """Return the operators between root and target."""
    found, waiting = set(), [target]
    while waiting:
        tensor = waiting.pop()
        if tensor == root or made_by[tensor] in found:
            continue
        found.add(made_by[tensor])
        waiting += graph.activations(made_by[tensor])
    return found
