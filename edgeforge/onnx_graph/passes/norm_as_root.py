"""A vector's length by operators that onnx2tf converts for any axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import replace
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Rewritten

if TYPE_CHECKING:
    import onnx


class NormAsRoot(OnnxPass):
    """Write each ReduceL2 as the root of a sum of squares: Mul, ReduceSum, Sqrt. Ensures that none is left.

    onnx2tf's own fails for most axes. It is what PyTorch's normalize and vector norms become.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with roots."""
        from onnx import helper

        changed = []
        for place, node in reversed(list(enumerate(model.graph.node))):
            if node.op_type != "ReduceL2":
                continue
            square, total = f"{node.output[0]}_square", f"{node.output[0]}_sum"
            summed = helper.make_node("ReduceSum", [square, *node.input[1:]], [total], f"{node.name}_sum")
            summed.attribute.extend(node.attribute)
            parts = [
                helper.make_node("Mul", [node.input[0], node.input[0]], [square], f"{node.name}_square"),
                summed,
                helper.make_node("Sqrt", [total], list(node.output), node.name),
            ]
            replace(model, place, parts)
            changed.append(node.name)
        return Rewritten(model, tuple(changed[::-1]))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the norms."""
        return (node.name for node in model.graph.node if node.op_type == "ReduceL2")
