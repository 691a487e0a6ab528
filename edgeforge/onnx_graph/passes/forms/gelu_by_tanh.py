"""PyTorch's approximated GELU as it is defined, by tanh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, replace
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Rewritten

if TYPE_CHECKING:
    import onnx

CONSTANTS = {"cubic": 0.044715, "slope": 0.7978845608028654, "one": 1.0, "half": 0.5}  # slope: √(2/π)


class GeluByTanh(OnnxPass):
    """Write each Gelu(approximate="tanh") as x·(tanh(√(2/π)·(x + 0.044715·x³)) + 1)/2 (Hendrycks and Gimpel 2016).

    onnx2tf's direct way makes the exact one of it, up to 5e-4 away. Ensures that none is left.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with products, sums and tanh."""
        import numpy as np
        from onnx import helper, numpy_helper

        changed = []
        for place, node in reversed(list(enumerate(model.graph.node))):
            if not _approximated(node):
                continue
            names = {key: f"{node.name}_{key}" for key in CONSTANTS}
            for key, value in CONSTANTS.items():
                model.graph.initializer.append(numpy_helper.from_array(np.float32(value), names[key]))
            x, y = node.input[0], node.output[0]
            steps = (
                ("Mul", [x, x], "squared"),
                ("Mul", [f"{y}_squared", x], "cubed"),
                ("Mul", [f"{y}_cubed", names["cubic"]], "scaled"),
                ("Add", [f"{y}_scaled", x], "sum"),
                ("Mul", [f"{y}_sum", names["slope"]], "slanted"),
                ("Tanh", [f"{y}_slanted"], "bent"),
                ("Add", [f"{y}_bent", names["one"]], "raised"),
                ("Mul", [f"{y}_raised", names["half"]], "gate"),
            )
            parts = [
                helper.make_node(kind, given, [f"{y}_{made}"], f"{node.name}_{made}") for kind, given, made in steps
            ]
            replace(model, place, [*parts, helper.make_node("Mul", [x, f"{y}_gate"], [y], node.name)])
            changed.append(node.name)
        return Rewritten(model, tuple(changed[::-1]))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the approximated ones."""
        return (node.name for node in model.graph.node if _approximated(node))


def _approximated(node: onnx.NodeProto) -> bool:
    return node.op_type == "Gelu" and attributes(node).get("approximate", b"none") == b"tanh"
