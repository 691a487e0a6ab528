"""What a quantized ONNX file knows of its tensors: ranges, integer weights, and float values on real inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgeforge.onnx_graph.graph import constants, only_reader
from edgeforge.onnx_graph.quantized.constants import Integers
from edgeforge.onnx_graph.quantized.layers import LAYERS, LayerIntegers, layer_integers
from edgeforge.onnx_graph.quantized.ranges import FIXED, float_tensors
from edgeforge.onnx_graph.quantized.taken_apart import TakenApart
from edgeforge.onnx_graph.values import tensor_values
from edgeforge.quantize.known_ranges import KnownRanges, ObservedTensor, QuantizedWeights

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

OWNER = "the ONNX file"
FUSED = ("Add", "Clip", "Relu")  # what TFLite's layers take in behind them
DENSE = ("Gemm", "MatMul")


@dataclass(frozen=True)
class OnnxRanges:
    """What is known of a file's tensors, and more than PyTorch's quantized models have.

    layers: the integer weights of each layer, by its node. constants: what is added or multiplied, as integers.
    fixed: tensors whose range TFLite fixes (Softmax, Sigmoid, Tanh), whatever the file says. per_tensor: dense layers
    whose weights were rounded anew to one scale, as the recipe asks.
    """

    known: KnownRanges
    layers: dict[str, LayerIntegers]
    constants: tuple[Integers, ...]
    fixed: tuple[str, ...]
    per_tensor: tuple[str, ...]


def onnx_ranges(parts: TakenApart, inputs: NDArray[np.float32], *, per_channel_dense: bool | None) -> OnnxRanges:
    """Return what a file that was taken apart knows. inputs: N,C,H,W float32, real ones.

    per_channel_dense: False rounds the weights of dense layers anew, to one scale each; else they stay as they are.
    """
    model = parts.model
    owners = _owners(model)
    floats = float_tensors(model, parts.ranges, parts.integers)
    produced = {name: node for node in model.graph.node for name in node.output if name}
    names = [model.graph.input[0].name, *produced]
    values = tensor_values(
        model, inputs, [name for name in names if name in parts.ranges or _known(name, produced, floats)]
    )
    tensors, fixed = [], []
    for name, value in values.items():
        node = produced.get(name)
        found = parts.ranges.get(name)
        if node is not None and node.op_type in FIXED and name not in floats:
            found = FIXED[node.op_type]
            fixed.append(name)
        scale, zero_point = (None, 0) if found is None else (found.scale, found.zero_point)
        tensors.append(ObservedTensor(name, owners.get(name, ""), scale, zero_point, value))
    layers = layer_integers(model, parts.integers)
    per_tensor = [node.name for node in model.graph.node if node.op_type in DENSE and node.name in layers
                  and per_channel_dense is False and layers[node.name].scale.size > 1]  # fmt: skip
    layers |= {name: _one_scale(layers[name]) for name in per_tensor}
    dense = {node.name for node in model.graph.node if node.op_type in DENSE}
    weights = tuple(
        QuantizedWeights(name, one.scale if name in dense else _a_channel(one), one.values)
        for name, one in layers.items()
    )
    known = constants(model)
    in_float = [node.name for node in model.graph.node if not floats.isdisjoint(node.input)
                or (node.op_type in LAYERS and node.input[1] in known and node.name not in layers)]  # fmt: skip
    return OnnxRanges(
        KnownRanges(inputs, tuple(tensors), weights, tuple(in_float), OWNER),
        layers,
        tuple(_operands(parts)),
        tuple(fixed),
        tuple(per_tensor),
    )


def _operands(parts: TakenApart) -> Iterator[Integers]:
    """Yield the integer constants that are no layer's weights."""
    for node in parts.model.graph.node:
        if node.op_type not in LAYERS:
            yield from (parts.integers[name] for name in node.input if name in parts.integers)


def _known(name: str, produced: dict[str, onnx.NodeProto], floats: set[str]) -> bool:
    return name in floats or (name in produced and produced[name].op_type in FIXED)


def _owners(model: onnx.ModelProto) -> dict[str, str]:
    """Return the layer that each tensor is the result of: its own output, and what TFLite fuses behind it."""
    known = constants(model)
    found: dict[str, str] = {}
    for node in model.graph.node:
        if node.op_type not in LAYERS or node.input[1] not in known:
            found |= {name: node.name for name in node.output if name and name not in found}
            continue
        name = node.output[0]
        found[name] = node.name
        behind = only_reader(model, name)
        while behind is not None and behind.op_type in FUSED and _fuses(behind, name, known):
            name = behind.output[0]
            found[name] = node.name
            behind = only_reader(model, name)
    return found


def _fuses(node: onnx.NodeProto, name: str, known: dict[str, NDArray[np.float32]]) -> bool:
    return node.op_type != "Add" or any(other in known for other in node.input if other != name)


def _a_channel(layer: LayerIntegers) -> NDArray[np.float32]:
    """Return a scale for each output: TFLite's convolutions are per channel, also where all are the same."""
    import numpy as np

    return np.broadcast_to(layer.scale, (len(layer.values),)).copy()


def _one_scale(layer: LayerIntegers) -> LayerIntegers:
    """Return a dense layer's weights (O,I) rounded anew to one scale."""
    import numpy as np

    real = layer.values.astype(np.float64) * layer.scale[:, None]
    scale = np.array([abs(real).max() / 127], np.float32)
    return replace(layer, scale=scale, values=np.rint(real / scale).clip(-127, 127).astype(np.int8), anew=True)
