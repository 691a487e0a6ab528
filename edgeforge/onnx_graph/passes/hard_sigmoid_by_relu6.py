"""PyTorch's hard sigmoid by operators that TensorFlow Lite Micro has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, replace
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Refusal, Rewritten

if TYPE_CHECKING:
    import onnx

CONSTANTS = {"three": 3.0, "zero": 0.0, "six": 6.0, "sixth": 1 / 6}


class HardSigmoidByRelu6(OnnxPass):
    """Write each HardSigmoid max(0, min(1, x/6 + 1/2)) as relu6(x + 3) / 6: Add, Clip, Mul.

    TFLite's converter makes RELU_0_TO_1 of the first, which TFLite Micro does not have. Ensures that none with
    PyTorch's slopes is left; other slopes are refused.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with sums, clips and products."""
        import numpy as np
        from onnx import helper, numpy_helper

        changed, refused = [], []
        for place, node in reversed(list(enumerate(model.graph.node))):
            if node.op_type != "HardSigmoid":
                continue
            if not _is_pytorch_s(node):
                refused.append(Refusal(node.name, "its slopes are not PyTorch's, 1/6 and 1/2"))
                continue
            names = {key: f"{node.name}_{key}" for key in CONSTANTS}
            for key, value in CONSTANTS.items():
                model.graph.initializer.append(numpy_helper.from_array(np.float32(value), names[key]))
            source, shifted, clipped = node.input[0], f"{node.output[0]}_shifted", f"{node.output[0]}_clipped"
            parts = [
                helper.make_node("Add", [source, names["three"]], [shifted], f"{node.name}_add"),
                helper.make_node("Clip", [shifted, names["zero"], names["six"]], [clipped], f"{node.name}_clip"),
                helper.make_node("Mul", [clipped, names["sixth"]], list(node.output), node.name),
            ]
            replace(model, place, parts)
            changed.append(node.name)
        return Rewritten(model, tuple(changed[::-1]), tuple(refused[::-1]))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the hard sigmoids with PyTorch's slopes."""
        return (node.name for node in model.graph.node if node.op_type == "HardSigmoid" and _is_pytorch_s(node))


def _is_pytorch_s(node: onnx.NodeProto) -> bool:
    slopes = attributes(node)
    return abs(slopes.get("alpha", 0.2) - 1 / 6) < 1e-6 and slopes.get("beta", 0.5) == 0.5
