"""Layers with weights inside a .tflite: their constants, read and written."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.tflite.flatbuffer import operator_name, type_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]
KINDS: tuple[Kind, ...] = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
WEIGHTS, BIAS = 1, 2  # their places among an operator's inputs
# What activations leave of a value, fused into an operator or operators of their own.
CLAMPS = {"RELU": (0.0, inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}
TYPES = {"FLOAT32": "float32", "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64"}


@dataclass(frozen=True)
class Layer:
    """A convolution, depthwise convolution or dense layer.

    weights: out,h,w,in (convolution), 1,h,w,out (depthwise) or out,in (dense). Numbers are float32, dequantized
    where the file has integers.
    """

    name: str
    kind: Kind
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    same: bool  # TFLite's SAME padding; else VALID
    activation: str

    @property
    def output_axis(self) -> int:
        """The axis of the weights that counts output channels."""
        return 3 if self.kind == "DEPTHWISE_CONV_2D" else 0


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return how many zeros TFLite's SAME padding puts before and after one dimension."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def read_layer(model: Any, operator: Any) -> Layer | None:
    """Return an operator as a layer; None when it is another kind of operator, or has no constant weights."""
    import numpy as np

    graph = model.subgraphs[0]
    kind = operator_name(model, operator)
    if kind not in KINDS or constant(model, operator.inputs[WEIGHTS]) is None:
        return None
    options = operator.builtinOptions
    weights = dequantized(model, operator.inputs[WEIGHTS])
    outputs = weights.shape[3 if kind == "DEPTHWISE_CONV_2D" else 0]
    has_bias = len(operator.inputs) > BIAS and operator.inputs[BIAS] >= 0
    dense = kind == "FULLY_CONNECTED"
    return Layer(
        name=graph.tensors[operator.outputs[0]].name.decode(),
        kind=kind,
        weights=weights,
        bias=dequantized(model, operator.inputs[BIAS]) if has_bias else np.zeros(outputs, np.float32),
        stride=(1, 1) if dense else (options.strideH, options.strideW),
        dilation=(1, 1) if dense else (options.dilationHFactor, options.dilationWFactor),
        same=not dense and options.padding == 0,
        activation=activation_of(operator),
    )


def activation_of(operator: Any) -> str:
    """Return the name of an operator's fused activation, such as RELU6; NONE where it has none."""
    from ai_edge_litert import schema_py_generated as schema

    code = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
    kinds = vars(schema.ActivationFunctionType).items()
    return next(name for name, value in kinds if value == code and name[0] != "_")


def constant(model: Any, place: int) -> NDArray[Any] | None:
    """Return a constant tensor's numbers as they stand in the file; None for an activation."""
    import numpy as np

    tensor = model.subgraphs[0].tensors[place]
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0:
        return None
    kind = TYPES.get(type_name(tensor.type))
    if kind is None:
        return None
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), kind).reshape(tensor.shape).copy()


def scales_of(tensor: Any, axes: int) -> NDArray[np.float32]:
    """Return a weight or bias tensor's scales, shaped to be multiplied with `axes`-dimensional numbers."""
    import numpy as np

    scales = np.asarray(tensor.quantization.scale, np.float32)
    shape = [1] * axes
    if scales.size > 1:
        shape[tensor.quantization.quantizedDimension] = scales.size
    return scales.reshape(shape)


def dequantized(model: Any, place: int) -> NDArray[np.float32]:
    """Return a constant tensor's numbers in float32: integers times their scale (zero point 0, as weights have)."""
    import numpy as np

    numbers = constant(model, place)
    assert numbers is not None
    if numbers.dtype == np.float32:
        return numbers
    tensor = model.subgraphs[0].tensors[place]
    return numbers.astype(np.float32) * scales_of(tensor, numbers.ndim)


def set_constant(model: Any, operator: Any, slot: int, numbers: NDArray[Any]) -> None:
    """Write one constant input of an operator, of the type that stands there; other readers keep the old one."""
    import numpy as np

    graph = model.subgraphs[0]
    place = int(operator.inputs[slot])
    tensor = graph.tensors[place]
    if sum(int(read) == place for other in graph.operators for read in other.inputs) > 1:
        tensor = copy.copy(tensor)
        graph.tensors.append(tensor)
        operator.inputs = [*operator.inputs]
        operator.inputs[slot] = len(graph.tensors) - 1
    if sum(other.buffer == tensor.buffer for other in graph.tensors) > 1:
        buffer = copy.copy(model.buffers[tensor.buffer])
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    raw = numbers.astype(TYPES[type_name(tensor.type)]).tobytes()
    model.buffers[tensor.buffer].data = np.frombuffer(raw, np.uint8)
