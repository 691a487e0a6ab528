"""What a quantized model needs to be run as others are: ends in float, and scales that are scalars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.onnx_graph.quantized.qoperators import LAYOUTS

if TYPE_CHECKING:
    import onnx

INTEGERS = (2, 3)  # TensorProto.UINT8, INT8


def with_float_ends(model: onnx.ModelProto) -> None:
    """Put a QuantizeLinear before an input that is dequantized at once, and a DequantizeLinear behind such an output.

    An input of integers that something else reads stays as it is.
    """
    from onnx import TensorProto, helper

    graph = model.graph
    for value in graph.input:
        readers = [node for node in graph.node if value.name in node.input]
        first = next((node for node in readers if _takes(node, value.name)), None)
        if value.type.tensor_type.elem_type not in INTEGERS or first is None:
            continue
        inside = f"{value.name}/integers"
        for node in readers:
            for place, name in enumerate(node.input):
                node.input[place] = inside if name == value.name else name
        graph.node.insert(
            0,
            helper.make_node(
                "QuantizeLinear", [value.name, *first.input[1:3]], [inside], name=f"{value.name}/QuantizeLinear"
            ),
        )
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    for value in graph.output:
        last = next((node for node in graph.node if value.name in node.output), None)
        if value.type.tensor_type.elem_type not in INTEGERS or last is None or not _ends(last):
            continue
        inside = f"{value.name}/integers"
        last.output[0] = inside
        for node in graph.node:
            for place, name in enumerate(node.input):
                node.input[place] = inside if name == value.name else name
        graph.node.append(
            helper.make_node(
                "DequantizeLinear", [inside, *_ends(last)], [value.name], name=f"{value.name}/DequantizeLinear"
            )
        )
        value.type.tensor_type.elem_type = TensorProto.FLOAT


def with_scalar_scales(model: onnx.ModelProto) -> None:
    """Make scalars of scales and zero points that are lists of one, which ONNX Runtime refuses once it fuses them."""
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    passed = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Identity"}
    for node in model.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        for place, name in list(enumerate(node.input))[1:]:
            root = name
            while root in passed:
                root = passed[root]
            if root not in known or list(known[root].dims) != [1]:
                continue
            scalar = f"{root}/scalar"
            if scalar not in known:
                known[scalar] = model.graph.initializer.add()
                known[scalar].CopyFrom(known[root])
                known[scalar].name = scalar
                del known[scalar].dims[:]
            node.input[place] = scalar


def _takes(node: onnx.NodeProto, name: str) -> bool:
    """Say whether a node's scale and zero point of its first input are those of this tensor."""
    return node.input[0] == name and (node.op_type == "DequantizeLinear" or node.op_type in LAYOUTS)


def _ends(node: onnx.NodeProto) -> list[str]:
    """Return the scale and zero point of a node's integers; none for a node that gives none."""
    if node.op_type == "QuantizeLinear":
        return list(node.input[1:3])
    place = LAYOUTS[node.op_type][1][1] if node.op_type in LAYOUTS else None
    return [] if place is None else list(node.input[place : place + 2])
