"""A .tflite file, operator by operator; where a board is named, its arena and its time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.hardware.board import Board
from edgeforge.hardware.libraries import Library
from edgeforge.inspection.build_folder import modules_of
from edgeforge.inspection.inspected import Inspected, connect, count_constants, write_memory
from edgeforge.results.rows.inspected import InspectedLayer, ModelRow, TensorRow
from edgeforge.targets.fit.arena import predict_arena
from edgeforge.targets.fit.tflm_memory import runtimes, tensor_bytes
from edgeforge.targets.fit.time import estimate
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.operators import networks_beside
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.figures.costs import operator_macs, stored_bytes
from edgeforge.tflite.graph import Graph, sources, targets
from edgeforge.tflite.input_shapes import Shapes
from edgeforge.tflite.passes.fixed.order import fixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIRS = {
    "window": ("filterHeight", "filterWidth"),
    "stride": ("strideH", "strideW"),
    "dilation": ("dilationHFactor", "dilationWFactor"),
}
NAMES = {"fusedActivationFunction": "activation"}
UNSAID = {"weightsFormat": (0,), "quantizedBiasType": (0,), "depthMultiplier": (0, 1)}  # as ever


def read_tflite(path: Path, shapes: Shapes, board: Board | None, library: Library) -> Inspected:
    """Return what a .tflite file is made of. shapes: of inputs that it leaves free beyond the batch.

    The layers are the file's own; where it leaves shapes free, those with these fixed, and a note says so. Raises
    RecipeError for a file that is no model.
    """
    data = read_file(path)
    flatbuffer, notes = pure_flatbuffer(data), []
    try:
        made, changed = fixed(flatbuffer, shapes)
        if changed:
            flatbuffer, notes = made, list(changed)
    except RecipeError as error:
        notes.append(f"{error.reason}; memory is not known ({error.fix})")
    graph = Graph(flatbuffer)
    if alone := networks_beside(graph.model):
        notes.append(f"{len(alone) + 1} networks, each for a signature: the first is shown")
    elif len(graph.model.subgraphs) > 1:
        notes.append(f"{len(graph.model.subgraphs)} subgraphs (branches, loops, state): the main one is shown")
    modules = modules_of(path, graph)
    tensors = [_tensor(graph, place) for place in range(len(graph.tensors))]
    layers = [_layer(graph, place, modules.get(place, "")) for place in range(len(graph.operators))]
    connect(tensors, layers)
    row = ModelRow(
        file=str(path),
        format="TFLite",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        layers=layers,
        tensors=tensors,
        inputs=graph.inputs,
        outputs=graph.outputs,
        notes=notes,
        **count_constants(layers, tensors),
    )
    if board is not None:
        kernels = library.kernels_on(board)
        row.board = board.title
        row.arena = predict_arena(graph, runtimes()[library.structures], kernels, board.core)
        row.time = estimate(graph, board, kernels)
        for layer, milliseconds in zip(layers, row.time.layers, strict=False):
            layer.milliseconds = milliseconds
    write_memory(row)

    def values(place: int) -> NDArray[Any] | None:
        import numpy as np

        stored = graph.model.buffers[graph.tensors[place].buffer].data
        kind = graph.spec(place).dtype
        known = {"float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"}
        if stored is None or kind not in known:
            return None
        return np.frombuffer(np.asarray(stored, np.uint8).tobytes(), np.dtype(kind))

    return Inspected(row, values)


def _tensor(graph: Graph, place: int) -> TensorRow:
    tensor, stored = graph.tensors[place], stored_bytes(graph, place)
    quantization = tensor.quantization
    scales = [] if quantization is None or quantization.scale is None else [float(one) for one in quantization.scale]
    zeros = [] if not scales or quantization.zeroPoint is None else [int(one) for one in quantization.zeroPoint]
    signature = () if tensor.shapeSignature is None else tuple(int(one) for one in tensor.shapeSignature)
    free = any(size < 0 for size in signature[1:])
    shape = [max(size, 0) for size in signature] if free else list(graph.shape(place))
    return TensorRow(
        name=graph.name(place),
        shape=shape,
        dtype=graph.spec(place).dtype,
        bytes=stored or (None if free else tensor_bytes(graph, place)),
        kind="constant" if stored else "variable" if tensor.isVariable else "activation",
        scales=scales,
        zero_points=zeros,
    )


def _layer(graph: Graph, place: int, module: str) -> InspectedLayer:
    operator = graph.operators[place]
    read, written = sources(operator), targets(operator)
    return InspectedLayer(
        operator=graph.names[place],
        name=graph.name(written[0]).split(";")[0] if written else "",
        module=module,
        reads=read,
        writes=written,
        options=_options(operator),
        macs=operator_macs(graph, place),
    )


def _options(operator: Any) -> dict[str, str]:
    """Return what an operator was told, in the schema's words: paddings and activations by name, 1 and off left out."""
    from ai_edge_litert import schema_py_generated as schema

    words = {"padding": schema.Padding, "fusedActivationFunction": schema.ActivationFunctionType}
    given = dict(vars(operator.builtinOptions)) if operator.builtinOptions is not None else {}
    found = {}
    for name, (height, width) in PAIRS.items():
        if height in given and width in given:
            sizes = (given.pop(height), given.pop(width))
            if name != "dilation" or sizes != (1, 1):
                found[name] = "×".join(map(str, sizes))
    for name, value in given.items():
        if name in words:
            value = next((word for word, code in vars(words[name]).items() if code == value and word[0] != "_"), value)
        if not isinstance(value, str | int | float) or value is False or value == "NONE":
            continue
        if value not in UNSAID.get(name, ()):
            found[NAMES.get(name) or name] = f"{value:g}" if isinstance(value, float) else str(value)
    return found
