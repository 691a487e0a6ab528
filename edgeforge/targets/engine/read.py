"""Reads a .tflite file as a network. What cannot be compiled is refused, by operator, layer and tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf, prod
from typing import TYPE_CHECKING, Any, NoReturn

from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.targets.engine.fixed_point import LIMITS, activation_bounds
from edgeforge.targets.engine.ir import BYTES, C_TYPES, Bounds, Operator, Padding, Tensor, Window
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.flatbuffer import type_name
from edgeforge.tflite.graph import Graph, layer_label
from edgeforge.tflite.layers import activation_of, same_padding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

type Lowering = Callable[[Found], Operator]


class Found:
    """One operator of the file, as its lowering reads it."""

    def __init__(self, graph: Graph, number: int, tensors: Mapping[int, Tensor], options: Options) -> None:
        self.graph, self.compiling = graph, options
        self.kind, self.label = graph.names[number], layer_label(graph, number)
        self._operator, self._tensors = graph.operators[number], tensors
        self._outputs = [int(place) for place in self._operator.outputs]
        self._inputs = [int(place) for place in self._operator.inputs]

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors that it writes."""
        return tuple(self._tensors[place] for place in self._outputs)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The tensors that it reads; those left out are not among them."""
        return tuple(self._tensors[place] for place in self._inputs if place >= 0)

    def input(self, slot: int, *kinds: str) -> Tensor:
        """Return an input, of one of the kinds allowed (any, if none is named)."""
        tensor = self.optional(slot)
        if tensor is None:
            self.refuse(f"its input {slot} is left out")
        return self._of_kind(tensor, kinds)

    def output(self, *kinds: str, slot: int = 0) -> Tensor:
        """Return an output, of one of the kinds allowed."""
        return self._of_kind(self._tensors[self._outputs[slot]], kinds)

    def optional(self, slot: int) -> Tensor | None:
        """Return an input; None where it is left out."""
        if slot >= len(self._inputs) or self._inputs[slot] < 0:
            return None
        return self._tensors[self._inputs[slot]]

    def constant(self, slot: int, *kinds: str) -> NDArray[Any]:
        """Return a constant input's values."""
        tensor = self.input(slot, *kinds)
        if tensor.data is None:
            self.refuse("is computed; only a constant can be compiled", tensor)
        return tensor.values

    def scales(self, slot: int) -> NDArray[np.float32]:
        """Return an input's scales: one, or one a channel. Refuses weights whose zero point is not 0."""
        import numpy as np

        quantization = self.graph.tensors[self._inputs[slot]].quantization
        if quantization is None or quantization.scale is None or not len(quantization.scale):
            self.refuse("has no quantization parameters", self.input(slot))
        if np.any(np.asarray(quantization.zeroPoint)):
            self.refuse("is quantized with a zero point other than 0, which weights may not have", self.input(slot))
        return np.asarray(quantization.scale, np.float32)

    def axis(self, slot: int) -> int:
        """Return the dimension along which an input's channels have scales of their own."""
        return int(self.graph.tensors[self._inputs[slot]].quantization.quantizedDimension)

    def four_bits(self, slot: int) -> bool:
        """Return whether an input is int4 in the file."""
        return type_name(self.graph.tensors[self._inputs[slot]].type) == "INT4"

    def option(self, name: str, default: Any = 0) -> Any:
        """Return a setting of the operator; the schema's default where it carries none."""
        return getattr(self._operator.builtinOptions, name, default) if self._operator.builtinOptions else default

    def bounds(self, target: Tensor) -> Bounds:
        """Return what the fused activation leaves."""
        activation = activation_of(self._operator)
        try:
            return Bounds(*activation_bounds(activation, target))
        except KeyError:
            self.refuse(f"its fused activation {activation} is not compiled")

    def window(self, source: Tensor, size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> Window:
        """Return the window that moves over the input N,H,W,C."""
        stride = int(self.option("strideH")), int(self.option("strideW"))
        before_after = [(0, 0), (0, 0)]
        if self.option("padding") == 0:  # SAME
            before_after = [
                same_padding(edge, reach, step, spread)
                for edge, reach, step, spread in zip(source.shape[1:3], size, stride, dilation, strict=True)
            ]
        (top, bottom), (left, right) = before_after
        return Window(size, stride, dilation, Padding(top, left, bottom, right))

    def rank(self, tensor: Tensor, *ranks: int) -> None:
        """Refuse a tensor that does not have one of these numbers of dimensions."""
        if len(tensor.shape) not in ranks:
            self.refuse(f"has {len(tensor.shape)} dimensions, not {' or '.join(map(str, ranks))}", tensor)

    def refuse(self, reason: str, tensor: Tensor | None = None) -> NoReturn:
        """Raise RecipeError that names operator, layer and tensor."""
        about = f": tensor {tensor.name} " if tensor is not None else ": "
        raise RecipeError(f"{self.label}{about}{reason}", fix="replace that layer, or run the model with TFLM")

    def _of_kind(self, tensor: Tensor, kinds: tuple[str, ...]) -> Tensor:
        if kinds and tensor.kind not in kinds:
            self.refuse(f"is {tensor.kind}; the engine compiles {' or '.join(kinds)} here", tensor)
        if kinds and tensor.kind in LIMITS:
            low, high = LIMITS[tensor.kind]
            if not 0 < tensor.scale < inf:
                has = "no quantization parameters" if tensor.scale == 0 else f"the scale {tensor.scale:g}"
                self.refuse(f"has {has}", tensor)
            if not low <= tensor.zero_point <= high:
                self.refuse(f"has the zero point {tensor.zero_point}, which {tensor.kind} does not hold", tensor)
        if any(size < 1 for size in tensor.shape):
            self.refuse(f"has the shape {tensor.shape}", tensor)
        return tensor


def read_network(flatbuffer: bytes, name: str, options: Options, lowerings: Mapping[str, Lowering]) -> Network:
    """Return the network of a .tflite flatbuffer. Raises RecipeError for what cannot be compiled."""
    graph = Graph(flatbuffer)
    tensors: dict[int, Tensor] = {}
    operators = []
    for place in range(len(graph.tensors)):
        with _making_sense(f"tensor {place}"):
            tensors[place] = _tensor(graph, place)
    for number in range(len(graph.operators)):
        with _making_sense(f"{graph.names[number]} {number}"):
            found = Found(graph, number, tensors, options)
        if found.kind not in lowerings:
            found.refuse(
                f"is computed by {found.kind}, which the engine does not compile", next(iter(found.outputs), None)
            )
        with _making_sense(found.label):
            operators.append(lowerings[found.kind](found))
    inputs, outputs = (tuple(tensors[place] for place in places) for places in (graph.inputs, graph.outputs))
    _require_ends(inputs, outputs)
    _require_computed(outputs, operators)
    return Network(name, inputs, outputs, tuple(operators), options)


@contextmanager
def _making_sense(what: str) -> Iterator[None]:
    """Turn what a damaged file leads the reading to into RecipeError."""
    try:
        yield
    except EdgeForgeError:
        raise
    except Exception as error:
        raise RecipeError(
            f"{what}: its settings and tensors contradict each other",
            fix="the file is damaged: copy or convert it again",
        ) from error


def _require_ends(inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
    """Refuse inputs and outputs that C has no type for here."""
    for what, tensors in (("input", inputs), ("output", outputs)):
        for tensor in tensors:
            if tensor.kind not in C_TYPES:
                raise RecipeError(
                    f"{what} tensor {tensor.name} is {tensor.kind}; the engine compiles {', '.join(C_TYPES)}",
                    fix="convert the model with int8 inputs and outputs",
                )


def _require_computed(outputs: tuple[Tensor, ...], operators: list[Operator]) -> None:
    """Refuse outputs that no operator writes, and one that is named twice."""
    written = {tensor for operator in operators for tensor in operator.outputs}
    for number, tensor in enumerate(outputs):
        if tensor not in written:
            reason = f"output tensor {tensor.name} is computed by no operator: it is an input or a constant"
        elif tensor in outputs[:number]:
            reason = f"output tensor {tensor.name} is named twice among the outputs"
        else:
            continue
        raise RecipeError(reason, fix="export the model without that output")


def _tensor(graph: Graph, place: int) -> Tensor:
    """Return a tensor with its constant's bytes; int4 becomes int8, a value a byte."""
    found, spec = graph.tensors[place], graph.spec(place)
    data = graph.model.buffers[found.buffer].data
    raw = None if data is None or len(data) == 0 else bytes(bytearray(data))
    kind = spec.dtype
    if kind == "int4":
        kind, raw = "int8", None if raw is None else _unpacked(raw, graph.shape(place))
    name, shape = graph.name(place).split(";")[0], spec.shape
    if raw is not None and kind in BYTES and len(raw) != prod(shape) * BYTES[kind]:
        raise RecipeError(
            f"tensor {name} has {len(raw)} bytes; its shape {shape} and type {kind} take {prod(shape) * BYTES[kind]}",
            fix="the file is damaged: copy or convert it again",
        )
    return Tensor(place, name, shape, kind, spec.scale or 0.0, spec.zero_point or 0, raw)


def _unpacked(raw: bytes, shape: tuple[int, ...]) -> bytes:
    """Return int4 values, two a byte and the lower half first, as int8."""
    import numpy as np

    both = np.frombuffer(raw, np.int8)
    halves = np.stack([np.left_shift(both, 4) >> 4, both >> 4], axis=-1)
    return halves.astype(np.int8).reshape(-1)[: prod(shape)].tobytes()
