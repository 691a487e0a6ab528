"""An average over height and width as the pool that it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, constants, shapes
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Refusal, Rewritten

if TYPE_CHECKING:
    import onnx


class AverageAsPool(OnnxPass):
    """Write each ReduceMean over H and W as GlobalAveragePool.

    PyTorch's exporter makes a ReduceMean of an average pool, before which onnx2tf sometimes leaves a TRANSPOSE to
    N,C,H,W. Ensures that no ReduceMean over the last two of four kept dimensions is left; others are refused.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with pools."""
        changed, refused = [], []
        for node, reason in _means(model):
            if reason:
                refused.append(Refusal(node.name, reason))
                continue
            node.op_type = "GlobalAveragePool"
            del node.attribute[:], node.input[1:]
            changed.append(node.name)
        return Rewritten(model, tuple(changed), tuple(refused))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the averages that a pool computes."""
        return (node.name for node, reason in _means(model) if not reason)


def _means(model: onnx.ModelProto) -> Iterator[tuple[onnx.NodeProto, str]]:
    """Yield each ReduceMean, and why it is no global average pool."""
    known, values = shapes(model), constants(model)
    for node in model.graph.node:
        if node.op_type != "ReduceMean":
            continue
        settings = attributes(node)
        axes = settings.get("axes", values.get(node.input[1]) if node.input[1:] else None)
        shape = known.get(node.input[0], [])
        rank = len(shape)
        single = {axis for axis in (2, 3) if rank == 4 and shape[axis] == 1}  # averaged or not, it is the same
        if axes is None:
            yield node, "its axes are not constant"
        elif not settings.get("keepdims", 1):
            yield node, "it drops the dimensions that it averages over"
        elif rank != 4:
            yield node, f"its input has {rank} dimensions" if rank else "its input's shape is not known"
        elif {int(axis) % 4 for axis in axes} | single != {2, 3}:
            yield node, "it averages over other dimensions than height and width"
        else:
            yield node, ""
