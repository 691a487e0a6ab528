"""One part taken out of a concatenation, without the concatenation: the last state of a recurrent layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import attributes, constants, inferred_shapes
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Refusal, Rewritten

if TYPE_CHECKING:
    import onnx


class IndexOfConcatenation(OnnxPass):
    """Let each Gather of one index along a concatenation of parts of length 1 read that part: Squeeze, or Reshape.

    `y[:, -1]` of a recurrent layer's outputs needs no other step's. Concatenations that nobody reads any more are
    gone. Refused: an index that is no constant.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model without them."""
        import numpy as np
        from onnx import numpy_helper

        known, values = inferred_shapes(model), constants(model)
        makers = {name: node for node in model.graph.node for name in node.output}
        changed, refused = [], []
        for node in model.graph.node:
            whole = makers.get(node.input[0]) if node.op_type == "Gather" else None
            if whole is None or whole.op_type != "Concat":
                continue
            axis = attributes(node).get("axis", 0)
            rank = len(known.get(node.input[0], ()))
            if axis % max(rank, 1) != attributes(whole)["axis"] % max(rank, 1):
                continue
            index = values.get(node.input[1])
            if index is None or index.size != 1 or node.output[0] not in known:
                refused.append(Refusal(node.name, "it takes more than one part, or which is not constant"))
                continue
            if any((known.get(part) or [0] * rank)[axis] != 1 for part in whole.input):
                refused.append(Refusal(node.name, "the parts are longer than 1"))
                continue
            shape = f"{node.name}_shape"
            model.graph.initializer.append(numpy_helper.from_array(np.array(known[node.output[0]], np.int64), shape))
            part = whole.input[int(index.reshape(-1)[0])]
            node.op_type = "Reshape"
            del node.attribute[:]
            node.input[0], node.input[1] = part, shape
            changed.append(node.name)
        if changed:
            _drop_unread(model)
        return Rewritten(model, tuple(changed), tuple(refused))


def _drop_unread(model: onnx.ModelProto) -> None:
    """Leave out the nodes whose results nobody reads."""
    outputs = {value.name for value in model.graph.output}
    while True:
        read = outputs | {name for node in model.graph.node for name in node.input}
        kept = [node for node in model.graph.node if read & set(node.output)]
        if len(kept) == len(model.graph.node):
            return
        del model.graph.node[:]
        model.graph.node.extend(kept)
