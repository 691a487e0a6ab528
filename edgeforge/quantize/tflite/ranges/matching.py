"""Finds for every activation of a float .tflite the tensor of PyTorch or ONNX that it is, and takes over its range.

A tensor is found by its name: the converter says which operators of the ONNX graph it is the result of, and these
which module or node of PyTorch they are. That its values on real inputs are that one's, in N,C,H,W or N,H,W,C order,
flattened or not, is the proof; it also decides between several tensors of one module, and finds a tensor that has no
name, such as a padding that the converter has added. A tensor that is not found is an error that names it: its range is
never calibrated anew in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.errors import ParityError
from edgeforge.quantize.known_ranges import KnownRanges, ObservedTensor
from edgeforge.quantize.tflite.passes.value_tables import insides
from edgeforge.quantize.tflite.prepared import activations
from edgeforge.quantize.tflite.static import Precision
from edgeforge.tflite.flatbuffer import operator_name, read_model
from edgeforge.tflite.passing_operators import INHERITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Float rounding in another order of summation, relative to the largest value; another tensor differs by far more.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Matched:
    """The tensor that every TFLite activation is, in the graph's order, and the layers that stay in float."""

    tensors: dict[str, ObservedTensor]  # a TFLite tensor that only passes values on has its source's
    inherited: tuple[str, ...]
    float_layers: dict[str, Precision]
    output: str = ""  # the TFLite tensor that is the model's output

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range of every activation, as `quantize_static` takes them."""
        return {name: tensor.bounds for name, tensor in self.tensors.items()}

    @property
    def output_scale(self) -> float | None:
        """The scale of the model's output; None where that is float."""
        return self.tensors[self.output].scale if self.output in self.tensors else None


def match(float_model: bytes, known: KnownRanges, origins: Mapping[int, tuple[str, ...]] | None = None) -> Matched:
    """Return the match of a float .tflite (as `prepared` names it) and the tensors whose ranges are known.

    origins: tensor's place → names of what it is (see export.direct.FloatTFLite); without any, values alone decide.
    Raises ParityError naming the first tensor that is none of them, or whose namesake has other values.
    """
    values = _collected(float_model, known.inputs)
    model = read_model(float_model)
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    source = names[graph.inputs[0]]
    index = _Index(known.tensors, known.owner)
    found: dict[str, ObservedTensor] = {}
    if index.candidates(values[source]) or not known.float_modules:  # else only float modules read the input
        found[source] = index.find(values[source], source, "the input")
    inherited: list[str] = []
    float_layers: dict[str, Precision] = {}
    inside, rectified = insides(float_model), _rectified(model, names)
    for operator in graph.operators:
        kind, target = operator_name(model, operator), names[operator.outputs[0]]
        before = names[operator.inputs[0]]
        if target in inside:  # of a function that becomes a table: only its ends have a range
            continue
        said = (origins or {}).get(int(operator.outputs[0]), ())
        passes = kind in INHERITS and before in found
        # of a module that PyTorch computes as one, such as a GRU
        part = any(f"{name}.".startswith(f"{module}.") for name in said for module in known.float_modules)
        here = values[rectified.get(target, target)]
        places = index.named(said, here, target, required=not passes)
        if places:
            found[target] = index.nearest(places)
        elif passes:
            found[target] = found[before]
            inherited.append(target)
        elif part or (kind in INHERITS and known.float_modules):  # it passes float values on
            float_layers[target] = "float32"
            continue
        else:
            found[target] = index.find(here, target, _what(kind, before, said))
        if part or found[target].module in known.float_modules or found[target].scale is None:
            float_layers[target] = "float32"
    quantized = {name: tensor for name, tensor in found.items() if tensor.scale is not None}
    return Matched(quantized, tuple(inherited), float_layers, names[graph.outputs[0]])


def _rectified(model: Any, names: list[str]) -> dict[str, str]:
    """Return the tensors that only a crop or a RELU reads, and what these make of them: in that range they are as good.

    PyTorch quantizes a layer and its ReLU as one; TFLite's transposed convolution has no room for it, nor for padding.
    """
    graph = model.subgraphs[0]
    readers: dict[int, list[Any]] = {}
    for operator in graph.operators:
        for tensor in operator.inputs:
            readers.setdefault(int(tensor), []).append(operator)
    behind = {
        tensor: int(found[0].outputs[0])
        for tensor, found in readers.items()
        if len(found) == 1 and operator_name(model, found[0]) in ("RELU", "STRIDED_SLICE")
        and found[0].inputs[0] == tensor and tensor not in graph.outputs
    }  # fmt: skip
    ends = {}
    for tensor in behind:
        end = tensor
        while end in behind:
            end = behind[end]
        ends[names[tensor]] = names[end]
    return ends


class _Index:
    """The known tensors in order, searched by value; remembers how far along the graph the search has come."""

    def __init__(self, tensors: tuple[ObservedTensor, ...], owner: str) -> None:
        self.tensors = tensors
        self.owner = owner
        self.position = 0

    def candidates(self, values: NDArray[np.float32]) -> list[int]:
        """Return the places of the tensors that have these values (N,…), in whatever layout."""
        return [place for place, tensor in enumerate(self.tensors) if _distance(values, tensor.values) <= TOLERANCE]

    def named(self, names: tuple[str, ...], values: NDArray[np.float32], target: str, *, required: bool) -> list[int]:
        """Return the places of the tensors that have one of these names and these values; by values where none has.

        required: Raises ParityError where a tensor of such a name has as many values, and others.
        """
        namesakes = [place for place, one in enumerate(self.tensors) if names and {one.name, one.module} & {*names}]
        same = [place for place in namesakes if _distance(values, self.tensors[place].values) <= TOLERANCE]
        rest = [] if same else self.candidates(values)
        other = [place for place in namesakes if _distance(values, self.tensors[place].values) < float("inf")]
        if not same and not rest and other and required:
            one = self.tensors[other[0]]
            raise ParityError(
                f"tensor '{target}' is {self.owner}'s '{one.name}' by its name, and its values are not: they are "
                f"{_distance(values, one.values):.1e} of its range away",
                fix="name that module under skip, or write it with convolution, dense, add, pooling and ReLU",
            )
        return same or rest

    def nearest(self, places: list[int]) -> ObservedTensor:
        """Return the first of the tensors that is not behind the search; the last of all where every one is."""
        place = next((place for place in places if place >= self.position), places[-1])
        self.position = max(self.position, place)
        return self.tensors[place]

    def find(self, values: NDArray[np.float32], name: str, what: str) -> ObservedTensor:
        """Return the tensor with these values. Raises ParityError when there is none."""
        places = self.candidates(values)
        if places:
            return self.nearest(places)
        closest = min(self.tensors, key=lambda tensor: _distance(values, tensor.values), default=None)
        near = ""
        if closest is not None and _distance(values, closest.values) < float("inf"):
            near = f"; the nearest, '{closest.name}', is {_distance(values, closest.values):.1e} of its range away"
        raise ParityError(
            f"tensor '{name}' ({what}) is none of the tensors that {self.owner} quantized{near}",
            fix=f"TFLite splits an operator there that {self.owner} quantizes as one, or the other way round: "
            "name that module under skip, or write it with convolution, dense, add, pooling and ReLU",
        )


def _what(kind: str, before: str, said: tuple[str, ...]) -> str:
    """Return in words which tensor it is: of which operator, and of which module where that is known."""
    module = next((f" of module '{name}'" for name in reversed(said) if name), "")
    return f"the output of {kind}{module} behind '{before}'"


def _distance(values: NDArray[np.float32], known_values: NDArray[np.float32]) -> float:
    """Return the largest difference over the largest value, in the better of both layouts; inf for another size."""
    if values.size != known_values.size:
        return float("inf")
    flat = values.reshape(len(known_values), -1)
    layouts = [known_values]
    if known_values.ndim > 2:
        layouts.append(known_values.transpose(0, *range(2, known_values.ndim), 1))
    largest = max(float(abs(known_values).max()), 1e-12)
    return min(float(abs(flat - layout.reshape(flat.shape)).max()) for layout in layouts) / largest


def _collected(float_model: bytes, inputs: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    import numpy as np

    rows = list(activations(float_model, inputs))
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
