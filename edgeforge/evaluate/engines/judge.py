"""What two engines' answers mean for a model: one function for `fit`, `pack` and every build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.errors import ParityError
from edgeforge.evaluate.engines.inputs import inputs_of
from edgeforge.evaluate.engines.layers import Found
from edgeforge.evaluate.engines.process import compare_apart
from edgeforge.results.rows.fit import Refusal
from edgeforge.tflite.graph import Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 3
REPLACE = "replace that layer in the network: which of the two is right, nobody has shown"


def confirmed(flatbuffer: bytes, inputs: list[list[NDArray[Any]]] | None = None) -> list[Refusal]:
    """Return the layers that TFLM refuses, none for a model on which LiteRT's reference kernels and TFLM agree.

    inputs: each a value for every input tensor; default: over the whole range of the model's own. Raises ParityError,
    naming the layers, where the engines disagree: no answer of either is a golden then.
    """
    found = compare_apart(flatbuffer, inputs if inputs is not None else inputs_of(Graph(flatbuffer)))
    require_agreement(found)
    return _refusals(found)


def refused(flatbuffer: bytes) -> list[Refusal]:
    """Return the layers that TFLM refuses, of a model whose values mean nothing yet: none is compared."""
    return _refusals(compare_apart(flatbuffer, inputs_of(Graph(flatbuffer))))


def _refusals(found: Found) -> list[Refusal]:
    return [
        Refusal(layer=one.layer, operator=one.operator, reason=one.reason, fix="replace that layer in the network")
        for one in found.refused
    ]


def require_agreement(found: Found) -> None:
    """Raise ParityError naming the first layers on which the engines disagree."""
    if not found.disagreements:
        return
    lines = [f"{one.layer}: {one.reason}" for one in found.disagreements[:SHOWN]]
    if len(found.disagreements) > SHOWN:
        lines.append(f"and {len(found.disagreements) - SHOWN} more layers")
    raise ParityError("\n".join(("LiteRT and TFLM disagree, so that no answer is proven right:", *lines)), fix=REPLACE)
