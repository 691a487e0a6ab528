"""The very scales, zero points and integers of a quantized ONNX file in an int8 .tflite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeforge.errors import ParityError
from edgeforge.onnx_graph.quantized.constants import Integers
from edgeforge.passes import Pass, Rewritten
from edgeforge.quantize.known_ranges import ObservedTensor, QuantizedWeights
from edgeforge.tflite.conversion import add_twin, conversion
from edgeforge.tflite.flatbuffer import operator_name, read_model, type_name, write_model
from edgeforge.tflite.layers import constant, set_constant
from edgeforge.tflite.passing_operators import TIED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of each layer: the places of its input, weights and bias among the operator's inputs, the weights' axis of outputs.
SLOTS = {
    "CONV_2D": (0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": (0, 1, 2, 3),
    "FULLY_CONNECTED": (0, 1, 2, 0),
    "TRANSPOSE_CONV": (2, 1, 3, 0),
}
JOINING = ("CONCATENATION", "MAXIMUM", "MINIMUM", "PACK")  # several inputs, which have the output's scale
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class ExactRanges(Pass[bytes]):
    """Write scales, zero points, weights and biases as they are in the file, where the quantizer has computed its own.

    An operator that TFLite computes with one scale on both sides, and that has two in the file, gets a QUANTIZE: in
    front of each other input where several are joined, behind it else. Ensures the tensors' scales and zero points.

    float_model: the model that was quantized. tensors: activation → what it is. weights: layer → its integers.
    constants: of operators that add or multiply. skipped: activations in float.
    """

    float_model: bytes
    tensors: Mapping[str, ObservedTensor]
    weights: Mapping[str, QuantizedWeights]
    constants: tuple[Integers, ...] = ()
    skipped: frozenset[str] = field(default_factory=frozenset)

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with the file's numbers; `changed` are the tensors in front of or behind a new QUANTIZE."""
        unpacked, floats = read_model(model), read_model(self.float_model)
        graph = unpacked.subgraphs[0]
        real = {tensor.name: place for place, tensor in enumerate(floats.subgraphs[0].tensors)}
        for tensor in graph.tensors:
            self._set_activation(tensor)
        for operator in graph.operators:
            name = graph.tensors[operator.outputs[0]].name.decode()
            kind = operator_name(unpacked, operator)
            if kind in SLOTS and name in self.tensors and self.tensors[name].module in self.weights:
                weights = self.weights[self.tensors[name].module]
                self._set_layer(unpacked, operator, SLOTS[kind], weights, floats, real)
            elif kind not in SLOTS:
                self._set_constants(unpacked, operator, floats, real)
        changed = tuple(self._rescale(unpacked))
        return Rewritten(write_model(unpacked), changed)

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield activations with another scale or zero point than the file's."""
        for tensor in read_model(after.model).subgraphs[0].tensors:
            expected = self._expected(tensor)
            if expected and not _same(tensor.quantization, expected):
                yield f"'{tensor.name.decode()}' has another range"

    def _expected(self, tensor: Any) -> ObservedTensor | None:
        name = tensor.name.decode()
        if type_name(tensor.type) != "INT8":
            return None
        bare = name.removesuffix("_quantized")
        found = self.tensors.get(bare if bare in self.skipped else name)
        return found if found is not None and found.scale is not None else None

    def _set_activation(self, tensor: Any) -> None:
        import numpy as np

        expected = self._expected(tensor)
        if expected is not None:
            _set_scales(tensor, np.array([expected.scale], np.float32), zero_point=expected.zero_point)

    def _set_layer(
        self,
        model: Any,
        operator: Any,
        slots: tuple[int, int, int, int],
        expected: QuantizedWeights,
        floats: Any,
        real: dict[bytes, int],
    ) -> None:
        """Write a layer's weights, and its bias in steps of input scale × weight scale."""
        import numpy as np

        source, weights, bias, axis = slots
        tensors = model.subgraphs[0].tensors
        place = int(operator.inputs[weights])
        if type_name(tensors[place].type) != "INT8":
            return
        numbers = constant(floats, real[tensors[place].name])
        assert numbers is not None
        shape = [1] * numbers.ndim
        shape[axis] = -1
        steps = numbers.astype(np.float64) / expected.scale.astype(np.float64).reshape(shape)
        set_constant(model, operator, weights, np.rint(steps).clip(-128, 127))
        tensors = model.subgraphs[0].tensors
        _set_scales(tensors[int(operator.inputs[weights])], expected.scale, axis)
        if len(operator.inputs) <= bias or operator.inputs[bias] < 0:
            return
        place = int(operator.inputs[bias])
        numbers = constant(floats, real[tensors[place].name])
        assert numbers is not None
        step = np.float32(tensors[int(operator.inputs[source])].quantization.scale[0]) * expected.scale
        integers = np.rint(numbers.astype(np.float64) / step.astype(np.float64))
        if abs(integers).max(initial=0) > LARGEST:
            raise ParityError(
                f"a bias of '{expected.module}' is {abs(integers).max():.3g} steps of input scale × weight scale: "
                "more than 32 bits hold",
                fix="quantize that layer's weights per tensor, or take out channels whose weights are almost 0",
            )
        set_constant(model, operator, bias, integers)
        _set_scales(model.subgraphs[0].tensors[int(operator.inputs[bias])], step)

    def _set_constants(self, model: Any, operator: Any, floats: Any, real: dict[bytes, int]) -> None:
        """Write what an operator adds or multiplies with, where the file has it as integers of one scale."""
        import numpy as np

        for slot, place in enumerate(operator.inputs):
            tensor = model.subgraphs[0].tensors[place] if place >= 0 else None
            if tensor is None or type_name(tensor.type) != "INT8" or tensor.name not in real:
                continue
            numbers = constant(floats, real[tensor.name])
            if constant(model, place) is None or numbers is None:
                continue
            found = next((one for one in self.constants if _holds(one, numbers)), None)
            if found is None:
                continue
            zero_point = found.zero_point - 128 if found.kind == "uint8" else found.zero_point
            scale = found.scale.flat[0]
            steps = np.rint(numbers / scale).clip(-128 - zero_point, 127 - zero_point)
            set_constant(model, operator, slot, steps + zero_point)
            tensor = model.subgraphs[0].tensors[int(operator.inputs[slot])]
            _set_scales(tensor, np.array([scale], np.float32), zero_point=zero_point)

    def _rescale(self, model: Any) -> Iterator[str]:
        """Put a QUANTIZE where an operator has one scale in TFLite and two in the file."""
        graph = model.subgraphs[0]
        operators = []
        for operator in graph.operators:
            kind = operator_name(model, operator)
            target = int(operator.outputs[0])
            operator.inputs, operator.outputs = [*operator.inputs], [*operator.outputs]
            behind = []
            if kind in JOINING:
                for slot, source in enumerate(operator.inputs):
                    if _apart(graph, int(source), target):
                        yield graph.tensors[source].name.decode()
                        twin = _twin(graph, int(source), target)
                        operators.append(conversion(model, "QUANTIZE", int(source), twin))
                        operator.inputs[slot] = twin
            elif kind in TIED and kind != "CONCATENATION":
                source = int(operator.inputs[_data_slot(kind)])
                for place, made in enumerate(operator.outputs):
                    if _apart(graph, source, int(made)):
                        yield graph.tensors[made].name.decode()
                        twin = _twin(graph, int(made), source)
                        operator.outputs[place] = twin
                        behind.append(conversion(model, "QUANTIZE", twin, int(made)))
            operators += [operator, *behind]
        graph.operators = operators


def _data_slot(kind: str) -> int:
    return 1 if kind == "SPLIT" else 0


def _apart(graph: Any, a: int, b: int) -> bool:
    """Say whether two int8 tensors have different scales or zero points."""
    if a < 0 or any(type_name(graph.tensors[place].type) != "INT8" for place in (a, b)):
        return False
    first, second = graph.tensors[a].quantization, graph.tensors[b].quantization
    return bool(first.scale[0] != second.scale[0] or first.zeroPoint[0] != second.zeroPoint[0])


def _twin(graph: Any, tensor: int, like: int) -> int:
    """Add a tensor of the shape of one and the range of another."""
    import copy

    twin = add_twin(graph, tensor, "int8")
    graph.tensors[twin].name = graph.tensors[tensor].name + b"_rescaled"
    graph.tensors[twin].quantization = copy.copy(graph.tensors[like].quantization)
    return twin


def _set_scales(tensor: Any, scale: NDArray[np.float32], axis: int = 0, zero_point: int = 0) -> None:
    import copy

    import numpy as np

    tensor.quantization = copy.copy(tensor.quantization)  # which a tensor's copies share
    tensor.quantization.scale = np.asarray(scale, np.float32)
    tensor.quantization.zeroPoint = np.full(len(scale), zero_point, np.int64)
    tensor.quantization.quantizedDimension = axis if len(scale) > 1 else 0


def _holds(integers: Integers, numbers: NDArray[np.float32]) -> bool:
    """Say whether integers of one scale are these float numbers."""
    import numpy as np

    if integers.kind not in ("uint8", "int8") or integers.steps.size != numbers.size:
        return False
    real = integers.steps.astype(np.float32) * integers.scale
    return bool((integers.scale == integers.scale.flat[0]).all() and np.array_equal(real.ravel(), numbers.ravel()))


def _same(found: Any, expected: ObservedTensor) -> bool:
    import numpy as np

    scale = np.float32(expected.scale)
    return bool(found.scale[0] == scale and int(found.zeroPoint[0]) == expected.zero_point)
