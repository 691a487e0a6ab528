"""Every shape that the file leaves free, as LiteRT finds it for a batch of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause, remedy
from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators, write_model
from edgeforge.tflite.graph import Graph, TensorRunner, targets
from edgeforge.tflite.input_shapes import Shapes, fixed_shapes, short_name


@dataclass(frozen=True)
class FixShapes(Pass[bytes]):
    """Write into the file the shape of each activation for inputs of fixed shapes; a free batch is 1.

    TFLM reads shapes as they stand: a file of a free batch says 1 behind SPACE_TO_BATCH_ND too, where it is 4.
    Ensures the same operators, and that no shape is free.
    """

    shapes: Shapes = field(default_factory=dict)

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with fixed shapes; the very bytes where none was free and none is asked for.

        Raises RecipeError for a free dimension that is no batch and that nobody says.
        """
        graph = Graph(model)
        wanted = fixed_shapes({graph.name(place): _sizes(graph.tensors[place]) for place in graph.inputs}, self.shapes)
        if not any(_is_free(tensor) for part in graph.model.subgraphs for tensor in part.tensors):
            return Rewritten(model)
        changed = [
            f"{short_name(name)} {_listed(shape)}"
            for place, (name, shape) in zip(graph.inputs, wanted.items(), strict=True)
            if _is_free(graph.tensors[place])
        ]
        for place, shape in _found_shapes(graph, list(wanted.values())).items():
            graph.tensors[place].shape = list(shape)
        for part in graph.model.subgraphs:
            for tensor in part.tensors:
                tensor.shapeSignature, tensor.hasRank = None, True
        return Rewritten(write_model(graph.model), tuple(changed) or ("inside the model",))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield a shape that is still free, and operators that have changed."""
        graph = Graph(after.model)
        yield from (f"tensor {graph.name(place)} is free" for place, one in enumerate(graph.tensors) if _is_free(one))
        if operators(after.model) != operators(before):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"


def _sizes(tensor: Any) -> list[int]:
    """Return a tensor's sizes, -1 where the file leaves one free."""
    shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
    signature = tensor.shapeSignature
    return shape if signature is None or len(signature) != len(shape) else [int(size) for size in signature]


def _is_free(tensor: Any) -> bool:
    return any(size < 0 for size in _sizes(tensor))


def _resource() -> int:
    from ai_edge_litert import schema_py_generated as schema

    return int(schema.TensorType.RESOURCE)


def _found_shapes(graph: Graph, inputs: list[tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    """Return the shape of every activation in an inference with inputs of these shapes."""
    import numpy as np

    try:
        runner = TensorRunner(graph.model_bytes, every=True, shapes=inputs)
        runner.run(
            [np.zeros(shape, graph.spec(place).dtype) for place, shape in zip(graph.inputs, inputs, strict=True)]
        )
    except (RuntimeError, ValueError) as error:
        raise RecipeError(
            f"LiteRT does not run it with inputs of {', '.join(map(_listed, inputs))}: {cause(error)}",
            fix=remedy(error, "convert it with fixed shapes"),
        ) from error
    places = [*graph.inputs, *(place for operator in graph.operators for place in targets(operator))]
    handles = {place for place in places if graph.tensors[place].type == _resource()}
    return {place: runner.shape(place) for place in places if place not in handles}


def _listed(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one value"
