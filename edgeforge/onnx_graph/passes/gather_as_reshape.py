"""A gather that takes every value in its order, as the reshape that it is."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, constants, inferred_shapes
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Refusal, Rewritten

if TYPE_CHECKING:
    import onnx


class GatherAsReshape(OnnxPass):
    """Write each Gather of a flat tensor whose indices are 0, 1, 2, … as Reshape to the indices' shape, or as Identity.

    It is what PyTorch's as_strided becomes behind FoldConstants. Ensures that none is left; one that leaves out,
    repeats or moves values is refused.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with reshapes."""
        import numpy as np
        from onnx import numpy_helper

        known = inferred_shapes(model)
        changed, refused = [], []
        for node, shape, reason in _gathers(model):
            if reason:
                refused.append(Refusal(node.name, reason))
                continue
            del node.attribute[:]
            changed.append(node.name)
            flatten = next((one for one in model.graph.node if node.input[0] in one.output), None)
            if flatten is not None and flatten.op_type == "Reshape" and known.get(flatten.input[0]) == [*shape]:
                node.op_type, node.input[0] = "Identity", flatten.input[0]
                del node.input[1:]
                if not _read(model, flatten.output[0]):
                    model.graph.node.remove(flatten)
                continue
            name = f"{node.name}_shape"
            model.graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), name))
            node.op_type, node.input[1] = "Reshape", name
        return Rewritten(model, tuple(changed), tuple(refused))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the gathers that a reshape computes."""
        return (node.name for node, _, reason in _gathers(model) if not reason)


def _gathers(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, tuple[int, ...], str]]:
    """Return each Gather by constant indices of a flat tensor, their shape, and why it is no reshape."""
    import numpy as np

    values, known, found = constants(model), inferred_shapes(model), []
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type != "Gather":  # a Constant has no inputs
            continue
        indices, flatten = values.get(node.input[1]), makers.get(node.input[0])
        if indices is None or flatten is None or flatten.op_type != "Reshape" or attributes(node).get("axis", 0) != 0:
            continue
        shape = values.get(flatten.input[1])  # [-1]: exporters leave its length to be inferred
        source = known.get(flatten.input[0], [])
        if shape is None or shape.size != 1 or not source:
            continue
        whole = np.array_equal(indices.reshape(-1), np.arange(prod(source)))
        found.append((node, tuple(indices.shape), "" if whole else "it leaves out, repeats or moves values"))
    return found


def _read(model: onnx.ModelProto, tensor: str) -> bool:
    return any(tensor in node.input for node in model.graph.node) or any(o.name == tensor for o in model.graph.output)
