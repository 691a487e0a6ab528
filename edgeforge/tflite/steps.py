"""Runs a .tflite operator by operator over many images, so that a layer may be changed before its turn comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.tflite.flatbuffer import type_name
from edgeforge.tflite.graph import Graph, TensorRunner, cut, targets
from edgeforge.tflite.layers import TYPES
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import tensor_spec, to_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def input_spec(model: Any) -> TensorSpec:
    """Return type and quantization of a model's (ModelT) first input."""
    graph = model.subgraphs[0]
    tensor = graph.tensors[int(graph.inputs[0])]
    return tensor_spec(tensor.shape, TYPES[type_name(tensor.type)], *_quantization(tensor))


class Steps:
    """A model in mid-inference on many images at once: every activation still needed, for all of them.

    model: a ModelT, which the caller may change between steps. values: tensor → (N, *its shape), as it stands in the
    file (int8 where the model is). One pass over the graph, however many layers are looked at; a tensor is dropped
    after its last reader.
    """

    def __init__(self, model: Any, images: NDArray[np.float32]) -> None:
        self.model, self.graph = model, model.subgraphs[0]
        source = int(self.graph.inputs[0])
        spec = input_spec(model)
        self.values: dict[int, NDArray[Any]] = {source: to_input(images, spec).reshape(len(images), *spec.shape)}
        self.place = 0

    @property
    def operator(self) -> Any:
        """The operator whose turn it is; None after the last one."""
        return self.graph.operators[self.place] if self.place < len(self.graph.operators) else None

    def real(self, tensor: int) -> NDArray[np.float32]:
        """Return a tensor's values for all images (N,… without TFLite's batch of one), as real numbers."""
        import numpy as np

        scale, zero_point = _quantization(self.graph.tensors[tensor])
        values = self.values[tensor][:, 0].astype(np.float32)
        return values if scale.size == 0 else (values - np.float32(zero_point[0])) * np.float32(scale[0])

    def step(self) -> None:
        """Run the operator whose turn it is on all images."""
        outputs = run_operator(self.model, self.place, self.values)
        self.values |= outputs
        self.place += 1
        needed = {int(place) for operator in self.graph.operators[self.place :] for place in operator.inputs}
        needed |= {*map(int, self.graph.outputs), *outputs}
        self.values = {place: value for place, value in self.values.items() if place in needed}


def run_operator(model: Any, place: int, values: dict[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
    """Return the outputs (tensor → N,*shape) of one operator of a model, given its inputs' values.

    LiteRT's own kernels compute, in a model that has this operator alone. Of constants only, it has none to return:
    they are computed again where they are read.
    """
    import numpy as np

    graph = Graph(model)
    alone = cut(graph, [place], targets(graph.operators[place]))
    if not alone.inputs:
        return {}
    runner = TensorRunner(alone.flatbuffer)
    rows = [runner.run(list(inputs)) for inputs in zip(*(values[source] for source in alone.inputs), strict=True)]
    return {target: np.stack(found) for target, found in zip(alone.outputs, zip(*rows, strict=True), strict=True)}


def _quantization(tensor: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    import numpy as np

    found = tensor.quantization
    if found is None or found.scale is None:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    return np.asarray(found.scale, np.float32), np.asarray(found.zeroPoint, np.int64)
