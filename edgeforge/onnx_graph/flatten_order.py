"""Removes the transpose that TFLite would need before a dense layer.

PyTorch flattens N,C,H,W and TFLite's tensors are N,H,W,C, so a converter puts a TRANSPOSE before the RESHAPE.
Flattening H,W,C instead and permuting the columns of the dense layer's weights gives the same outputs without it:
sum over c,h,w of W[o, chw] x[c,h,w] does not depend on the order of its terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


# Operators that treat each value alone, so that the order of values does not matter to them.
POINTWISE = ("Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Relu", "Sigmoid", "Tanh")


def flatten_channels_last(model: onnx.ModelProto) -> list[str]:
    """Rewrite every (N,C,H,W) → flatten → Gemm in place; return the names of the dense layers rewritten.

    Activations may stand between flatten and Gemm. Left alone: a flatten that feeds anything else, weights that
    are shared, H and W both 1.
    """
    import onnx
    from onnx import numpy_helper

    shapes = _shapes(onnx.shape_inference.infer_shapes(model))
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    rewritten = []
    for place, node in reversed(list(enumerate(model.graph.node))):
        source = shapes.get(node.input[0], []) if node.op_type in ("Flatten", "Reshape") else []
        flat = shapes.get(node.output[0], []) if source else []
        if len(source) != 4 or flat != [1, source[1] * source[2] * source[3]] or source[2:] == [1, 1]:
            continue
        last, dense = node, _only_reader(model, node.output[0])
        while dense is not None and dense.op_type in POINTWISE:
            last, dense = dense, _only_reader(model, dense.output[0])
        if dense is None or dense.op_type != "Gemm" or dense.input[0] != last.output[0]:
            continue
        tensor = weights.get(dense.input[1])
        if tensor is None or sum(tensor.name in other.input for other in model.graph.node) != 1:
            continue
        transposed = next((a.i for a in dense.attribute if a.name == "transB"), 0)
        matrix = numpy_helper.to_array(tensor)
        _, c, h, w = source
        if transposed:
            permuted = matrix.reshape(-1, c, h, w).transpose(0, 2, 3, 1).reshape(matrix.shape)
        else:
            permuted = matrix.reshape(c, h, w, -1).transpose(1, 2, 0, 3).reshape(matrix.shape)
        tensor.CopyFrom(numpy_helper.from_array(permuted.copy(), tensor.name))
        channels_last = f"{node.input[0]}_channels_last"
        transpose = onnx.helper.make_node(
            "Transpose", [node.input[0]], [channels_last], f"{node.name}_channels_last", perm=[0, 2, 3, 1]
        )
        node.input[0] = channels_last
        model.graph.node.insert(place, transpose)
        rewritten.append(dense.name)
    return rewritten


def _shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the static shape of every tensor that has one."""
    graph = model.graph
    return {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }


def _only_reader(model: onnx.ModelProto, name: str) -> onnx.NodeProto | None:
    readers = [node for node in model.graph.node if name in node.input]
    is_output = any(value.name == name for value in model.graph.output)
    return readers[0] if len(readers) == 1 and not is_output else None
