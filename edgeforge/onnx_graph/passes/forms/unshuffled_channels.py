"""PixelUnshuffle with its channels in PyTorch's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, inferred_shapes, replace
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Refusal, Rewritten

if TYPE_CHECKING:
    import onnx

DONE = "_by_position"  # behind the name of what SpaceToDepth itself gives, once this pass has seen it


class UnshuffledChannels(OnnxPass):
    """Put a Gather behind each SpaceToDepth, from ONNX's order of channels (position, channel) to PyTorch's.

    torch.onnx.export 2.13 writes SpaceToDepth alone for PixelUnshuffle, whose order is (channel, position): for models
    that it has just made, and for no others. Refused: one whose shape is not known.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with gathers."""
        import numpy as np
        from onnx import helper, numpy_helper

        known, changed, refused = inferred_shapes(model), [], []
        for place, node in reversed(list(enumerate(model.graph.node))):
            if not _untouched(node):
                continue
            channels, size = (known.get(node.input[0]) or [0, 0])[1], attributes(node)["blocksize"]
            if not channels:
                refused.append(Refusal(node.name, "its input's shape is not known"))
                continue
            order = np.arange(channels * size * size).reshape(size * size, channels).T.reshape(-1)
            indices, positions = f"{node.name}_channels", f"{node.output[0]}{DONE}"
            model.graph.initializer.append(numpy_helper.from_array(order.astype(np.int64), indices))
            gather = helper.make_node(
                "Gather", [positions, indices], list(node.output), f"{node.name}_in_order", axis=1
            )
            made = helper.make_node("SpaceToDepth", list(node.input), [positions], node.name, blocksize=size)
            replace(model, place, [made, gather])
            changed.append(node.name)
        return Rewritten(model, tuple(changed[::-1]), tuple(refused))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield what is still in ONNX's order."""
        return (node.name for node in model.graph.node if _untouched(node))


def _untouched(node: onnx.NodeProto) -> bool:
    return node.op_type == "SpaceToDepth" and not node.output[0].endswith(DONE)
