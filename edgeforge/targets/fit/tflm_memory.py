"""What TFLM's operators take of the arena on a 32-bit board, beside their tensors.

Each operator takes its parameters (parsed from the model), its own data (allocated in Init), further persistent
buffers and scratch buffers (both in Prepare). The sizes of the structures are in `tflm_memory.toml`, by library; the
buffers follow the kernels' Prepare functions (tensorflow/lite/micro/kernels, and kernels/cmsis_nn) and CMSIS-NN's
arm_*_get_buffer_size functions for processors without the vector extension (MVE); ESP-NN's stand in `esp_nn.py`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from edgeforge.hardware.board import DSP_CORES, Kernels
from edgeforge.targets.fit.esp_nn import Window, conv_scratch, depthwise_scratch, softmax_scratch
from edgeforge.tflite.flatbuffer import type_name
from edgeforge.tflite.graph import Graph, sources, targets

BYTES = {"INT8": 1, "UINT8": 1, "BOOL": 1, "INT16": 2, "FLOAT16": 2, "INT32": 4, "FLOAT32": 4, "UINT32": 4, "INT64": 8}
BYTES |= {"FLOAT64": 8, "UINT16": 2, "UINT64": 8, "COMPLEX64": 8, "RESOURCE": 4, "VARIANT": 4}
HIDDEN_STATE = 18  # which input of UNIDIRECTIONAL_SEQUENCE_LSTM it is
UNMEASURED_LSTM = 1536  # bytes taken for its own data: more than twice the reference's
UNMEASURED_DATA = 64  # bytes taken for an operator's own data where the table has none: more than all but a few have


@dataclass(frozen=True)
class Runtime:
    """A TFLM library as compiled for a 32-bit board: sizes in bytes."""

    name: str
    title: str
    cmsis_nn: int  # generation of CMSIS-NN's buffer formulas: 4 (of 2023), or 7 (of 2025 on)
    structures: dict[str, int]
    parameters: dict[str, tuple[int, int]]  # operator → size and alignment of its parsed parameters
    data: dict[str, dict[str, int]]  # kernels → operator → size of what its Init allocates

    def data_of(self, operator: str, kernels: Kernels) -> int | None:
        """Return what an operator's Init allocates: 0 for nothing, None where it was not measured."""
        return self.data.get(kernels, {}).get(operator, self.data["reference"].get(operator))


@cache
def runtimes() -> dict[str, Runtime]:
    """Return the libraries of tflm_memory.toml by name."""
    tables = tomllib.loads(Path(__file__).with_name("tflm_memory.toml").read_text())
    shared = {name: (size, align) for name, (size, align) in tables.pop("parameters").items()}
    found = {}
    for name, table in tables.items():
        own = {operator: (size, align) for operator, (size, align) in table.pop("parameters", {}).items()}
        found[name] = Runtime(name=name, parameters=shared | own, **table)
    return found


@dataclass
class OperatorMemory:
    """What one operator takes, in the order of allocation; bytes."""

    data: int = 0
    persistent: list[int] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)
    measured: bool = True


def tensor_bytes(graph: Graph, tensor: int) -> int:
    """Return the bytes of a tensor's values."""
    kind = type_name(graph.tensors[tensor].type)
    count = prod(graph.shape(tensor))
    return (count + 1) // 2 if kind == "INT4" else count * BYTES.get(kind, 0)


def operator_memory(graph: Graph, place: int, runtime: Runtime, kernels: Kernels, core: str) -> OperatorMemory:
    """Return what the operator at a place takes beside its tensors and parameters."""
    dsp = core in DSP_CORES
    name = graph.names[place]
    data = runtime.data_of(name, kernels)
    memory = OperatorMemory(UNMEASURED_DATA if data is None else data, measured=data is not None)
    layer = _Layer(graph, place)
    arm, esp = kernels == "cmsis-nn", kernels == "esp-nn"
    if name == "CONV_2D":
        _conv(layer, memory, runtime, arm, dsp)
    elif name == "DEPTHWISE_CONV_2D":
        _depthwise(layer, memory, runtime, arm, dsp)
    elif name == "FULLY_CONNECTED":
        _dense(layer, memory, runtime, arm)
    elif name == "AVERAGE_POOL_2D" and arm:
        if dsp and (layer.kind == "INT8" or (layer.kind == "INT16" and runtime.cmsis_nn >= 7)):
            memory.scratch.append(4 * layer.input[3])
    elif name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):
        _reduce(layer, memory, runtime)
    elif name == "SOFTMAX" and layer.kind == "INT16":
        memory.persistent += [2 * 513] * 2  # the two look-up tables (LUTSize<int16_t>())
    elif name == "TRANSPOSE_CONV":  # CMSIS-NN of 2023 has no kernel for it
        _transposed(layer, memory, arm and runtime.cmsis_nn >= 7)
    elif name == "CONCATENATION" and layer.kind == "INT8" and runtime.cmsis_nn < 7:
        memory.persistent += [4 * len(sources(layer.operator))] * 2
    elif name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        _lstm(layer, memory, measured=runtime.cmsis_nn >= 7 and not arm)
    elif name == "MIRROR_PAD":
        memory.scratch += [4 * len(layer.input)] * 2
    elif name == "ADD_N":
        memory.scratch.append(4 * len(layer.inputs))
    if esp and layer.kind == "INT8" and (size := _esp_nn(layer, core)):
        memory.scratch.append(size)
    return memory


def _esp_nn(layer: _Layer, core: str) -> int:
    """Return the scratch that ESP-NN asks for, after what the reference kernel does."""
    if layer.name == "SOFTMAX":
        return softmax_scratch(layer.input) if len(layer.input) > 1 else 0
    if layer.name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return 0
    (_, height, width, channels), weights, options = layer.input, layer.weights, layer.options
    window = Window((height, width), (weights[1], weights[2]), (layer.output[1], layer.output[2]),
                    (options.strideH, options.strideW), layer.padding(), channels, layer.output[3])  # fmt: skip
    return (conv_scratch if layer.name == "CONV_2D" else depthwise_scratch)(window, core)


class _Layer:
    """An operator with the shapes of its first input, its weights (second input) and its first output."""

    def __init__(self, graph: Graph, place: int) -> None:
        self.graph, self.operator, self.name = graph, graph.operators[place], graph.names[place]
        inputs = sources(self.operator)
        self.inputs = inputs
        self.input = graph.shape(inputs[0]) if inputs else ()
        self.weights = graph.shape(inputs[1]) if len(inputs) > 1 else ()
        self.output = graph.shape(targets(self.operator)[0]) if targets(self.operator) else ()
        self.kind = self.type(0)
        self.options: Any = self.operator.builtinOptions

    def type(self, n: int) -> str:
        return type_name(self.graph.tensors[self.inputs[n]].type) if len(self.inputs) > n else ""

    @property
    def per_channel(self) -> bool:
        quantization = self.graph.tensors[self.inputs[1]].quantization
        scales = None if quantization is None else quantization.scale
        return scales is not None and len(scales) > 1

    def padding(self) -> tuple[int, int]:
        """Return the rows above and the columns left of the input (ComputePaddingHeightWidth)."""
        options = self.options
        if options.padding == 1:  # VALID
            return 0, 0
        found = []
        for axis, stride, dilation in (
            (1, options.strideH, options.dilationHFactor),
            (2, options.strideW, options.dilationWFactor),
        ):
            reach = (self.weights[axis] - 1) * dilation + 1
            found.append(max((-(-self.input[axis] // stride) - 1) * stride + reach - self.input[axis], 0) // 2)
        return found[0], found[1]


def _conv(layer: _Layer, memory: OperatorMemory, runtime: Runtime, arm: bool, dsp: bool) -> None:
    channels, height, width, depth = layer.weights
    options, old = layer.options, runtime.cmsis_nn < 7
    if layer.kind in ("INT8", "INT16") or not arm:
        memory.persistent += [4 * channels] * 2  # multipliers and shifts
    if layer.type(1) == "INT4" and (not arm or old):
        memory.scratch.append(prod(layer.weights))
    if not arm or layer.kind not in ("INT8", "INT16"):
        return
    columns = height * width * layer.input[3]
    undilated = options.dilationHFactor == options.dilationWFactor == 1
    if layer.kind == "INT8":
        pointwise = height == width == 1 and layer.padding() == (0, 0) and undilated
        if old:
            pointwise = pointwise and options.strideH == options.strideW == 1
        else:
            pointwise = pointwise and layer.input[3] == depth
        size = 0 if pointwise else 4 * (columns if old else -(-columns // 4) * 4)
    elif old:
        size = 4 * columns if dsp and columns < 512 and undilated else 0
    else:
        size = 4 * columns
    if size:
        memory.scratch.append(size)


def _depthwise(layer: _Layer, memory: OperatorMemory, runtime: Runtime, arm: bool, dsp: bool) -> None:
    _, height, width, channels = layer.weights
    options = layer.options
    if layer.kind in ("INT8", "INT16") or not arm:
        memory.persistent += [4 * channels] * 2
    if layer.type(1) == "INT4" and (not arm or runtime.cmsis_nn < 7):
        memory.scratch.append(prod(layer.weights))
    plain = layer.input[3] == channels and options.dilationHFactor == options.dilationWFactor == 1
    # The 3 × 3 kernel needs no buffer; the formula of 2023 did not know yet. For INT16 nothing is asked for.
    small = height == width == 3 and max(layer.padding()) <= 1 and runtime.cmsis_nn >= 7
    if arm and dsp and layer.kind == "INT8" and plain and layer.input[0] == 1 and not small:
        memory.scratch.append(2 * layer.input[3] * height * width)


def _dense(layer: _Layer, memory: OperatorMemory, runtime: Runtime, arm: bool) -> None:
    as_conv = arm and layer.kind == "INT8" and len(layer.output) > 2 and layer.weights[-1] % 4 == 0
    if runtime.cmsis_nn >= 7:
        if layer.per_channel and layer.kind in ("INT8", "INT16"):
            memory.persistent += [4 * layer.weights[0]] * 2
        elif as_conv and layer.type(1) != "INT4":
            memory.scratch.append(8 * layer.output[-1])
    elif as_conv:
        memory.persistent += [4 * layer.output[-1]] * 2
    if layer.type(1) == "INT4" and (not arm or runtime.cmsis_nn < 7):
        memory.scratch.append(prod(layer.weights))


def _reduce(layer: _Layer, memory: OperatorMemory, runtime: Runtime) -> None:
    axes = prod(layer.weights)
    iterators = [4 * len(layer.input), 4 * axes]
    if layer.name in ("MEAN", "SUM"):
        sums = [4 * prod(layer.output)] if layer.kind in ("INT8", "INT16") else []
        memory.scratch += sums + (iterators if runtime.cmsis_nn >= 7 else [])
    else:
        memory.scratch += iterators


def _lstm(layer: _Layer, memory: OperatorMemory, *, measured: bool) -> None:
    """Four buffers of the cell state; CMSIS-NN's kernel, and the reference of 2023, were read and not measured."""
    state = layer.operator.inputs[HIDDEN_STATE]
    memory.scratch += [2 * prod(layer.graph.shape(state))] * 4  # 16 bits a cell
    if not measured:
        memory.scratch += [4 * prod(layer.graph.shape(state))] * 4
        memory.data, memory.measured = UNMEASURED_LSTM, False


def _transposed(layer: _Layer, memory: OperatorMemory, arm: bool) -> None:
    channels, height, width, depth = layer.weights  # inputs: output shape, weights, input
    memory.persistent += [4 * channels] * 2
    source = layer.graph.shape(layer.inputs[2])
    kind = layer.type(2)
    if kind == "INT16":
        memory.scratch.append(8 * prod(layer.output))
    elif kind == "INT8" and not arm:
        memory.scratch.append(4 * prod(layer.output))
    elif kind == "INT8":
        stride_h, stride_w = layer.options.strideH, layer.options.strideW
        if max(stride_h, stride_w) <= 2 and source[3] > 16:  # run as a convolution with the weights reversed
            memory.scratch += [4 * (-(-height * width * depth // 4) * 4), prod(layer.weights)]
        else:
            row = ((source[2] - 1) * stride_w + max(width, stride_h)) * layer.output[3]
            memory.scratch += [4 * row * max(height, stride_h), 0]
