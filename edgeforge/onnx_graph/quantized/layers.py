"""Layers with integer weights in a quantized ONNX file, and the same weights as TFLite's int8 holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.graph import attributes, constants, inferred_shapes, only_reader, reads_alone
from edgeforge.onnx_graph.quantized.constants import Integers, real_values
from edgeforge.onnx_graph.quantized.parameters import Range, named

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

LAYERS = ("Conv", "ConvTranspose", "Gemm")
PER_CHANNEL = "quantize its weights per output channel or per tensor"


@dataclass(frozen=True)
class LayerIntegers:
    """A layer's weights in int8, zero point 0: scale (one, or one an output channel), values (O,I,H,W or O,I).

    held: how many stand one step past 127 in the file, and at 127 here. anew: the file has them around a zero point
    that int8 cannot have (TFLite's is 0), so that they are rounded anew.
    """

    node: str
    scale: NDArray[np.float32]
    values: NDArray[np.int8]
    held: int = 0
    anew: bool = False


def layer_integers(model: onnx.ModelProto, integers: Mapping[str, Integers]) -> dict[str, LayerIntegers]:
    """Return the weights of each layer that has integer ones, by the layer's name."""
    found = {}
    for node in model.graph.node:
        if node.op_type in LAYERS and node.input[1] in integers:
            axis = output_axis(node)
            found[node.name] = _as_int8(node, integers[node.input[1]], axis)
    return found


def output_axis(node: onnx.NodeProto) -> int:
    """Return the axis of a layer's weights that counts its outputs."""
    if node.op_type == "ConvTranspose":
        return 1
    return 1 if node.op_type == "Gemm" and not attributes(node).get("transB") else 0


def _as_int8(node: onnx.NodeProto, integers: Integers, axis: int) -> LayerIntegers:
    import numpy as np

    steps = np.moveaxis(integers.steps, axis, 0)
    scale = np.moveaxis(integers.scale, axis, 0).reshape(len(steps), -1)
    if (scale != scale[:, :1]).any():
        raise RecipeError(
            f"model: the weights of {named(node)} have a scale for each of their inputs, TFLite's int8 one an output",
            fix=PER_CHANNEL,
        )
    scales = scale[:, 0].copy()
    if (scales == scales[0]).all():
        scales = scales[:1]
    if steps.min() >= -128 and steps.max() <= 128:
        held = int((steps == 128).sum())
        return LayerIntegers(node.name, scales, np.minimum(steps, 127).astype(np.int8), held)
    real = steps * scale[:, 0].reshape(-1, *[1] * (steps.ndim - 1)).astype(np.float64)
    largest = abs(real).reshape(len(steps), -1).max(1) if scales.size > 1 else np.array([abs(real).max()])
    scales = (np.where(largest > 0, largest, 1.0) / 127).astype(np.float32)
    values = np.rint(real / scales.reshape(-1, *[1] * (steps.ndim - 1))).clip(-127, 127)
    return LayerIntegers(node.name, scales, values.astype(np.int8), anew=True)


def fold_scales(model: onnx.ModelProto, integers: dict[str, Integers], ranges: Mapping[str, Range]) -> None:
    """Fold what scales and shifts the channels behind integer weights into them: a batch norm, a Mul, Div, Add or Sub.

    The integers stay what they are; the factors go into their scales, and the factors' signs into theirs. What reads
    a tensor with a range of its own is an operator of its own.
    """
    makers: dict[str, Any] = {name: node for node in model.graph.node for name in node.output}
    for node in list(model.graph.node):
        source = next((name for name in node.input if name in makers), "")
        layer: Any = makers.get(source)
        if layer is None or layer.op_type not in LAYERS or layer.input[1] not in integers or source in ranges:
            continue
        if attributes(layer).get("group", 1) != 1 and layer.op_type == "ConvTranspose":
            continue
        known = constants(model)
        channels = integers[layer.input[1]].steps.shape[output_axis(layer)]
        found = _scale_and_shift(node, source, known, channels) if reads_alone(model, node, source) else None
        if found is None:
            continue
        _fold(model, layer, integers, known, *found)
        layer.output[0] = node.output[0]
        makers[node.output[0]] = layer
        model.graph.node.remove(node)


def _scale_and_shift(
    node: onnx.NodeProto, source: str, known: Mapping[str, Any], channels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return by what a node multiplies each channel and what it then adds; None where it does something else."""
    import numpy as np

    if node.op_type == "BatchNormalization":
        gamma, beta, mean, variance = (known[name].astype(np.float64) for name in node.input[1:5])
        factor = gamma / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
        return factor, beta - mean * factor
    others = [name for name in node.input if name != source]
    if node.op_type not in ("Add", "Div", "Mul", "Sub") or len(others) != 1 or others[0] not in known:
        return None
    value = known[others[0]].astype(np.float64)
    along = [size for size in value.shape if size != 1]
    behind = value.ndim - 1 - value.shape.index(channels) if channels in value.shape else None
    if value.size != 1 and (along != [channels] or behind not in (0, 2)):
        return None  # not one value a channel, of N,C,H,W or N,C
    value = np.broadcast_to(value.reshape(-1), (channels,))
    one, zero = np.ones(channels), np.zeros(channels)
    first = node.input[0] == source
    if node.op_type == "Mul":
        return value, zero
    if node.op_type == "Div":
        return (1 / value, zero) if first else None
    if node.op_type == "Add":
        return one, value
    return (one, -value) if first else (-one, value)


def _fold(
    model: onnx.ModelProto,
    layer: Any,
    integers: dict[str, Integers],
    known: Mapping[str, Any],
    factor: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> None:
    """Multiply a layer's outputs by factors, one a channel, and add what is shifted."""
    import numpy as np
    from onnx import numpy_helper

    old = integers[layer.input[1]]
    shape = [1] * old.steps.ndim
    shape[output_axis(layer)] = len(factor)
    sign, size = np.sign(factor).reshape(shape), abs(factor).reshape(shape)
    size = np.where(size > 0, size, 1.0)
    folded = Integers(
        (old.steps * sign).astype(np.int64), (old.scale * size).astype(np.float32), old.kind, old.zero_point
    )
    bias = known[layer.input[2]].astype(np.float64) if len(layer.input) > 2 and layer.input[2] else 0.0
    values = {"weight": real_values(folded), "bias": (bias * factor + shift).astype(np.float32)}
    del layer.input[1:]
    for part, value in values.items():
        name = f"{layer.name}/{len(model.graph.initializer)}.{part}"  # a number of its own: it may be folded twice
        model.graph.initializer.append(numpy_helper.from_array(value, name))
        layer.input.append(name)
    integers[layer.input[1]] = folded


def matrices_as_layers(model: onnx.ModelProto, integers: dict[str, Integers], ranges: Mapping[str, Range]) -> None:
    """Make a Gemm of each MatMul of one row with constant weights, and of the bias added to it.

    As a MatMul it would be a product of two activations in TFLite. A product with a range of its own keeps its Add.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    known, shapes = constants(model), inferred_shapes(model)
    for node in [node for node in model.graph.node if node.op_type == "MatMul"]:
        weights = known.get(node.input[1])
        if weights is None or weights.ndim != 2 or len(shapes.get(node.input[0], [])) != 2:
            continue
        name = f"{node.name}/transposed.weight"
        model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(weights.T), name))
        if node.input[1] in integers:
            old = integers[node.input[1]]
            integers[name] = Integers(old.steps.T, old.scale.T, old.kind, old.zero_point)
        gemm = helper.make_node("Gemm", [node.input[0], name], [node.output[0]], name=node.name, transB=1)
        gemm.metadata_props.extend(node.metadata_props)
        added: Any = None if node.output[0] in ranges else only_reader(model, node.output[0])
        if added is not None and added.op_type == "Add":
            bias = _bias(added, node.output[0], known)
            if bias is not None and bias.size == weights.shape[1] and bias.shape[-1:] == (bias.size,):
                model.graph.initializer.append(numpy_helper.from_array(bias.reshape(-1), f"{node.name}/added.bias"))
                gemm.input.append(f"{node.name}/added.bias")
                gemm.output[0] = added.output[0]
                model.graph.node.remove(added)
        place = list(model.graph.node).index(node)
        model.graph.node.remove(node)
        model.graph.node.insert(place, gemm)


def _bias(added: onnx.NodeProto, product: str, known: Mapping[str, Any]) -> NDArray[np.float32] | None:
    return next((known[name] for name in added.input if name != product and name in known), None)
