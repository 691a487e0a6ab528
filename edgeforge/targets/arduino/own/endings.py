"""Which operator an output comes from: a softmax or sigmoid gives probabilities."""

from __future__ import annotations

from dataclasses import replace

from edgeforge.errors import StageFailed
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.tflite.graph import CONVERSIONS, Graph, sources, targets

PROBABILITIES = ("SOFTMAX", "LOGISTIC")
PASSED_OVER = (*CONVERSIONS, "RESHAPE", "SQUEEZE")  # operators that do not change what values mean


def maker(graph: Graph, tensor: int) -> str:
    """Return the operator that makes a tensor, conversions and reshapes passed over; empty for an input."""
    for place in reversed(range(len(graph.operators))):
        operator = graph.operators[place]
        if tensor in targets(operator):
            if graph.names[place] not in PASSED_OVER or not sources(operator):
                return graph.names[place]
            tensor = sources(operator)[0]
    return ""


def with_endings(preprocessing: Preprocessing, graph: Graph) -> Preprocessing:
    """Return it with heads that know whether the model itself makes probabilities of its outputs."""
    heads = tuple(
        replace(head, probability=head.probability or maker(graph, graph.outputs[head.tensor]) in PROBABILITIES)
        for head in preprocessing.heads
    )
    return replace(preprocessing, heads=heads)


def as_judged(preprocessing: Preprocessing, graph: Graph) -> Preprocessing:
    """Return `with_endings` of a build's model. Raises StageFailed where a yes would be another than the report's."""
    said = with_endings(preprocessing, graph)
    for head, was in zip(said.heads, preprocessing.heads, strict=True):
        if head.decides and head.probability != was.probability:
            raise StageFailed(
                f"'{head.name}': the model ends in {maker(graph, graph.outputs[head.tensor])}, and its outputs were "
                "trained and judged as logits",
                fix="return the logit from forward: leave the sigmoid out",
            )
    return said
