"""Static quantization of a float32 .tflite with activation ranges that the caller gives, by ai-edge-quantizer.

One way for ranges from every source: calibration here, PyTorch's observers, quantization-aware training. No
TensorFlow is needed: the float model's graph is kept as it is, tensor by tensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.errors import RecipeError
from edgeforge.quantize.tflite.passes.integer_operators import IntegerOperators
from edgeforge.quantize.tflite.passes.order import rewrite_in_order
from edgeforge.quantize.tflite.passes.reachable_clamps import ReachableClamps
from edgeforge.quantize.tflite.passes.room_for_biases import RoomForBiases
from edgeforge.quantize.tflite.passes.value_tables import with_placeholders
from edgeforge.quantize.tflite.prepared import layers
from edgeforge.tflite.flatbuffer import operator_name, read_model, type_name
from edgeforge.tflite.passes.drop_unused import DropUnused
from edgeforge.tflite.passes.widen_through_float import WidenThroughFloat

if TYPE_CHECKING:
    pass

Ranges = Mapping[str, tuple[float, float]]  # activation tensor → (min, max)
Precision = Literal["int8", "int16", "float32"]  # of a layer's activations; its weights are int8 unless float32

BITS = {"int8": 8, "int16": 16}
ONE_VALUE = (
    "in a Hardshrink, Softshrink or torch.where with a constant it is one value whatever the images are: write that as "
    "x * (x.abs() > 0.5) or relu(x - 0.5) - relu(-x - 0.5); else look for a dead layer before it, or choose other "
    "calibration images"
)


def quantize_static(
    float_model: bytes,
    ranges: Ranges,
    *,
    precision: Precision = "int8",
    exceptions: Mapping[str, Precision] | None = None,
    per_channel: bool = True,
    per_channel_dense: bool = False,
) -> bytes:
    """Return the model with int8 weights and activations quantized to the ranges given.

    float_model: as `prepared` returns it. ranges: of every activation tensor, input and output included.
    exceptions: layer (`layers`) → another precision than `precision`. The result's input and output are of
    `precision`. Activations: int8 asymmetric [-128, 127], int16 symmetric; weights: int8 symmetric [-127, 127].
    Raises RecipeError for a range that is missing, not finite or of no width.
    """
    import numpy as np
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

    kinds = dict.fromkeys(layers(float_model), precision) | dict(exceptions or {})
    integer = frozenset(name for name, kind in kinds.items() if kind == "int8")
    float_model, tables = with_placeholders(float_model, integer)
    check_ranges(float_model, ranges, frozenset(name for name, kind in kinds.items() if kind == "float32"))
    model = read_model(float_model)
    kinds = {name: kinds[name] for name in layers(float_model)}
    graph = model.subgraphs[0]
    if per_channel:
        steps = _input_steps(model, ranges, kinds, per_channel_dense)
        float_model, _ = rewrite_in_order(float_model, [RoomForBiases(steps)])
    quantizer = Quantizer(bytearray(float_model))
    dense = QuantGranularity.CHANNELWISE if per_channel and per_channel_dense else QuantGranularity.TENSORWISE
    other = QuantGranularity.CHANNELWISE if per_channel else QuantGranularity.TENSORWISE
    scopes: dict[str, Precision] = {".*": precision}
    scopes |= {f"^{re.escape(name)};": kind for name, kind in (exceptions or {}).items()}
    for scope, kind in scopes.items():
        if kind == "float32":
            quantizer.update_quantization_recipe(scope, TFLOperationName.ALL_SUPPORTED, algorithm_key="no_quantize")
            continue
        quantizer.add_static_config(scope, TFLOperationName.ALL_SUPPORTED, BITS[kind], 8, other)
        quantizer.add_static_config(scope, TFLOperationName.FULLY_CONNECTED, BITS[kind], 8, dense)
    for tensors, end in ((graph.inputs, TFLOperationName.INPUT), (graph.outputs, TFLOperationName.OUTPUT)):
        # Only float layers touch them: they stay float32.
        if not any(graph.tensors[tensor].name.decode() in ranges for tensor in tensors):
            quantizer.update_quantization_recipe(".*", end, algorithm_key="no_quantize")
    values = {  # of no dimension: the quantizer adds those of a constant that shares its range, whatever its rank
        name: {"min": np.array(low, np.float32), "max": np.array(high, np.float32)}
        for name, (low, high) in ranges.items()
    }
    result = quantizer.quantize(values).quantized_model
    assert result is not None
    passes = [IntegerOperators(ranges, integer, tables), DropUnused(), WidenThroughFloat(), ReachableClamps()]
    return rewrite_in_order(bytes(result), passes)[0]


def _input_steps(model: Any, ranges: Ranges, kinds: Mapping[str, Precision], dense: bool) -> dict[str, float]:
    """Return the input's scale of every layer that is quantized per channel."""
    graph, steps = model.subgraphs[0], {}
    for name, operator in zip(kinds, graph.operators, strict=True):
        source = graph.tensors[operator.inputs[0]].name.decode()
        if source not in ranges or kinds[name] == "float32":
            continue
        if operator_name(model, operator) == "FULLY_CONNECTED" and not dense:
            continue
        low, high = ranges[source]
        int8_step = (max(high, 0.0) - min(low, 0.0)) / 255
        steps[name] = int8_step if kinds[name] == "int8" else max(-low, high) / 32767
    return steps


def quantize_weights(
    float_model: bytes,
    scheme: Literal["dynamic", "weight-only"],
    *,
    per_channel: bool = True,
    per_channel_dense: bool = False,
) -> bytes:
    """Return the model with int8 weights and float32 activations.

    dynamic: LiteRT quantizes each layer's inputs as they come and multiplies integers. weight-only: a DEQUANTIZE
    before each layer, which computes in float.
    """
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

    quantizer = Quantizer(bytearray(float_model))
    add = quantizer.add_dynamic_config if scheme == "dynamic" else quantizer.add_weight_only_config
    dense = QuantGranularity.CHANNELWISE if per_channel and per_channel_dense else QuantGranularity.TENSORWISE
    other = QuantGranularity.CHANNELWISE if per_channel else QuantGranularity.TENSORWISE
    add(".*", TFLOperationName.ALL_SUPPORTED, 8, other)
    add(".*", TFLOperationName.FULLY_CONNECTED, 8, dense)
    if scheme == "dynamic":  # LiteRT's depthwise kernel reads a scale a channel, past the end of a single one
        add(".*", TFLOperationName.DEPTHWISE_CONV_2D, 8, QuantGranularity.CHANNELWISE)
    result = quantizer.quantize().quantized_model
    assert result is not None
    return bytes(result)


def check_ranges(float_model: bytes, ranges: Ranges, float_layers: frozenset[str] = frozenset()) -> None:
    """Raise RecipeError unless every activation that is quantized has a range, finite and of some width.

    float_layers: what stays in float needs none, but where a quantized layer reads it.
    """
    model = read_model(float_model)
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    makers = {names[tensor]: operator_name(model, one) for one in graph.operators for tensor in one.outputs}
    quantized = [operator for operator in graph.operators if names[operator.outputs[0]] not in float_layers]
    activations = {names[tensor] for tensor in graph.inputs}
    activations |= {names[tensor] for operator in graph.operators for tensor in operator.outputs}
    needed = {names[tensor] for operator in quantized for tensor in (*operator.inputs, *operator.outputs)}
    real = {name for name, tensor in zip(names, graph.tensors, strict=True) if type_name(tensor.type) == "FLOAT32"}
    for name in (name for name in names if name in activations & needed & real):
        if name not in ranges:
            raise RecipeError(f"tensor '{name}' has no activation range", fix="give one, or calibrate the model")
        low, high = ranges[name]
        if not (isfinite(low) and isfinite(high)):
            raise RecipeError(
                f"the activation range of tensor '{name}' is {low} to {high}: not finite",
                fix="look for NaN in the calibration images or in the weights",
            )
        if not low < high:
            raise RecipeError(
                f"tensor '{name}', {makers.get(name, 'the input')}, is {low:g} for all calibration images: its "
                "range has no width",
                fix=ONE_VALUE,
            )
