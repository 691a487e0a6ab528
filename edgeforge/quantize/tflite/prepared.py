"""A float .tflite made ready to be quantized, and its activations on real inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeforge.tflite.flatbuffer import operator_name, read_model, write_model
from edgeforge.tflite.graph import Graph, TensorRunner, targets
from edgeforge.tflite.tensors import each_input, to_inputs

if TYPE_CHECKING:
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


def activations(model: bytes, inputs: NDArray[Any]) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield, input by input, the value of every activation tensor of a .tflite by name, its own inputs included.

    inputs: N,C,H,W float32, of several inputs records of such in the model's order; the model must take float32
    (1,H,W,C), (1,W,C) or (1,C). LiteRT's kernels without a delegate compute, since a delegate hides the tensors inside.
    """
    graph, runner = Graph(model), TensorRunner(model, every=True)
    places = {graph.name(tensor): tensor for operator in graph.operators for tensor in targets(operator)}
    names, specs = [graph.name(place) for place in graph.inputs], [graph.spec(place) for place in graph.inputs]
    for image in to_inputs(inputs, specs):
        given = each_input(image, specs)
        found = runner.run(given, [*places.values()])
        yield dict(zip(names, given, strict=True)) | dict(zip(places, found, strict=True))


def _mapped(schema: Any, graph: Any, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = graph.tensors[tensor].name, tensor
    return entry
