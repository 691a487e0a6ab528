"""Small rewrites of an ONNX graph, each for an operator that a converter or a board would else lack or add.

The same function is computed; a node that stays keeps its name, by which later stages find its module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def average_as_pool(model: onnx.ModelProto) -> list[str]:
    """Write an average over H and W as GlobalAveragePool; return the names of the nodes rewritten.

    PyTorch's exporter makes a ReduceMean of it, before which onnx2tf sometimes leaves a TRANSPOSE to N,C,H,W.
    """
    constants, shapes = _constants(model), _shapes(model)
    rewritten = []
    for node in model.graph.node:
        if node.op_type != "ReduceMean":
            continue
        settings = {attribute.name: attribute for attribute in node.attribute}
        axes = settings["axes"].ints if "axes" in settings else constants.get(node.input[1]) if node.input[1:] else None
        kept = "keepdims" not in settings or settings["keepdims"].i == 1
        rank = len(shapes.get(node.input[0], ()))
        if axes is None or not kept or rank != 4 or sorted(int(a) % 4 for a in axes) != [2, 3]:
            continue
        node.op_type = "GlobalAveragePool"
        del node.attribute[:], node.input[1:]
        rewritten.append(node.name)
    return rewritten


def hard_sigmoid_by_relu6(model: onnx.ModelProto) -> list[str]:
    """Write max(0, min(1, x/6 + 1/2)) as relu6(x + 3) / 6; return the names of the nodes rewritten.

    TFLite's converter makes RELU_0_TO_1 of the first, which TFLite Micro does not have. PyTorch's Hardsigmoid has
    these very slopes; others are left alone.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    values = {"three": 3.0, "zero": 0.0, "six": 6.0, "sixth": 1 / 6}
    rewritten = []
    for place, node in reversed(list(enumerate(model.graph.node))):
        slopes = {a.name: a.f for a in node.attribute}
        is_pytorch_s = abs(slopes.get("alpha", 0.2) - 1 / 6) < 1e-6 and slopes.get("beta", 0.5) == 0.5
        if node.op_type != "HardSigmoid" or not is_pytorch_s:
            continue
        names = {key: f"{node.name}_{key}" for key in values}
        for key, value in values.items():
            model.graph.initializer.append(numpy_helper.from_array(np.float32(value), names[key]))
        source, shifted, clipped = node.input[0], f"{node.output[0]}_shifted", f"{node.output[0]}_clipped"
        parts = [
            helper.make_node("Add", [source, names["three"]], [shifted], f"{node.name}_add"),
            helper.make_node("Clip", [shifted, names["zero"], names["six"]], [clipped], f"{node.name}_clip"),
            helper.make_node("Mul", [clipped, names["sixth"]], list(node.output), node.name),
        ]
        _replace(model, place, parts)
        rewritten.append(node.name)
    return rewritten[::-1]


def norm_as_root(model: onnx.ModelProto) -> list[str]:
    """Write ReduceL2 as the root of a sum of squares; return the names of the nodes rewritten.

    onnx2tf's own fails for most axes. It is what PyTorch's normalize and vector norms become.
    """
    from onnx import helper

    rewritten = []
    for place, node in reversed(list(enumerate(model.graph.node))):
        if node.op_type != "ReduceL2":
            continue
        square, total = f"{node.output[0]}_square", f"{node.output[0]}_sum"
        summed = helper.make_node("ReduceSum", [square, *node.input[1:]], [total], f"{node.name}_sum")
        summed.attribute.extend(node.attribute)
        parts = [
            helper.make_node("Mul", [node.input[0], node.input[0]], [square], f"{node.name}_square"),
            summed,
            helper.make_node("Sqrt", [total], list(node.output), node.name),
        ]
        _replace(model, place, parts)
        rewritten.append(node.name)
    return rewritten[::-1]


def max_pool_padded_first(model: onnx.ModelProto) -> list[str]:
    """Pad a max-pool's input by a PAD of its own, also where it rounds up; return the names of the pools rewritten.

    onnx2tf pads it with the lowest float, -3.4e38, whose int8 scale leaves nothing of the values. Zeros are as low as
    any value behind ReLUs; elsewhere the border is repeated, which every window that reaches beyond it holds anyway.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    constants, shapes = _constants(model), _shapes(model)
    makers = {name: node for node in model.graph.node for name in node.output}
    rewritten = []
    for place, node in reversed(list(enumerate(model.graph.node))):
        if node.op_type != "MaxPool":
            continue
        settings = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        source, made = shapes.get(node.input[0], [])[2:], shapes.get(node.output[0], [])[2:]
        automatic = settings.get("auto_pad", b"NOTSET") != b"NOTSET"  # TFLite's own SAME or VALID
        if automatic or len(source) != 2 or len(made) != 2 or max(settings.get("dilations", [1])) > 1:
            continue
        begin = list(settings.get("pads", [0] * 4))[:2]
        end = [
            max(0, (outputs - 1) * stride + kernel - before - size)
            for outputs, stride, kernel, before, size in zip(
                made, settings.get("strides", [1, 1]), settings["kernel_shape"], begin, source, strict=True
            )
        ]
        if not any(begin + end):
            continue
        amounts, padded = f"{node.name}_pads", f"{node.output[0]}_padded"
        model.graph.initializer.append(numpy_helper.from_array(np.array([0, 0, *begin, 0, 0, *end]), amounts))
        mode = "constant" if _never_negative(node.input[0], makers, constants) else "edge"
        pad = helper.make_node("Pad", [node.input[0], amounts], [padded], f"{node.name}_pad", mode=mode)
        pad.metadata_props.extend(node.metadata_props)
        node.input[0] = padded
        kept = [a for a in node.attribute if a.name in ("kernel_shape", "strides")]
        del node.attribute[:]
        node.attribute.extend(kept)
        model.graph.node.insert(place, pad)
        rewritten.append(node.name)
    return rewritten[::-1]


def _constants(model: onnx.ModelProto) -> dict[str, Any]:
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the shape of every tensor whose shape the model says."""
    values = (*model.graph.input, *model.graph.value_info, *model.graph.output)
    return {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in values}


def _replace(model: onnx.ModelProto, place: int, parts: list[onnx.NodeProto]) -> None:
    """Put nodes in the place of one, with its module's name."""
    node = model.graph.node.pop(place)
    for part in reversed(parts):
        part.metadata_props.extend(node.metadata_props)
        model.graph.node.insert(place, part)


def _never_negative(name: str, makers: dict[str, onnx.NodeProto], constants: dict[str, Any]) -> bool:
    """Say whether a tensor is made of ReLUs and gates by nothing that could make it negative."""
    node = makers.get(name)
    if node is None:
        return False
    if node.op_type == "Clip":
        lowest = constants.get(node.input[1]) if len(node.input) > 1 else None
        return lowest is not None and float(lowest) >= 0
    if node.op_type in ("Concat", "Add", "Mul", "MaxPool", "AveragePool"):
        return all(_never_negative(source, makers, constants) for source in node.input)
    return node.op_type in ("Relu", "Sigmoid", "HardSigmoid")
