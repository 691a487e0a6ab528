"""An average of a single value, as that value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, constants, inferred_shapes
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Rewritten

if TYPE_CHECKING:
    import onnx


class AverageOfOne(OnnxPass):
    """Write each ReduceMean and GlobalAveragePool over dimensions of size 1, which it keeps, as Identity.

    A pooling to 1×1 of what is 1×1 already is one; onnx2tf takes its layout for another. Ensures that none is left.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model without such averages."""
        changed = []
        for node in _of_one(model):
            node.op_type = "Identity"
            del node.attribute[:], node.input[1:]
            changed.append(node.name)
        return Rewritten(model, tuple(changed))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the averages of a single value."""
        return (node.name for node in _of_one(model))


def _of_one(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    known, values, found = inferred_shapes(model), constants(model), []
    for node in model.graph.node:
        shape = known.get(node.input[0], []) if node.input else []
        if node.op_type == "GlobalAveragePool":
            axes: list[int] = list(range(2, len(shape)))
        elif node.op_type == "ReduceMean" and attributes(node).get("keepdims", 1):
            given = attributes(node).get("axes", values.get(node.input[1]) if node.input[1:] else None)
            axes = [] if given is None else [int(axis) for axis in given]
        else:
            continue
        if shape and axes and all(shape[axis] == 1 for axis in axes):
            found.append(node)
    return found
