"""A .tflite model of one operator that computes on one element type, as converters write it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgeforge.tflite.flatbuffer import write_model

TYPES = ("int8", "int16", "uint8", "float32", "bool")
SHAPE = (1, 4, 4, 8)
WEIGHTS = {"int8": ("INT8", "INT32"), "int16": ("INT8", "INT64"), "uint8": ("UINT8", "INT32")}  # and biases


@dataclass
class Tensor:
    """kind: "" is the type that is asked for; "weights" and "bias" are those that go with it."""

    shape: tuple[int, ...] = SHAPE
    kind: str = ""
    values: list[int] | None = None
    scale: float = 0.05
    zero: int = 0
    variable: bool = False


@dataclass
class Layer:
    """An operator's inputs (None: left out), its outputs, and its options by the schema's name."""

    inputs: list[Tensor | None] = field(default_factory=lambda: [Tensor()])
    outputs: list[Tensor] = field(default_factory=lambda: [Tensor()])
    options: str = ""
    set: dict[str, Any] = field(default_factory=dict)


def whole(*values: int) -> Tensor:
    """Return a constant of int32."""
    return Tensor((len(values),), "INT32", list(values))


def layer(name: str, kind: str) -> Layer | None:
    """Return an operator as it computes on a type; None for one that computes on no tensor's values."""
    small, rows, pair = Tensor((1, 2, 2, 8)), Tensor((1, 8)), Tensor((2,), "INT32", [1, 2])
    weights, bias = Tensor((8, 1, 1, 8), "weights", [1] * 64, 0.01), Tensor((8,), "bias", [0] * 8, 0.0005)
    window = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    pooled = Layer(outputs=[small], options="Pool2D", set={"strideH": 2, "strideW": 2, "filterHeight": 2,
                                                           "filterWidth": 2, "padding": 1})  # fmt: skip
    reduced = Layer([Tensor(), pair], [Tensor((1, 1, 1, 8))], "Reducer", {"keepDims": True})
    known = {
        "ADD_N": Layer([Tensor(), Tensor()], options="AddN"),
        "ARG_MAX": Layer([rows, whole(1)], [Tensor((1,), "INT32")], "ArgMax", {"outputType": 2}),
        "ARG_MIN": Layer([rows, whole(1)], [Tensor((1,), "INT32")], "ArgMin", {"outputType": 2}),
        "AVERAGE_POOL_2D": pooled,
        "MAX_POOL_2D": pooled,
        "L2_POOL_2D": pooled,
        "BATCH_MATMUL": Layer([Tensor((1, 4, 8)), Tensor((1, 8, 4))], [Tensor((1, 4, 4))], "BatchMatMul"),
        "BATCH_TO_SPACE_ND": Layer([Tensor((4, 2, 2, 8)), whole(2, 2), Tensor((2, 2), "INT32", [0] * 4)]),
        "BROADCAST_ARGS": Layer([whole(4, 8), whole(4, 8)], [Tensor((2,), "INT32")]),
        "BROADCAST_TO": Layer([rows, whole(4, 8)], [Tensor((4, 8))], "BroadcastTo"),
        "CAST": Layer(outputs=[Tensor(kind="FLOAT32")], options="Cast"),
        "CONCATENATION": Layer([Tensor(), Tensor()], [Tensor((1, 4, 4, 16))], "Concatenation", {"axis": 3}),
        "CONV_2D": Layer([Tensor(), weights, bias], options="Conv2D", set=window),
        "CUMSUM": Layer([rows, Tensor((), "INT32", [1])], [rows], "Cumsum"),
        "DEPTHWISE_CONV_2D": Layer([Tensor(), Tensor((1, 1, 1, 8), "weights", [1] * 8, 0.01), bias],
                                   options="DepthwiseConv2D", set=window | {"depthMultiplier": 1}),
        "DEPTH_TO_SPACE": Layer(outputs=[Tensor((1, 8, 8, 2))], options="DepthToSpace", set={"blockSize": 2}),
        "DEQUANTIZE": Layer(outputs=[Tensor(kind="FLOAT32")], options="Dequantize"),
        "DYNAMIC_UPDATE_SLICE": Layer([Tensor((4, 8)), Tensor((1, 8)), whole(1, 0)], [Tensor((4, 8))]),
        "EMBEDDING_LOOKUP": Layer([whole(1, 2), Tensor((4, 8), "same", [1] * 32)], [Tensor((2, 8), "FLOAT32")]),
        "EXPAND_DIMS": Layer([rows, whole(1)], [Tensor((1, 1, 8))], "ExpandDims"),
        "FILL": Layer([whole(1, 8), Tensor(())], [rows], "Fill"),
        "FULLY_CONNECTED": Layer([rows, Tensor((8, 8), "weights", [1] * 64, 0.01), bias], [rows], "FullyConnected"),
        "GATHER": Layer([Tensor(), whole(1, 0)], [Tensor((1, 2, 4, 8))], "Gather", {"axis": 1}),
        "GATHER_ND": Layer([Tensor((4, 8)), Tensor((2, 1), "INT32", [1, 2])], [Tensor((2, 8))], "GatherNd"),
        "HARD_SWISH": Layer(options="HardSwish"),
        "L2_NORMALIZATION": Layer([rows], [Tensor((1, 8), scale=1 / 128)], "L2Norm"),
        "LEAKY_RELU": Layer(options="LeakyRelu", set={"alpha": 0.1}),
        "LOGISTIC": Layer(outputs=[_of_range(kind, 1)]),
        "LOG_SOFTMAX": Layer([rows], [Tensor((1, 8), scale=16 / 256, zero=127)], "LogSoftmax"),
        "MIRROR_PAD": Layer([Tensor(), Tensor((4, 2), "INT32", [0, 0, 1, 1, 1, 1, 0, 0])], [Tensor((1, 6, 6, 8))],
                            "MirrorPad"),
        "PACK": Layer([rows, rows], [Tensor((2, 1, 8))], "Pack", {"valuesCount": 2}),
        "PAD": Layer([Tensor(), Tensor((4, 2), "INT32", [0, 0, 1, 1, 1, 1, 0, 0])], [Tensor((1, 6, 6, 8))], "Pad"),
        "PADV2": Layer([Tensor(), Tensor((4, 2), "INT32", [0, 0, 1, 1, 1, 1, 0, 0]), Tensor((1,), "same", [0])],
                       [Tensor((1, 6, 6, 8))], "PadV2"),
        "PRELU": Layer([Tensor(), Tensor((1, 1, 8), "weights", [1] * 8)]),
        "QUANTIZE": Layer(outputs=[Tensor(kind="INT8")], options="Quantize"),
        "RESHAPE": Layer([Tensor(), whole(1, 128)], [Tensor((1, 128))], "Reshape", {"newShape": [1, 128]}),
        "RESIZE_BILINEAR": Layer([Tensor(), whole(8, 8)], [Tensor((1, 8, 8, 8))], "ResizeBilinear"),
        "RESIZE_NEAREST_NEIGHBOR": Layer([Tensor(), whole(8, 8)], [Tensor((1, 8, 8, 8))], "ResizeNearestNeighbor"),
        "REVERSE_V2": Layer([rows, whole(1)], [rows], "ReverseV2"),
        "SELECT_V2": Layer([Tensor(kind="BOOL"), Tensor(), Tensor()], options="SelectV2"),
        "SHAPE": Layer(outputs=[Tensor((4,), "INT32")], options="Shape", set={"outType": 2}),
        "SLICE": Layer([Tensor(), whole(0, 1, 1, 0), whole(1, 2, 2, 8)], [small], "Slice"),
        "SOFTMAX": Layer([rows], [_of_range(kind, 1, (1, 8))], "Softmax", {"beta": 1.0}),
        "SPACE_TO_BATCH_ND": Layer([Tensor(), whole(2, 2), Tensor((2, 2), "INT32", [0] * 4)], [Tensor((4, 2, 2, 8))]),
        "SPACE_TO_DEPTH": Layer(outputs=[Tensor((1, 2, 2, 32))], options="SpaceToDepth", set={"blockSize": 2}),
        "SPLIT": Layer([Tensor((), "INT32", [3]), Tensor()], [Tensor((1, 4, 4, 4))] * 2, "Split", {"numSplits": 2}),
        "SPLIT_V": Layer([Tensor(), whole(4, 4), Tensor((), "INT32", [3])], [Tensor((1, 4, 4, 4))] * 2, "SplitV",
                         {"numSplits": 2}),
        "SQUEEZE": Layer([rows], [Tensor((8,))], "Squeeze", {"squeezeDims": [0]}),
        "STRIDED_SLICE": Layer([Tensor(), whole(0, 1, 1, 0), whole(1, 3, 3, 8), whole(1, 1, 1, 1)], [small],
                               "StridedSlice"),
        "SVDF": Layer([rows, Tensor((8, 8), "weights", [1] * 64, 0.01), _of_time(kind), replace(bias, scale=1e-4),
                       Tensor((1, 16), "float32" if kind == "float32" else "INT16", None, 0.01, variable=True)],
                      [rows], "SVDF", {"rank": 1}),
        "TANH": Layer(outputs=[_of_range(kind, 2)]),
        "TRANSPOSE": Layer([Tensor(), whole(0, 3, 1, 2)], [Tensor((1, 8, 4, 4))], "Transpose"),
        "TRANSPOSE_CONV": Layer([whole(1, 4, 4, 8), weights, Tensor(), bias], options="TransposeConv",
                                set={"strideH": 1, "strideW": 1}),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm(kind),
        "UNPACK": Layer([Tensor((2, 8))], [Tensor((8,))] * 2, "Unpack", {"num": 2}),
    }  # fmt: skip
    for one in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL"):
        known[one] = reduced
    for one in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"):
        known[one] = Layer([Tensor(), Tensor()], [Tensor(kind="BOOL")])
    for one in ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "FLOOR_DIV", "FLOOR_MOD",
                "LOGICAL_AND", "LOGICAL_OR"):  # fmt: skip
        known[one] = Layer([Tensor(), Tensor()], options=one.title() if one in ("ADD", "SUB", "MUL", "DIV") else "")
    if name in ("IF", "WHILE", "CALL_ONCE", "VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE"):
        return None
    return known.get(name, Layer())


def model_of(name: str, code: int, kind: str) -> bytes | None:
    """Return the model of an operator on a type; None where its kernel does not look at types."""
    from ai_edge_litert import schema_py_generated as schema

    made = layer(name, kind)
    if made is None:
        return None
    model, graph, entry, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [entry], [graph], [schema.BufferT()]
    entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
    graph.tensors, graph.operators = [], [operator]
    operator.inputs = [-1 if one is None else _add(model, one, kind) for one in made.inputs]
    operator.outputs = [_add(model, one, kind) for one in made.outputs]
    given = [n for n, one in zip(operator.inputs, made.inputs, strict=True) if one and one.values is None]
    graph.inputs = [n for n in given if not graph.tensors[n].isVariable]
    graph.outputs = list(operator.outputs)
    if made.options:
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{made.options}Options")
        operator.builtinOptions = getattr(schema, f"{made.options}OptionsT")()
        for option, value in made.set.items():
            setattr(operator.builtinOptions, option, value)
    return write_model(model)


def _add(model: Any, made: Tensor, kind: str) -> int:
    from ai_edge_litert import schema_py_generated as schema

    graph, tensor = model.subgraphs[0], schema.TensorT()
    named = {"": kind.upper(), "same": kind.upper()}
    named |= dict(zip(("weights", "bias"), WEIGHTS.get(kind, (kind.upper(), kind.upper())), strict=True))
    name = named.get(made.kind, made.kind.upper())
    tensor.name, tensor.type = f"tensor_{len(graph.tensors)}".encode(), getattr(schema.TensorType, name)
    tensor.shape, tensor.buffer = np.array(made.shape, np.int32), len(model.buffers)
    tensor.isVariable = made.variable
    model.buffers.append(schema.BufferT())
    if made.values is not None:
        values = np.array(made.values, name.lower().replace("bool", "int8"))
        model.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
    if name in ("INT8", "INT16", "UINT8") or made.kind == "bias":
        tensor.quantization = schema.QuantizationParametersT()
        zero = {"INT16": 0, "UINT8": made.zero + 128}.get(name, made.zero)
        tensor.quantization.scale = np.array([made.scale], np.float32)
        tensor.quantization.zeroPoint = np.array([0 if made.kind in ("weights", "bias") else zero], np.int64)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _of_range(kind: str, width: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """Return an output from 0 to 1, or from -1 to 1 (width 2), with the scale that the kernels ask for."""
    if kind == "int16":
        return Tensor(shape, scale=1 / 32768)
    return Tensor(shape, scale=width / 256, zero=-128 if width == 1 else 0)


def _of_time(kind: str) -> Tensor:
    return Tensor((8, 2), "float32" if kind == "float32" else "INT16", [1] * 16, 0.01)


def _lstm(kind: str) -> Layer:
    """Return a layer of four cells and two steps, without peepholes, projection and normalisation."""
    matrix, bias = Tensor((4, 4), "weights", [1] * 16, 0.01), Tensor((4,), "bias", [0] * 4, 0.0005)
    cells = Tensor((1, 4), "float32" if kind == "float32" else "INT16", None, 2**-11, variable=True)
    inputs = [Tensor((1, 2, 4)), *[matrix] * 8, *[None] * 3, *[bias] * 4, None, None]
    inputs += [Tensor((1, 4), scale=1 / 128, variable=True), cells, *[None] * 4]
    return Layer(
        inputs, [Tensor((1, 2, 4), scale=1 / 128)], "UnidirectionalSequenceLSTM", {"fusedActivationFunction": 4}
    )
