"""N,H,W,C models: told from the graph and the shape, and given an input (1,C,H,W) as all stages take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edgeforge.onnx_graph.graph import attributes

if TYPE_CHECKING:
    import onnx

Layout = Literal["nchw", "nhwc"]
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]
# An input goes through these, a value at a time or along its last axis, on its way to what says its layout.
BEFORE = ("Add", "Cast", "Clip", "DequantizeLinear", "Div", "Identity", "Mul", "QuantizeLinear", "Sub")
CHANNELS_FIRST = (
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "DepthToSpace", "GlobalAveragePool",
    "GlobalMaxPool", "InstanceNormalization", "MaxPool", "QLinearConv", "SpaceToDepth",
)  # fmt: skip


def layout_of(model: onnx.ModelProto, name: str) -> Layout | None:
    """Return the layout of an image input as its first operators show it; None where they do not."""
    found = {layout for layout in _shown(model, name) if layout}
    return found.pop() if len(found) == 1 else None


def _shown(model: onnx.ModelProto, name: str) -> list[Layout | None]:
    shown: list[Layout | None] = []
    for node in model.graph.node:
        if name not in node.input:
            continue
        if node.op_type in BEFORE:
            shown += _shown(model, node.output[0])
        elif _is_turn(node):
            shown.append("nhwc")
        elif node.op_type in CHANNELS_FIRST or (
            node.op_type == "Transpose" and [*attributes(node).get("perm", [])] == TO_CHANNELS_LAST
        ):
            shown.append("nchw")
        else:
            shown.append(None)
    return shown


def channels_first(model: onnx.ModelProto, name: str, shape: tuple[int, int, int]) -> None:
    """Give an N,H,W,C model an input (1,C,H,W), shape C,H,W: a Transpose more, or those that were there taken out."""
    from onnx import helper

    value = next(value for value in model.graph.input if value.name == name)
    turns = _turns(model, name)
    if turns is None:
        inside = f"{name}/channels_last"
        for node in model.graph.node:
            for place, read in enumerate(node.input):
                node.input[place] = inside if read == name else read
        turn = helper.make_node("Transpose", [name], [inside], name=f"{name}/Transpose", perm=TO_CHANNELS_LAST)
        model.graph.node.insert(0, turn)
    for node in turns or ():
        node.op_type = "Identity"
        del node.attribute[:]
    del model.graph.value_info[:]  # of the shapes that were
    kind = value.type.tensor_type.elem_type
    value.CopyFrom(helper.make_tensor_value_info(name, kind, [1, *shape]))


def rows_as_images(model: onnx.ModelProto, name: str, shape: tuple[int, int, int], form: str) -> None:
    """Give a model of rows, `form` ncl or nlc, an input (1,C,1,L), shape C,1,L: a Squeeze more, and a Transpose."""
    import numpy as np
    from onnx import helper, numpy_helper

    value = next(value for value in model.graph.input if value.name == name)
    inside, flat, axes = f"{name}/rows", f"{name}/flat", f"{name}/axes"
    for node in model.graph.node:
        for place, read in enumerate(node.input):
            node.input[place] = inside if read == name else read
    model.graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), axes))
    turned = form == "nlc"
    if turned:
        model.graph.node.insert(0, helper.make_node("Transpose", [flat], [inside], f"{name}/Transpose", perm=[0, 2, 1]))
    squeezed = flat if turned else inside
    model.graph.node.insert(0, helper.make_node("Squeeze", [name, axes], [squeezed], f"{name}/Squeeze"))
    del model.graph.value_info[:]
    kind = value.type.tensor_type.elem_type
    value.CopyFrom(helper.make_tensor_value_info(name, kind, [1, *shape]))


def _turns(model: onnx.ModelProto, name: str) -> list[onnx.NodeProto] | None:
    """Return the transposes to N,C,H,W that all readers lead to, in whatever layout; None where one does not."""
    # Constants of one value: what they do is the same in any layout.
    single = {tensor.name for tensor in model.graph.initializer if all(size == 1 for size in tensor.dims)}
    found: list[onnx.NodeProto] = []
    for node in [node for node in model.graph.node if name in node.input]:
        if _is_turn(node):
            found.append(node)
        elif node.op_type in BEFORE and all(other == name or other in single for other in node.input):
            behind = _turns(model, node.output[0])
            if behind is None:
                return None
            found += behind
        else:
            return None
    is_output = any(value.name == name for value in model.graph.output)
    return None if is_output or not found else found


def _is_turn(node: onnx.NodeProto) -> bool:
    return node.op_type == "Transpose" and [*attributes(node).get("perm", [])] == TO_CHANNELS_FIRST
