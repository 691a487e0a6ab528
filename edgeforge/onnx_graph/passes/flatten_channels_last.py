"""A flatten before a dense layer without the transpose that TFLite would need.

PyTorch flattens N,C,H,W and TFLite's tensors are N,H,W,C, so a converter puts a TRANSPOSE before the RESHAPE.
Flattening H,W,C instead and permuting the columns of the dense layer's weights gives the same outputs without it:
sum over c,h,w of W[o, chw] x[c,h,w] does not depend on the order of its terms.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import inferred_shapes, only_reader
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Refusal, Rewritten

if TYPE_CHECKING:
    import onnx

# Operators that treat each value alone, so that the order of values does not matter to them.
POINTWISE = ("Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Relu", "Sigmoid", "Tanh")


class FlattenChannelsLast(OnnxPass):
    """Rewrite every (N,C,H,W) or (N,C,L) → flatten → Gemm: a Transpose to channels last first, weights permuted.

    The converter's own transpose and this one undo each other. Activations may stand between flatten and Gemm.
    Refused: a flatten that feeds anything else, weights that are shared. With H and W both 1 there is nothing to do.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with its flattens in H,W,C order; `changed` are the dense layers."""
        import onnx
        from onnx import numpy_helper

        known = inferred_shapes(model)
        weights = {tensor.name: tensor for tensor in model.graph.initializer}
        changed, refused = [], []
        for place, node in reversed(list(enumerate(model.graph.node))):
            source = known.get(node.input[0], []) if node.op_type in ("Flatten", "Reshape") else []
            flat = known.get(node.output[0], []) if source else []
            if len(source) not in (3, 4) or flat != [1, prod(source[1:])] or prod(source[2:]) == 1:
                continue
            dense, reason = _dense_behind(model, node, weights)
            if dense is None:
                refused.append(Refusal(node.name, reason))
                continue
            tensor = weights[dense.input[1]]
            transposed = next((a.i for a in dense.attribute if a.name == "transB"), 0)
            matrix = numpy_helper.to_array(tensor)
            channels, places = source[1], prod(source[2:])
            if transposed:
                permuted = matrix.reshape(-1, channels, places).transpose(0, 2, 1).reshape(matrix.shape)
            else:
                permuted = matrix.reshape(channels, places, -1).transpose(1, 0, 2).reshape(matrix.shape)
            tensor.CopyFrom(numpy_helper.from_array(permuted.copy(), tensor.name))
            channels_last = f"{node.input[0]}_channels_last"
            transpose = onnx.helper.make_node(
                "Transpose",
                [node.input[0]],
                [channels_last],
                f"{node.name}_channels_last",
                perm=[0, *range(2, len(source)), 1],
            )
            node.input[0] = channels_last
            model.graph.node.insert(place, transpose)
            changed.append(dense.name)
        return Rewritten(model, tuple(changed), tuple(refused))


def _dense_behind(
    model: onnx.ModelProto, flatten: onnx.NodeProto, weights: dict[str, onnx.TensorProto]
) -> tuple[onnx.NodeProto | None, str]:
    """Return the dense layer that alone reads a flatten's output, or None and the reason why there is none."""
    last, dense = flatten, only_reader(model, flatten.output[0])
    while dense is not None and dense.op_type in POINTWISE:
        last, dense = dense, only_reader(model, dense.output[0])
    if dense is None:
        return None, "its output has several readers, or is the model's"
    if dense.op_type != "Gemm" or dense.input[0] != last.output[0]:
        return None, f"{dense.op_type} reads it"
    if dense.input[1] not in weights:
        return None, "the dense layer's weights are not constant"
    if sum(dense.input[1] in other.input for other in model.graph.node) != 1:
        return None, "the dense layer's weights have other readers"
    return dense, ""
