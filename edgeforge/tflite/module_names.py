"""Which PyTorch module a TFLite operator came from, by way of the ONNX file between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeforge.onnx_graph.checks import WEIGHTY, owner_of
from edgeforge.tflite.graph import Graph, targets
from edgeforge.tflite.layer_match import align

# ONNX operator → TFLite operators that it becomes.
BECOMES: dict[str, tuple[str, ...]] = {
    "Add": ("ADD",),
    "AveragePool": ("AVERAGE_POOL_2D",),
    "Clip": ("RELU6", "RELU_0_TO_1"),
    "Concat": ("CONCATENATION",),
    "Conv": ("CONV_2D", "DEPTHWISE_CONV_2D"),
    "ConvTranspose": ("TRANSPOSE_CONV",),
    "Div": ("DIV",),
    "Flatten": ("RESHAPE",),
    "Gemm": ("FULLY_CONNECTED",),
    "GlobalAveragePool": ("MEAN", "AVERAGE_POOL_2D"),
    "HardSigmoid": ("RELU_0_TO_1", "HARD_SWISH"),
    "HardSwish": ("HARD_SWISH",),
    "MatMul": ("FULLY_CONNECTED", "BATCH_MATMUL"),
    "MaxPool": ("MAX_POOL_2D",),
    "Mul": ("MUL", "HARD_SWISH"),
    "ReduceMean": ("MEAN",),
    "Relu": ("RELU",),
    "Reshape": ("RESHAPE",),
    "Sigmoid": ("LOGISTIC",),
    "Softmax": ("SOFTMAX",),
    "Sub": ("SUB",),
    "Tanh": ("TANH",),
}


def module_names(float_model: bytes, onnx_file: Path) -> dict[int, str]:
    """Return operator's place in the float .tflite → dotted module name, for those that are known.

    The converter keeps the order of operators: they are aligned by kind and by the size of their outputs, which
    N,C,H,W and N,H,W,C share.
    """
    import onnx

    from edgeforge.onnx_graph.read import read_onnx

    graph = Graph(float_model)
    model = onnx.shape_inference.infer_shapes(read_onnx(onnx_file, external=False))
    shapes = {
        value.name: sorted(size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in (*model.graph.value_info, *model.graph.output)
    }
    nodes = [node for node in model.graph.node if node.op_type in BECOMES]
    layers = graph.layers

    def likeness(node: Any, place: int) -> float:
        if graph.names[place] not in BECOMES[node.op_type]:
            return 0.0
        if shapes.get(node.output[0]) != sorted(graph.shape(targets(graph.operators[place])[0])):
            return 0.0
        return 10.0 if node.op_type in WEIGHTY else 1.0

    pairs = align(nodes, layers, likeness)
    return {layers[b]: owner_of(nodes[a]) for a, b in pairs if a is not None and b is not None}
