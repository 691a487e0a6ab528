"""A float .tflite made ready to be quantized, and its activations on real inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeforge.tflite.flatbuffer import operator_name, read_model, write_model
from edgeforge.tflite.graph import Graph, TensorRunner, targets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"serving_default"


def prepared(float_model: bytes) -> bytes:
    """Return the float32 model with a signature, which ai-edge-quantizer needs, and short unique tensor names.

    Activations are called after their operator and its place, such as `conv_2d_3`; the converter's own names are
    long, and ship with the model.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(float_model)
    graph = model.subgraphs[0]
    for place, tensor in enumerate(graph.tensors):
        tensor.name = f"constant_{place}".encode()
    for place, tensor in enumerate(graph.inputs):
        graph.tensors[tensor].name = f"input_{place}".encode() if place else b"input"
    for place, operator in enumerate(graph.operators):
        for output, tensor in enumerate(operator.outputs):
            name = f"{operator_name(model, operator).lower()}_{place}" + (f"_{output}" if output else "")
            graph.tensors[tensor].name = name.encode()
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = [_mapped(schema, graph, tensor) for tensor in graph.inputs]
    signature.outputs = [_mapped(schema, graph, tensor) for tensor in graph.outputs]
    model.signatureDefs = [signature]
    return write_model(model)


def layers(model: bytes) -> list[str]:
    """Return the name of every operator of a prepared model, in order: that of its first output tensor."""
    graph = read_model(model).subgraphs[0]
    return [graph.tensors[operator.outputs[0]].name.decode() for operator in graph.operators]


def activations(model: bytes, inputs: NDArray[np.float32]) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield, input by input, the value of every activation tensor of a .tflite by name, its own input included.

    inputs: N,C,H,W float32; the model must take float32 (1,H,W,C), (1,W,C) or (1,C). LiteRT's kernels without
    a delegate compute, since a delegate hides the tensors inside.
    """
    graph, runner = Graph(model), TensorRunner(model, every=True)
    places = {graph.name(tensor): tensor for operator in graph.operators for tensor in targets(operator)}
    source = graph.inputs[0]
    for image in inputs.transpose(0, 2, 3, 1):
        given = image.reshape(graph.shape(source))
        found = runner.run([given], [*places.values()])
        yield {graph.name(source): given} | dict(zip(places, found, strict=True))


def _mapped(schema: Any, graph: Any, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = graph.tensors[tensor].name, tensor
    return entry
