"""Full-integer .tflite networks with random weights, written operator by operator: the same bytes on every machine.

They stand for what people put on boards: their shapes decide the arena, their weights do not matter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeforge.tflite.flatbuffer import write_model

SAME, VALID = 0, 1
RELU = 1
SCALE = 0.05


class Net:
    """Adds operators one by one; each method returns the place of its output tensor."""

    def __init__(self, *shape: int, kind: str = "INT8") -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.operatorCodes, self.model.buffers = 3, [], [schema.BufferT()]
        self.graph.tensors, self.graph.operators, self.kind = [], [], kind
        self.random = np.random.default_rng(0)
        self.input = self._activation("input", (1, *shape))

    def conv(self, x: int, channels: int, size: tuple[int, int] = (3, 3), stride: int = 1, padding: int = SAME,
             dilation: int = 1) -> int:  # fmt: skip
        batch, height, width, depth = self.shape(x)
        options = schema.Conv2DOptionsT()
        options.strideH = options.strideW = stride
        options.dilationHFactor = options.dilationWFactor = dilation
        options.padding, options.fusedActivationFunction = padding, RELU
        shape = (batch, *_windows((height, width), size, stride, padding, dilation), channels)
        constants = [self._weights((channels, *size, depth), axis=0), self._bias(channels)]
        return self._add("CONV_2D", "Conv2DOptions", options, [x, *constants], shape)

    def depthwise(self, x: int, size: int = 3, stride: int = 1, padding: int = SAME, multiplier: int = 1) -> int:
        batch, height, width, depth = self.shape(x)
        options = schema.DepthwiseConv2DOptionsT()
        options.strideH = options.strideW = stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.padding, options.depthMultiplier, options.fusedActivationFunction = padding, multiplier, RELU
        shape = (batch, *_windows((height, width), (size, size), stride, padding, 1), depth * multiplier)
        constants = [self._weights((1, size, size, depth * multiplier), axis=3), self._bias(depth * multiplier)]
        return self._add("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", options, [x, *constants], shape)

    def dense(self, x: int, outputs: int, *, per_channel: bool = False) -> int:
        shape = self.shape(x)
        weights = self._weights((outputs, shape[-1]), axis=0 if per_channel else None)
        options = schema.FullyConnectedOptionsT()
        options.keepNumDims = len(shape) > 2
        constants = [weights, self._bias(outputs, per_channel)]
        return self._add("FULLY_CONNECTED", "FullyConnectedOptions", options, [x, *constants], (*shape[:-1], outputs))

    def pool(self, x: int, name: str = "MAX_POOL_2D", size: int = 2, stride: int = 2, padding: int = VALID) -> int:
        batch, height, width, depth = self.shape(x)
        options = schema.Pool2DOptionsT()
        options.strideH = options.strideW = stride
        options.filterHeight = options.filterWidth = size
        options.padding = padding
        shape = (batch, *_windows((height, width), (size, size), stride, padding, 1), depth)
        return self._add(name, "Pool2DOptions", options, [x], shape)

    def add(self, a: int, b: int, name: str = "ADD") -> int:
        kind = f"{name.capitalize()}Options"
        return self._add(name, kind, getattr(schema, f"{kind}T")(), [a, b], self.shape(a))

    def mean(self, x: int) -> int:
        axes = self._constant("axes", np.array([1, 2], np.int32))
        shape = self.shape(x)
        return self._add("MEAN", "ReducerOptions", schema.ReducerOptionsT(), [x, axes], (shape[0], shape[3]))

    def softmax(self, x: int) -> int:
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        scale, zero = (1 / 256, -128) if self.kind == "INT8" else (1 / 32768, 0)
        return self._add("SOFTMAX", "SoftmaxOptions", options, [x], self.shape(x), scale, zero)

    def flat(self, x: int) -> int:
        shape = (1, int(np.prod(self.shape(x))))
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        return self._add(
            "RESHAPE", "ReshapeOptions", options, [x, self._constant("shape", np.array(shape, np.int32))], shape
        )

    def pad(self, x: int, before: int, after: int) -> int:
        batch, height, width, depth = self.shape(x)
        amounts = np.array([[0, 0], [before, after], [before, after], [0, 0]], np.int32)
        shape = (batch, height + before + after, width + before + after, depth)
        return self._add("PAD", "PadOptions", schema.PadOptionsT(), [x, self._constant("pad", amounts)], shape)

    def concat(self, *parts: int) -> int:
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        shape = (*self.shape(parts[0])[:3], sum(self.shape(part)[3] for part in parts))
        return self._add("CONCATENATION", "ConcatenationOptions", options, list(parts), shape)

    def unary(self, name: str, x: int) -> int:
        scale, zero = (1 / 256, -128) if name == "LOGISTIC" else (SCALE, 0)
        options = schema.LeakyReluOptionsT() if name == "LEAKY_RELU" else None
        if options:
            options.alpha = 0.1
        kind = {"LEAKY_RELU": "LeakyReluOptions", "HARD_SWISH": "HardSwishOptions"}.get(name, "NONE")
        return self._add(name, kind, options, [x], self.shape(x), scale, zero)

    def resize(self, x: int, name: str = "RESIZE_NEAREST_NEIGHBOR") -> int:
        batch, height, width, depth = self.shape(x)
        size = self._constant("size", np.array([2 * height, 2 * width], np.int32))
        kind = "ResizeBilinearOptions" if name == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
        options = getattr(schema, f"{kind}T")()
        return self._add(name, kind, options, [x, size], (batch, 2 * height, 2 * width, depth))

    def transposed(self, x: int, channels: int, stride: int = 2) -> int:
        batch, height, width, depth = self.shape(x)
        options = schema.TransposeConvOptionsT()
        options.strideH = options.strideW = stride
        options.padding = SAME
        shape = (batch, stride * height, stride * width, channels)
        wanted = self._constant("output_shape", np.array(shape, np.int32))
        weights, bias = self._weights((channels, 3, 3, depth), axis=0), self._bias(channels)
        return self._add("TRANSPOSE_CONV", "TransposeConvOptions", options, [wanted, weights, x, bias], shape)

    def build(self, output: int) -> bytes:
        self.graph.inputs, self.graph.outputs = [self.input], [output]
        self.model.subgraphs = [self.graph]
        return write_model(self.model)

    def shape(self, place: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[place].shape)

    def _activation(self, name: str, shape: tuple[int, ...], scale: float = SCALE, zero: int = 0) -> int:
        return self._tensor(name, shape, self.kind, [scale], zero)

    def _weights(self, shape: tuple[int, ...], axis: int | None) -> int:
        values = self.random.integers(-127, 128, shape, np.int8)
        scales = [0.01] if axis is None else [0.01 + 0.0001 * n for n in range(shape[axis])]
        return self._tensor("weights", shape, "INT8", scales, 0, values, axis or 0)

    def _bias(self, channels: int, per_channel: bool = True) -> int:
        wide = self.kind == "INT16"
        values = self.random.integers(-99, 99, channels).astype(np.int64 if wide else np.int32)
        scales = [SCALE * (0.01 + 0.0001 * n) for n in range(channels if per_channel else 1)]
        return self._tensor("bias", (channels,), "INT64" if wide else "INT32", scales, 0, values)

    def _constant(self, name: str, values: np.ndarray) -> int:
        return self._tensor(name, values.shape, "INT32", [], 0, values)

    def _tensor(self, name: str, shape: tuple[int, ...], kind: str, scales: list[float], zero: int,
                values: np.ndarray | None = None, axis: int = 0) -> int:  # fmt: skip
        tensor = schema.TensorT()
        place = len(self.graph.tensors)
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

    def _add(self, name: str, kind: str, options: object, inputs: list[int], shape: tuple[int, ...],
             scale: float = SCALE, zero: int = 0) -> int:  # fmt: skip
        number = getattr(schema.BuiltinOperator, name)
        codes = [code.builtinCode for code in self.model.operatorCodes]
        if number not in codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
            self.model.operatorCodes.append(code)
            codes.append(number)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs = codes.index(number), inputs
        operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        output = self._activation(name.lower(), shape, scale, zero)
        operator.outputs = [output]
        self.graph.operators.append(operator)
        return output


def _windows(
    size: tuple[int, int], kernel: tuple[int, int], stride: int, padding: int, dilation: int
) -> tuple[int, int]:
    found = [
        -(-(edge if padding == SAME else edge - (reach - 1) * dilation) // stride)
        for edge, reach in zip(size, kernel, strict=True)
    ]
    return found[0], found[1]


def mnist_cnn() -> bytes:
    """The example network of 1.2 M parameters on 28 × 28."""
    net = Net(28, 28, 1)
    x = net.conv(net.conv(net.input, 32, padding=VALID), 64, padding=VALID)
    x = net.dense(net.dense(net.flat(net.pool(x)), 128), 10)
    return net.build(x)


def mobilenet_v2() -> bytes:
    """MobileNetV2 at width 0.35 on 96 × 96 × 3: depthwise stride 2, residual ADD, MEAN, SOFTMAX."""
    net = Net(96, 96, 3)
    x, width = net.conv(net.input, 16, stride=2), 16
    x = net.conv(net.depthwise(x), 8, (1, 1))
    for channels, repeats, stride in ((8, 2, 2), (16, 3, 2), (24, 4, 2), (32, 3, 1), (56, 3, 2), (112, 1, 1)):
        for repeat in range(repeats):
            width = net.shape(x)[3]
            y = net.conv(x, 6 * width, (1, 1))
            y = net.conv(net.depthwise(y, stride=stride if repeat == 0 else 1), channels, (1, 1))
            x = y if repeat == 0 else net.add(x, y)
    return net.build(net.softmax(net.dense(net.mean(net.conv(x, 1280, (1, 1))), 2)))


def person_detection() -> bytes:
    """MobileNetV1 at width 0.25 on 96 × 96 × 1, as in TFLM's person detection example."""
    net = Net(96, 96, 1)
    x = net.conv(net.input, 8, stride=2)
    blocks = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1), (128, 1), (128, 1),
              (256, 2), (256, 1))  # fmt: skip
    for channels, stride in blocks:
        x = net.conv(net.depthwise(x, stride=stride), channels, (1, 1))
    x = net.conv(net.pool(x, "AVERAGE_POOL_2D", 3, 3), 2, (1, 1))
    return net.build(net.softmax(net.flat(x)))


def keywords() -> bytes:
    """DS-CNN on 49 × 10 spectrogram frames."""
    net = Net(49, 10, 1)
    x = net.conv(net.input, 64, (10, 4), stride=2)
    for _ in range(4):
        x = net.conv(net.depthwise(x), 64, (1, 1))
    x = net.pool(x, "AVERAGE_POOL_2D", 5, 5)
    return net.build(net.softmax(net.dense(net.flat(x), 12)))


def residual() -> bytes:
    """Residual blocks with 5 × 5 kernels, stride 2 and strided 1 × 1 short cuts."""
    net = Net(32, 32, 3)
    x = net.conv(net.input, 16)
    for channels in (16, 32, 64):
        y = net.conv(net.conv(x, channels, (5, 5), stride=2), channels)
        x = net.add(y, net.conv(x, channels, (1, 1), stride=2))
    return net.build(net.dense(net.mean(x), 10))


def wide() -> bytes:
    """Branches: 5 × 5 depthwise, dilated and 1 × 7 convolutions, PAD, CONCATENATION, LOGISTIC, MUL."""
    net = Net(24, 24, 3)
    x = net.conv(net.pad(net.input, 0, 1), 8, stride=2, padding=VALID)
    a = net.depthwise(x, size=5)
    b = net.conv(x, 12, dilation=2)
    c = net.conv(x, 6, (1, 7))
    x = net.concat(a, b, c)
    x = net.add(x, net.unary("LOGISTIC", net.conv(x, 26, (1, 1))), "MUL")
    x = net.depthwise(x, stride=2, multiplier=2)
    return net.build(net.dense(net.flat(net.pool(x, "AVERAGE_POOL_2D", 2, 2)), 5))


def decoder() -> bytes:
    """What segments: TRANSPOSE_CONV, resizing, LEAKY_RELU, HARD_SWISH, SUB."""
    net = Net(16, 16, 3)
    x = net.unary("HARD_SWISH", net.conv(net.input, 24, stride=2))
    x = net.unary("LEAKY_RELU", net.transposed(x, 12))
    y = net.resize(net.transposed(net.conv(x, 8, stride=2), 6, stride=2))
    x = net.add(net.resize(x, "RESIZE_BILINEAR"), net.conv(y, 12, (1, 1)), "SUB")
    return net.build(net.unary("RELU", net.conv(x, 1)))


def upscaled() -> bytes:
    """A TRANSPOSE_CONV whose scratch buffers are the arena's peak."""
    net = Net(12, 12, 20)
    return net.build(net.conv(net.transposed(net.input, 16), 1, (1, 1)))


def deep() -> bytes:
    """Forty small layers: structures and planning take more than activations."""
    net = Net(6, 6, 4)
    x = net.input
    for _ in range(20):
        x = net.conv(net.depthwise(x), 4, (1, 1))
    return net.build(net.dense(net.flat(x), 3))


def sequence() -> bytes:
    """Dense layers on three dimensions, per channel and per tensor, which CMSIS-NN runs as 1 × 1 convolutions."""
    net = Net(20, 16)
    x = net.dense(net.dense(net.input, 24, per_channel=True), 16)
    return net.build(net.dense(net.flat(x), 4, per_channel=True))


def int16x8() -> bytes:
    """Activations of 16 bits, weights of 8."""
    net = Net(20, 20, 2, kind="INT16")
    x = net.pool(net.conv(net.input, 12))
    x = net.conv(net.depthwise(x), 70, (3, 3))
    x = net.pool(x, "AVERAGE_POOL_2D", 2, 2)
    return net.build(net.softmax(net.dense(net.flat(x), 6)))


MODELS: dict[str, Callable[[], bytes]] = {
    build.__name__: build
    for build in (
        mnist_cnn,
        mobilenet_v2,
        person_detection,
        keywords,
        residual,
        wide,
        decoder,
        upscaled,
        deep,
        sequence,
        int16x8,
    )
}
