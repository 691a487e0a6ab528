"""One operator of a .tflite file with what it reads and writes, as the checks of its numbers need it."""

from __future__ import annotations

from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.tflite.check.structure import DAMAGED
from edgeforge.tflite.check.tensors import values_of
from edgeforge.tflite.flatbuffer import type_name

LARGEST_STEP = 2**20  # of strides, dilations, windows and paddings: a larger one is no layer's


class Layer:
    """One operator, and what it reads and writes."""

    def __init__(self, model: Any, graph: Any, operator: Any, name: str) -> None:
        self.model, self.graph, self.operator, self.name = model, graph, operator, name
        self.options = operator.builtinOptions

    def shape(self, place: int) -> tuple[int, ...]:
        """Return an input's shape."""
        return _shape(self.graph.tensors[self.operator.inputs[place]])

    def has(self, place: int) -> bool:
        """Say whether an input is given."""
        return place < len(self.operator.inputs) and self.operator.inputs[place] >= 0

    def target(self, place: int = 0) -> tuple[int, ...]:
        """Return an output's shape."""
        return _shape(self.graph.tensors[self.operator.outputs[place]])

    def values(self, place: int) -> list[int] | None:
        """Return an input of whole numbers; None for what is computed, or of another type."""
        import numpy as np

        tensor = self.graph.tensors[self.operator.inputs[place]]
        data = values_of(self.model, tensor)
        kind = type_name(tensor.type)
        if data is None or kind not in ("INT32", "INT64"):
            return None
        return [int(value) for value in np.frombuffer(bytes(data), np.dtype(kind.lower()))]

    def wrong(self, what: str) -> RecipeError:
        """Return the error that says so."""
        return RecipeError(f"this .tflite file is damaged: {self.name} {what}", fix=DAMAGED)

    def require_rank(self, place: int, rank: int) -> tuple[int, ...]:
        """Return an input's shape. Raises RecipeError unless it has that many dimensions, none of them empty."""
        shape = self.shape(place)
        if len(shape) != rank or 0 in shape:
            raise self.wrong(f"takes {rank} dimensions as input {place}, and it has {shape}")
        return shape

    def require_axis(self, axis: int, rank: int) -> None:
        """Raise RecipeError for an axis that a tensor of that rank does not have; negative ones count from its end."""
        if not -max(rank, 1) <= axis < max(rank, 1):
            raise self.wrong(f"works along dimension {axis} of {rank}")


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
