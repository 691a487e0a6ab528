"""The operators that an Edge TPU maps, and their known limitations, as Coral publishes them.

Source: "TensorFlow models on the Edge TPU", table "All operations supported by the Edge TPU"
(https://coral.ai/docs/edgetpu/models-intro/#supported-operations), for runtime 14. Axis 0 is the batch. The rows up
to RESIZE_BILINEAR were compared with the copy at developer.axis.com (ARTPEC-7, supported ops), those from SLICE to
STRIDED_SLICE with copies of an earlier version; RSQRT, SUM, SQUARED_DIFFERENCE, TRANSPOSE and TRANSPOSE_CONV, and the
batch rule of SPLIT, not word by word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgeforge.tflite.flatbuffer import operator_name, type_name

LARGEST_SOFTMAX = 16_000


class Operator:
    """One operator of a flatbuffer (schema's ModelT and OperatorT), with its tensors at hand."""

    def __init__(self, model: Any, operator: Any) -> None:
        graph = model.subgraphs[0]
        self.buffers = model.buffers
        self.kind = operator_name(model, operator)
        self.options = operator.builtinOptions
        self.inputs = [graph.tensors[place] for place in operator.inputs if place >= 0]
        self.outputs = [graph.tensors[place] for place in operator.outputs]
        # The converter joins the names of all operators that it fused.
        self.name = self.outputs[0].name.decode().split(";")[0] if self.outputs else ""

    def shape(self, tensor: Any) -> list[int]:
        """Return a tensor's sizes; empty for a scalar."""
        return [int(size) for size in tensor.shape] if tensor.shape is not None else []

    def constant(self, tensor: Any) -> Any:
        """Return a constant tensor's values as a flat array; None for one that is computed."""
        import numpy as np

        data = self.buffers[tensor.buffer].data
        if data is None or not len(data):
            return None
        return np.frombuffer(bytes(bytearray(data)), np.dtype(type_name(tensor.type).lower()))

    def option(self, name: str) -> Any:
        """Return one of the operator's settings; 0, the schema's usual default, where it carries none."""
        return getattr(self.options, name, 0) if self.options is not None else 0

    def axes(self, place: int) -> list[int]:
        """Return the constant axes of an input, counted from the front."""
        values = self.constant(self.inputs[place])
        rank = len(self.shape(self.inputs[1 - place]))
        return [] if values is None else [int(axis) % rank for axis in values]


@dataclass(frozen=True)
class Limit:
    """What is published of an operator: a check that says why one is refused, and what no check can tell."""

    refuses: Callable[[Operator], str] = lambda operator: ""
    caution: str = ""


def _no_fused_activation(operator: Operator) -> str:
    return "it has a fused activation" if operator.option("fusedActivationFunction") else ""


def _concatenation(operator: Operator) -> str:
    constants = [tensor for tensor in operator.inputs if operator.constant(tensor) is not None]
    if constants and len(operator.inputs) != 2:
        return "with a constant input there may only be two inputs"
    for tensor in constants:
        quantization = tensor.quantization
        zeros = quantization.zeroPoint if quantization is not None else None
        zero = int(zeros[0]) if zeros is not None and len(zeros) else 0
        if (operator.constant(tensor) != zero).any():
            return "a constant input must be all zeros"
    return _no_fused_activation(operator)


def _computed_weights(operator: Operator) -> str:
    given = len(operator.inputs) > 1 and operator.constant(operator.inputs[1]) is not None
    return "" if given else "its weights are computed: parameters must be constant"


def _convolution(operator: Operator) -> str:
    x, y = operator.option("dilationWFactor"), operator.option("dilationHFactor")
    return f"dilation {y} by {x}: it must be the same in x and y" if x != y else _computed_weights(operator)


def _dense(operator: Operator) -> str:
    if operator.option("weightsFormat"):
        return "its weights are not in the default format"
    return _one_dimensional(operator.shape(operator.outputs[0]), "output") or _computed_weights(operator)


def _one_dimensional(shape: list[int], what: str) -> str:
    return f"{what} of shape {shape} is not one-dimensional" if sum(size > 1 for size in shape) > 1 else ""


def _mean(operator: Operator) -> str:
    axes, shape = operator.axes(1), operator.shape(operator.inputs[0])
    if 0 in axes:
        return "it reduces the batch dimension"
    if len(shape) - 1 in axes and shape[-1] % 4:
        return f"it reduces a z-dimension of {shape[-1]}, no multiple of 4"
    return ""


def _no_batch_reduction(operator: Operator) -> str:
    return "it reduces the batch dimension" if 0 in operator.axes(1) else ""


def _pack(operator: Operator) -> str:
    return "it packs in the batch dimension" if operator.option("axis") == 0 else ""


def _pad(operator: Operator) -> str:
    amounts = operator.constant(operator.inputs[1])
    if amounts is None:
        return "its padding is not constant"
    return "it pads the batch dimension" if amounts[:2].any() else ""


def _prelu(operator: Operator) -> str:
    shape = operator.shape(operator.inputs[1])
    wide = any(size > 1 for size in shape[:-1])
    return f"alpha of shape {shape}: only its innermost dimension may exceed 1" if wide else ""


def _softmax(operator: Operator) -> str:
    shape = operator.shape(operator.inputs[0])
    if max(shape, default=1) > LARGEST_SOFTMAX:
        return f"{max(shape):,} elements, more than {LARGEST_SOFTMAX:,}"
    return _one_dimensional(shape, "input")


def _split(operator: Operator) -> str:
    return "it splits the batch dimension" if 0 in operator.axes(0) else ""


def _squeeze(operator: Operator) -> str:
    shape = operator.shape(operator.inputs[0])
    named = getattr(operator.options, "squeezeDims", None)
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    removed = ones if named is None or not len(named) else [int(axis) % len(shape) for axis in named]
    inner = [axis for axis in removed if any(size > 1 for size in shape[:axis])]
    return f"it removes a dimension inside of {shape}, not only leading ones" if inner else ""


def _strided_slice(operator: Operator) -> str:
    strides = operator.constant(operator.inputs[3])
    if strides is None or (strides != 1).any():
        return "its strides are not all 1"
    if operator.option("ellipsisMask") or operator.option("newAxisMask"):
        return "it has an ellipsis or a new axis"
    return ""


_PRECISION = "depending on its size it may be left to the CPU, to avoid loss of precision"
_FREE = Limit()

LIMITS: dict[str, Limit] = {
    "ADD": _FREE,
    "AVERAGE_POOL_2D": Limit(_no_fused_activation),
    "CONCATENATION": Limit(_concatenation),
    "CONV_2D": Limit(_convolution),
    "DEPTHWISE_CONV_2D": Limit(_convolution),
    "EXPAND_DIMS": _FREE,
    "FULLY_CONNECTED": Limit(_dense),
    "L2_NORMALIZATION": _FREE,
    "LOGISTIC": _FREE,
    "LSTM": _FREE,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _FREE,
    "MAXIMUM": _FREE,
    "MAX_POOL_2D": Limit(_no_fused_activation),
    "MEAN": Limit(_mean),
    "MINIMUM": _FREE,
    "MUL": _FREE,
    "PACK": Limit(_pack),
    "PAD": Limit(_pad),
    "PRELU": Limit(_prelu),
    "QUANTIZE": _FREE,
    "REDUCE_MAX": Limit(_no_batch_reduction),
    "REDUCE_MIN": Limit(_no_batch_reduction),
    "RELU": _FREE,
    "RELU6": _FREE,
    "RELU_N1_TO_1": _FREE,
    "RESHAPE": Limit(caution="a large tensor's may be left to the CPU"),
    "RESIZE_BILINEAR": Limit(caution=_PRECISION),
    "RESIZE_NEAREST_NEIGHBOR": Limit(caution=_PRECISION),
    "RSQRT": _FREE,
    "SLICE": _FREE,
    "SOFTMAX": Limit(_softmax),
    "SPACE_TO_DEPTH": _FREE,
    "SPLIT": Limit(_split),
    "SQUEEZE": Limit(_squeeze),
    "STRIDED_SLICE": Limit(_strided_slice),
    "SUB": _FREE,
    "SUM": Limit(_no_batch_reduction),
    "SQUARED_DIFFERENCE": _FREE,
    "TANH": _FREE,
    "TRANSPOSE": _FREE,
    "TRANSPOSE_CONV": Limit(_computed_weights),
}
