"""Writes small .tflite networks operator by operator, without TensorFlow: the same bytes on every machine."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.tflite.flatbuffer import write_model

ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
SCALE = 0.05
OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "SPLIT": "SplitOptions",
    "SQUEEZE": "SqueezeOptions",
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "SOFTMAX": "SoftmaxOptions",
    "RESHAPE": "ReshapeOptions",
    "PAD": "PadOptions",
    "CONCATENATION": "ConcatenationOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "HARD_SWISH": "HardSwishOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "PACK": "PackOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SHAPE": "ShapeOptions",
    "GATHER": "GatherOptions",
}


class Network:
    """Adds operators one by one; each method returns the place of its output tensor.

    kind: of the activations. Those of a network of integers have one scale, and so have weights, one a channel.
    """

    def __init__(self, *shape: int, kind: str = "FLOAT32") -> None:
        self.model, self.graph, self.kind = schema.ModelT(), schema.SubGraphT(), kind
        self.model.version, self.model.operatorCodes, self.model.buffers = 3, [], [schema.BufferT()]
        self.graph.tensors, self.graph.operators = [], []
        self.input = self.activation("input", (1, *(shape or (8, 8, 3))))

    def conv(self, x: int, kernel: np.ndarray, bias: np.ndarray | None = None, *, activation: str = "NONE",
             stride: int = 1, same: bool = True, dilation: int = 1) -> int:  # fmt: skip
        """kernel: outputs,height,width,inputs."""
        shape = (*self._windows(x, kernel.shape[1:3], stride, same, dilation), len(kernel))
        return self.operator("CONV_2D", [x, *self._weights(kernel, bias, 0)], shape, activation, same, strideH=stride,
                             strideW=stride, dilationHFactor=dilation, dilationWFactor=dilation)  # fmt: skip

    def depthwise(self, x: int, kernel: np.ndarray, bias: np.ndarray | None = None, *, activation: str = "NONE",
                  stride: int = 1, same: bool = True, dilation: int = 1) -> int:  # fmt: skip
        """kernel: 1,height,width,channels."""
        shape = (*self._windows(x, kernel.shape[1:3], stride, same, dilation), kernel.shape[3])
        return self.operator("DEPTHWISE_CONV_2D", [x, *self._weights(kernel, bias, 3)], shape, activation, same,
                             strideH=stride, strideW=stride, dilationHFactor=dilation, dilationWFactor=dilation,
                             depthMultiplier=kernel.shape[3] // self.shape(x)[3])  # fmt: skip

    def dense(self, x: int, matrix: np.ndarray, bias: np.ndarray | None = None, *, activation: str = "NONE",
              per_channel: bool = False) -> int:  # fmt: skip
        """matrix: outputs,inputs. Of three dimensions the last is mapped, of others all values of an image are."""
        before = self.shape(x)
        shape = (*before[:-1], len(matrix)) if len(before) == 3 else (1, len(matrix))
        places = self._weights(matrix, bias, 0 if per_channel else None)
        return self.operator("FULLY_CONNECTED", [x, *places], shape, activation, keepNumDims=len(before) == 3)

    def pool(self, x: int, name: str = "MAX_POOL_2D", size: int = 2, stride: int = 2) -> int:
        shape = (*self._windows(x, (size, size), stride, False, 1), self.shape(x)[3])
        return self.operator(name, [x], shape, "NONE", False, strideH=stride, strideW=stride, filterHeight=size,
                             filterWidth=size)  # fmt: skip

    def add(self, a: int, b: int, name: str = "ADD") -> int:
        return self.operator(name, [a, b], self.shape(a))

    def mul(self, a: int, b: int) -> int:
        return self.add(a, b, "MUL")

    def mean(self, x: int) -> int:
        shape = self.shape(x)
        return self.operator("MEAN", [x, self.whole("axes", [1, 2])], (shape[0], shape[3]))

    def softmax(self, x: int) -> int:
        return self.operator("SOFTMAX", [x], self.shape(x), beta=1.0)

    def unary(self, name: str, x: int) -> int:
        return self.operator(name, [x], self.shape(x), **({"alpha": 0.1} if name == "LEAKY_RELU" else {}))

    def relu(self, x: int) -> int:
        return self.unary("RELU", x)

    def flat(self, x: int) -> int:
        shape = (1, int(np.prod(self.shape(x))))
        return self.operator("RESHAPE", [x, self.whole("shape", shape)], shape, newShape=list(shape))

    def pad(self, x: int, before: int = 1, after: int = 1) -> int:
        batch, height, width, depth = self.shape(x)
        amounts = self.whole("pad", [[0, 0], [before, after], [before, after], [0, 0]])
        return self.operator("PAD", [x, amounts], (batch, height + before + after, width + before + after, depth))

    def concat(self, *parts: int) -> int:
        shape = (*self.shape(parts[0])[:3], sum(self.shape(part)[3] for part in parts))
        return self.operator("CONCATENATION", list(parts), shape, axis=3)

    def operator(self, name: str, inputs: list[int], shape: tuple[int, ...], activation: str = "NONE",
                 same: bool = True, **settings: object) -> int:  # fmt: skip
        """Add any operator; settings: of its options."""
        number = getattr(schema.BuiltinOperator, name)
        codes = [code.builtinCode for code in self.model.operatorCodes]
        if number not in codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
            self.model.operatorCodes.append(code)
            codes.append(number)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs = codes.index(number), inputs
        if name in OPTIONS:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, OPTIONS[name])
            operator.builtinOptions = getattr(schema, f"{OPTIONS[name]}T")()
            common = {"fusedActivationFunction": ACTIVATIONS[activation], "padding": int(not same)}
            for setting, value in (common | settings).items():
                setattr(operator.builtinOptions, setting, value)
        operator.outputs = [self.activation(name.lower(), shape)]
        self.graph.operators.append(operator)
        return operator.outputs[0]

    def activation(self, name: str, shape: tuple[int, ...]) -> int:
        if self.kind == "FLOAT32":
            return self.tensor(name, shape, self.kind)
        bounded = {"softmax": {"INT8": (1 / 256, -128), "INT16": (1 / 32768, 0)}, "logistic": {"INT8": (1 / 256, -128)}}
        scale, zero = bounded.get(name, {}).get(self.kind, (SCALE, 0))
        return self.tensor(name, shape, self.kind, [scale], zero)

    def whole(self, name: str, values: object) -> int:
        """Add a constant of int32."""
        return self.tensor(name, np.shape(values), "INT32", values=np.array(values, np.int32))  # type: ignore[arg-type]

    def tensor(self, name: str, shape: tuple[int, ...], kind: str, scales: list[float] | None = None, zero: int = 0,
               values: np.ndarray | None = None, axis: int = 0) -> int:  # fmt: skip
        tensor, place = schema.TensorT(), len(self.graph.tensors)
        tensor.name, tensor.shape, tensor.buffer = f"{name}_{place}".encode(), list(shape), 0
        tensor.type = getattr(schema.TensorType, kind)
        if scales:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array(scales, np.float32)
            tensor.quantization.zeroPoint = np.full(len(scales), zero, np.int64)
            tensor.quantization.quantizedDimension = axis
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return place

    def shape(self, place: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[place].shape)

    def build(self, output: int) -> bytes:
        """Return the model; one of floats as the quantizers take it: activations are called conv_2d_0 and so on."""
        self.graph.inputs, self.graph.outputs = [self.input], [output]
        self.model.subgraphs = [self.graph]
        return prepared(write_model(self.model)) if self.kind == "FLOAT32" else write_model(self.model)

    def _weights(self, values: np.ndarray, bias: np.ndarray | None, axis: int | None) -> tuple[int, int]:
        """Add weights and their bias, 0 by default; axis: of the weights' channels, None for one scale."""
        channels = values.shape[axis or 0]
        bias = np.zeros(channels) if bias is None else bias
        if self.kind == "FLOAT32":
            both = (("weights", values.astype(np.float32)), ("bias", bias.astype(np.float32)))
            weights, biases = (self.tensor(name, array.shape, "FLOAT32", values=array) for name, array in both)
            return weights, biases
        scales = [0.01] if axis is None else [0.01 + 0.0001 * n for n in range(channels)]
        wide = self.kind == "INT16"
        return (
            self.tensor("weights", values.shape, "INT8", scales, 0, values.astype(np.int8), axis or 0),
            self.tensor("bias", bias.shape, "INT64" if wide else "INT32", [SCALE * scale for scale in scales], 0,
                        bias.astype(np.int64 if wide else np.int32)),
        )  # fmt: skip

    def _windows(self, x: int, kernel: tuple[int, ...], stride: int, same: bool, dilation: int) -> tuple[int, ...]:
        edges = zip(self.shape(x)[1:3], kernel, strict=True)
        return 1, *(-(-(edge if same else edge - (reach - 1) * dilation) // stride) for edge, reach in edges)
