"""Small float .tflite models with random weights, written without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.tflite.flatbuffer import write_model

ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU6": 3}


@dataclass
class Op:
    """One operator; `numbers` are its constant inputs after the activation it reads."""

    kind: str
    numbers: tuple[np.ndarray, ...] = ()
    activation: str = "NONE"
    stride: int = 1
    same: bool = True
    dilation: int = 1
    reads: int = -1  # index of the operator whose output is read; -1: the one before
    adds: int | None = None  # for ADD: another operator whose output is read


def conv(random: np.random.Generator, inputs: int, outputs: int, size: int = 1, **settings: Any) -> Op:
    weights = random.normal(0, 1 / np.sqrt(inputs * size * size), (outputs, size, size, inputs))
    return Op("CONV_2D", (weights, random.normal(0, 0.1, outputs)), **settings)


def depthwise(random: np.random.Generator, channels: int, multiplier: int = 1, size: int = 3, **settings: Any) -> Op:
    weights = random.normal(0, 1 / size, (1, size, size, channels * multiplier))
    return Op("DEPTHWISE_CONV_2D", (weights, random.normal(0, 0.1, channels * multiplier)), **settings)


def dense(random: np.random.Generator, inputs: int, outputs: int, **settings: Any) -> Op:
    weights = random.normal(0, 1 / np.sqrt(inputs), (outputs, inputs))
    return Op("FULLY_CONNECTED", (weights, random.normal(0, 0.1, outputs)), **settings)


def build(shape: tuple[int, int, int], operators: list[Op]) -> bytes:
    """Return a prepared float32 model with input (1,*shape), H,W,C."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.operatorCodes, model.buffers = 3, [], [schema.BufferT()]
    graph.tensors, graph.operators = [], []

    def tensor(shape: tuple[int, ...], numbers: np.ndarray | None = None) -> int:
        entry = schema.TensorT()
        entry.shape, entry.name = np.array(shape, np.int32), f"t{len(graph.tensors)}".encode()
        if numbers is not None:
            whole = numbers.dtype.kind == "i"
            entry.type = schema.TensorType.INT32 if whole else schema.TensorType.FLOAT32
            buffer = schema.BufferT()
            raw = numbers.astype(np.int32 if whole else np.float32).tobytes()
            buffer.data = np.frombuffer(raw, np.uint8)
            model.buffers.append(buffer)
            entry.buffer = len(model.buffers) - 1
        graph.tensors.append(entry)
        return len(graph.tensors) - 1

    source = tensor((1, *shape))
    graph.inputs, outputs = [source], []
    for op in operators:
        read = source if not outputs else outputs[op.reads]
        entry, code = schema.OperatorT(), schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, op.kind)
        code.version = 1
        model.operatorCodes.append(code)
        entry.opcodeIndex = len(model.operatorCodes) - 1
        entry.inputs = [read, *(tensor(np.shape(numbers), np.asarray(numbers)) for numbers in op.numbers)]
        if op.adds is not None:
            entry.inputs.append(outputs[op.adds])
        before = tuple(graph.tensors[read].shape)
        outputs.append(tensor(_shape_after(op, before)))
        entry.outputs = [outputs[-1]]
        kind, options = _options(op, before)
        entry.builtinOptionsType, entry.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        graph.operators.append(entry)
    graph.outputs = [outputs[-1]]
    model.subgraphs = [graph]
    return prepared(write_model(model))


def mobile_net(random: np.random.Generator, channels: int = 16, activation: str = "RELU") -> bytes:
    """Return 8x8x3 → convolution, expansion, depthwise, projection with a sum around, pooling, dense → 5."""
    inside = {"activation": activation}
    return build(
        (8, 8, 3),
        [
            conv(random, 3, channels, 3, **inside),
            conv(random, channels, 2 * channels, **inside),
            depthwise(random, 2 * channels, **inside),
            conv(random, 2 * channels, channels),
            Op("ADD", adds=0),
            conv(random, channels, channels, **inside),
            depthwise(random, channels, stride=2, **inside),
            conv(random, channels, 2 * channels, **inside),
            Op("MEAN", (np.array([1, 2]),)),
            dense(random, 2 * channels, 5),
        ],
    )


def images(random: np.random.Generator, count: int, channels: int = 3, size: int = 8) -> np.ndarray:
    """Return inputs (count,channels,size,size)."""
    return random.normal(0, 1, (count, channels, size, size)).astype(np.float32)


def _shape_after(op: Op, before: tuple[int, ...]) -> tuple[int, ...]:
    if op.kind == "FULLY_CONNECTED":
        return 1, len(op.numbers[0])
    if op.kind == "MEAN":
        return before[0], before[3]
    if op.kind == "RESHAPE":
        return tuple(op.numbers[0])
    if op.kind == "PAD":
        return tuple(int(n + sum(pads)) for n, pads in zip(before, op.numbers[0], strict=True))
    if op.kind == "CONCATENATION":
        return *before[:-1], 2 * before[-1]
    if op.kind in ("ADD", "RELU", "RELU6"):
        return before
    size = 2 if op.kind == "MAX_POOL_2D" else op.numbers[0].shape[1]
    reach = (size - 1) * op.dilation + 1
    height, width = (-(-(n if op.same else n - reach + 1) // op.stride) for n in before[1:3])
    kernel = op.numbers[0].shape if op.numbers else (before[3], 0, 0, before[3])
    return 1, height, width, kernel[3] if op.kind == "DEPTHWISE_CONV_2D" else kernel[0]


def _options(op: Op, before: tuple[int, ...]) -> tuple[str, Any]:
    kind = {
        "CONV_2D": "Conv2DOptions",
        "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
        "FULLY_CONNECTED": "FullyConnectedOptions",
        "MAX_POOL_2D": "Pool2DOptions",
        "MEAN": "ReducerOptions",
        "ADD": "AddOptions",
        "RESHAPE": "ReshapeOptions",
        "PAD": "PadOptions",
        "CONCATENATION": "ConcatenationOptions",
    }.get(op.kind)
    if kind is None:
        return "NONE", None
    options = getattr(schema, kind + "T")()
    options.fusedActivationFunction = ACTIVATIONS[op.activation]
    options.padding, options.strideH, options.strideW = int(not op.same), op.stride, op.stride
    options.dilationHFactor = options.dilationWFactor = op.dilation
    if op.kind == "DEPTHWISE_CONV_2D":
        options.depthMultiplier = op.numbers[0].shape[3] // before[3]
    if op.kind == "MAX_POOL_2D":
        options.filterHeight = options.filterWidth = 2
    if op.kind == "RESHAPE":
        options.newShape = np.array(op.numbers[0], np.int32)
    if op.kind == "CONCATENATION":
        options.axis = 3
    return kind, options
