"""What checks and passes ask of an ONNX graph: its constants, shapes, attributes and faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def constants(model: onnx.ModelProto) -> dict[str, Any]:
    """Return every initializer's values by name."""
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the shape of every tensor whose shape the model says; a dimension of no fixed size is 0."""
    graph = model.graph
    return {
        value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }


def inferred_shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the shape of every tensor whose shape follows from the inputs'."""
    import onnx

    return shapes(onnx.shape_inference.infer_shapes(model))


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes as plain values."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def only_reader(model: onnx.ModelProto, tensor: str) -> onnx.NodeProto | None:
    """Return the one node that reads a tensor; None when several do, or it is an output of the model."""
    readers = [node for node in model.graph.node if tensor in node.input]
    is_output = any(value.name == tensor for value in model.graph.output)
    return readers[0] if len(readers) == 1 and not is_output else None


def reads_alone(model: onnx.ModelProto, node: onnx.NodeProto, tensor: str) -> bool:
    """Say whether a node, which has a name of its own, is the only one to read a tensor, and that no output."""
    reader = only_reader(model, tensor)
    return reader is not None and reader.name == node.name


def replace(model: onnx.ModelProto, place: int, parts: list[onnx.NodeProto]) -> None:
    """Put nodes in the place of one, with its module's name."""
    node = model.graph.node.pop(place)
    for part in reversed(parts):
        part.metadata_props.extend(node.metadata_props)
        model.graph.node.insert(place, part)


def faults(model: onnx.ModelProto) -> Iterator[str]:
    """Yield what makes a graph ill-formed: a name used twice, a tensor read before it is made, an output not made."""
    graph = model.graph
    known = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    known |= {tensor.values.name for tensor in graph.sparse_initializer}
    repeated = Counter(tensor.name for tensor in graph.initializer)
    yield from (f"initializer '{name}' is there {count} times" for name, count in repeated.items() if count > 1)
    for node in graph.node:
        for name in node.input:
            if name and name not in known:
                yield f"node '{node.name}' reads '{name}' before it is made"
        for name in node.output:
            if name and name in known:
                yield f"tensor '{name}' is made twice"
            known.add(name)
    yield from (f"output '{value.name}' is never made" for value in graph.output if value.name not in known)


def unnamed(model: onnx.ModelProto) -> Iterator[str]:
    """Yield the nodes that have no name of their own."""
    counts = Counter(node.name for node in model.graph.node)
    for node in model.graph.node:
        if not node.name:
            yield f"a node {node.op_type} has no name"
        elif counts[node.name] > 1:
            yield f"{counts[node.name]} nodes are called '{node.name}'"
