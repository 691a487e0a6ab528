"""Runs a .tflite operator by operator over many images, so that a layer may be changed before its turn comes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from edgeforge.tflite.flatbuffer import type_name, write_model
from edgeforge.tflite.layers import TYPES, constant
from edgeforge.tflite.tensors import tensor_spec, to_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Steps:
    """A model in mid-inference on many images at once: every activation still needed, for all of them.

    model: a ModelT, which the caller may change between steps. values: tensor → (N, *its shape), as it stands in the
    file (int8 where the model is). One pass over the graph, however many layers are looked at; a tensor is dropped
    after its last reader.
    """

    def __init__(self, model: Any, images: NDArray[np.float32]) -> None:
        self.model, self.graph = model, model.subgraphs[0]
        source = int(self.graph.inputs[0])
        tensor = self.graph.tensors[source]
        scale, zero_point = _quantization(tensor)
        spec = tensor_spec(tensor.shape, TYPES[type_name(tensor.type)], scale, zero_point)
        self.values: dict[int, NDArray[Any]] = {source: to_input(images, spec)[:, None]}
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
        outputs = run_operator(self.model, self.operator, self.values)
        self.values |= outputs
        self.place += 1
        needed = {int(place) for operator in self.graph.operators[self.place :] for place in operator.inputs}
        needed |= {*map(int, self.graph.outputs), *outputs}
        self.values = {place: value for place, value in self.values.items() if place in needed}


def run_operator(model: Any, operator: Any, values: dict[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
    """Return the outputs (tensor → N,*shape) of one operator of a model, given its inputs' values.

    LiteRT's own kernels compute, in a model that has this operator alone.
    """
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    graph = model.subgraphs[0]
    sources = [int(place) for place in dict.fromkeys(operator.inputs) if place >= 0 and constant(model, place) is None]
    targets = [int(place) for place in operator.outputs]
    used = list(dict.fromkeys(int(place) for place in (*operator.inputs, *operator.outputs) if place >= 0))
    alone = copy.copy(model)
    alone.buffers, alone.metadata, alone.signatureDefs = [schema.BufferT()], None, None
    part = copy.copy(graph)
    part.tensors = []
    for place in used:
        tensor = copy.copy(graph.tensors[place])
        if model.buffers[tensor.buffer].data is not None:
            alone.buffers.append(model.buffers[tensor.buffer])
            tensor.buffer = len(alone.buffers) - 1
        else:
            tensor.buffer = 0
        part.tensors.append(tensor)
    single = copy.copy(operator)
    single.inputs = [used.index(place) if place >= 0 else -1 for place in operator.inputs]
    single.outputs = [used.index(place) for place in targets]
    part.operators, part.inputs, part.outputs = [single], [used.index(p) for p in sources], single.outputs
    alone.subgraphs = [part]
    interpreter = Interpreter(
        model_content=write_model(alone),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    collected: dict[int, list[NDArray[Any]]] = {place: [] for place in targets}
    for image in range(len(values[sources[0]])):
        for place in sources:
            interpreter.set_tensor(used.index(place), values[place][image])
        interpreter.invoke()
        for place in targets:
            collected[place].append(interpreter.get_tensor(used.index(place)))
    return {place: np.stack(rows) for place, rows in collected.items()}


def _quantization(tensor: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    import numpy as np

    found = tensor.quantization
    if found is None or found.scale is None:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    return np.asarray(found.scale, np.float32), np.asarray(found.zeroPoint, np.int64)
