"""Small float32 .tflite networks, operator by operator, and their quantized companions by ai-edge-quantizer."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer

from edgeforge.tflite.flatbuffer import write_model
from edgeforge.tflite.graph import Graph, TensorRunner

Ranges = dict[str, tuple[float, float]]


def images(shape: tuple[int, int, int] = (3, 8, 8), count: int = 32, seed: int = 0) -> np.ndarray:
    """Return smooth random inputs N,C,H,W."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype(np.float32)


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    """Return weights of a size that keeps values near 1."""
    spread = 1 / np.sqrt(np.prod(shape[1:]))
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


class Network:
    """Adds operators one by one; each method returns the place of its output tensor, called after the operator."""

    def __init__(self, height: int = 8, width: int = 8, channels: int = 3) -> None:
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.operatorCodes, self.model.buffers = 3, [], [schema.BufferT()]
        self.graph.tensors, self.graph.operators = [], []
        self.input = self._tensor("input", (1, height, width, channels))

    def conv(self, x: int, kernel: np.ndarray, bias: np.ndarray | None = None, activation: int = 0) -> int:
        options = schema.Conv2DOptionsT()
        options.strideH = options.strideW = 1
        options.fusedActivationFunction = activation
        bias = np.zeros(len(kernel), np.float32) if bias is None else bias
        return self._operator(
            "CONV_2D", "Conv2DOptions", options, [x], [kernel, bias], (*self._shape(x)[:3], len(kernel))
        )

    def depthwise(self, x: int, kernel: np.ndarray) -> int:
        options = schema.DepthwiseConv2DOptionsT()
        options.strideH = options.strideW = options.depthMultiplier = 1
        bias = np.zeros(kernel.shape[3], np.float32)
        return self._operator(
            "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", options, [x], [kernel, bias], self._shape(x)
        )

    def dense(self, x: int, matrix: np.ndarray) -> int:
        options = schema.FullyConnectedOptionsT()
        bias = np.zeros(len(matrix), np.float32)
        return self._operator(
            "FULLY_CONNECTED", "FullyConnectedOptions", options, [x], [matrix, bias], (1, len(matrix))
        )

    def mean(self, x: int) -> int:
        options, axes = schema.ReducerOptionsT(), np.array([1, 2], np.int32)
        return self._operator("MEAN", "ReducerOptions", options, [x], [axes], (1, self._shape(x)[3]))

    def add(self, a: int, b: int) -> int:
        return self._operator("ADD", "AddOptions", schema.AddOptionsT(), [a, b], [], self._shape(a))

    def mul(self, a: int, b: int) -> int:
        return self._operator("MUL", "MulOptions", schema.MulOptionsT(), [a, b], [], self._shape(a))

    def softmax(self, x: int) -> int:
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        return self._operator("SOFTMAX", "SoftmaxOptions", options, [x], [], self._shape(x))

    def unary(self, name: str, x: int) -> int:
        return self._operator(name, "NONE", None, [x], [], self._shape(x))

    def build(self, output: int) -> bytes:
        self.graph.inputs, self.graph.outputs = [self.input], [output]
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        signature.inputs, signature.outputs = [self._mapped(self.input)], [self._mapped(output)]
        self.model.subgraphs, self.model.signatureDefs = [self.graph], [signature]
        return write_model(self.model)

    def _mapped(self, place: int) -> schema.TensorMapT:
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = self.graph.tensors[place].name, place
        return entry

    def _shape(self, place: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[place].shape)

    def _tensor(self, name: str, shape: tuple[int, ...], value: np.ndarray | None = None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), 0
        tensor.type = (
            schema.TensorType.FLOAT32 if value is None or value.dtype == np.float32 else schema.TensorType.INT32
        )
        if value is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def _operator(
        self, name: str, kind: str, options: object, inputs: list[int], constants: list[np.ndarray], shape: tuple
    ) -> int:
        number = len(self.graph.operators)
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 1
        self.model.operatorCodes.append(code)
        places = [
            self._tensor(f"{name}_{number}_constant_{n}", value.shape, value) for n, value in enumerate(constants)
        ]
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        operator.inputs = [*inputs, *places]
        output = self._tensor(f"{name.lower()}_{number}", shape)
        operator.outputs = [output]
        self.graph.operators.append(operator)
        return output


def ranges(float_model: bytes, inputs: np.ndarray) -> Ranges:
    """Return the smallest and largest value of every activation."""
    graph = Graph(float_model)
    runner = TensorRunner(float_model, every=True)
    places = [*graph.inputs, *(place for operator in graph.operators for place in operator.outputs)]
    found: Ranges = {}
    for image in inputs.transpose(0, 2, 3, 1):
        for place, value in zip(places, runner.run([image[None]], places), strict=True):
            low, high = found.get(graph.name(place), (0.0, 0.0))
            found[graph.name(place)] = min(low, float(value.min())), max(high, float(value.max()))
    return found


def quantized(
    float_model: bytes,
    inputs: np.ndarray,
    *,
    bits: int = 8,
    per_channel: bool = True,
    floats: tuple[str, ...] = (),
    **changed: tuple[float, float],
) -> bytes:
    """Return the model with int8 weights and activations of 8 or 16 bits, calibrated on all inputs.

    floats: operators (CONV_2D) left in float. changed: ranges other than those of the inputs, by tensor.
    """
    quantizer = Quantizer(bytearray(float_model))
    granularity = QuantGranularity.CHANNELWISE if per_channel else QuantGranularity.TENSORWISE
    quantizer.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, bits, 8, granularity)
    for name in floats:
        quantizer.update_quantization_recipe(".*", TFLOperationName(name), algorithm_key="no_quantize")
    found = ranges(float_model, inputs) | changed
    values = {
        name: {"min": np.full((1, 1, 1, 1), low, np.float32), "max": np.full((1, 1, 1, 1), high, np.float32)}
        for name, (low, high) in found.items()
    }
    return bytes(quantizer.quantize(values).quantized_model)


def chain() -> bytes:
    """Return a small network with a residual addition and a depthwise convolution: every kind of edge."""
    net = Network()
    first = net.conv(net.input, weights(8, 3, 3, 3, seed=1), activation=1)
    depth = net.depthwise(first, weights(1, 3, 3, 8, seed=2))
    narrow = net.conv(depth, weights(8, 1, 1, 8, seed=3))
    summed = net.add(first, narrow)
    last = net.conv(summed, weights(6, 1, 1, 8, seed=4), activation=1)
    return net.build(net.dense(net.mean(last), weights(5, 6, seed=5)))
