"""An .onnx file, node by node."""

from __future__ import annotations

import hashlib
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause
from edgeforge.inspection.inspected import Inspected, connect, count_constants, write_memory
from edgeforge.onnx_graph.checks import owner_of
from edgeforge.onnx_graph.read import read_onnx as read_whole
from edgeforge.results.rows.inspected import InspectedLayer, ModelRow, TensorRow
from edgeforge.tflite.input_shapes import Shapes, fixed_shapes

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

CONVOLUTIONS = ("Conv", "ConvInteger", "QLinearConv")
PRODUCTS = ("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul")
RECURRENT = {"LSTM": 4, "GRU": 3, "RNN": 1}  # gates
SCALED = ("QuantizeLinear", "DequantizeLinear")
WEIGHTS = {"QLinearConv": 3, "QLinearMatMul": 3}  # the input that is the weights; of the others the second
LONGEST = 60  # characters of an attribute


def read_onnx(path: Path, shapes: Shapes) -> Inspected:
    """Return what an .onnx file is made of; a free batch is 1. shapes: of inputs that it leaves free beyond it.

    Raises RecipeError for a file that is no model.
    """
    import onnx

    model = read_whole(path)
    notes = _fix_inputs(model, shapes)
    try:
        with watched("onnx", path):
            model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:
        notes.append(f"shapes cannot be inferred: {cause(error)}")
    reader = _Reader(model)
    row = ModelRow(
        file=str(path),
        format="ONNX",
        size_bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        layers=reader.layers,
        tensors=reader.tensors,
        inputs=[reader.places[one.name] for one in model.graph.input if one.name not in reader.stored],
        outputs=[reader.places[one.name] for one in model.graph.output if one.name in reader.places],
        notes=notes,
        **count_constants(reader.layers, reader.tensors),
    )
    if any(node.op_type in ("If", "Loop", "Scan") for node in model.graph.node):
        notes.append("branches or loops: what is inside them is not shown")
    write_memory(row)
    return Inspected(row, reader.values)


def _fix_inputs(model: onnx.ModelProto, shapes: Shapes) -> list[str]:
    """Write the shapes of the inputs down; what stays free is said."""
    stored = {one.name for one in model.graph.initializer}
    given = [one for one in model.graph.input if one.name not in stored]
    free = {one.name: [size.dim_value or 0 for size in one.type.tensor_type.shape.dim] for one in given}
    try:
        said = fixed_shapes(free, shapes)
    except RecipeError as error:
        if shapes:
            raise
        return [f"{error.reason}; memory and multiply-accumulates are not known ({error.fix})"]
    changed = []
    for one in given:
        if list(said[one.name]) != free[one.name]:
            changed.append(one.name)
            for size, number in zip(one.type.tensor_type.shape.dim, said[one.name], strict=True):
                size.dim_value = number
    if changed:  # what was inferred for other sizes is stale
        del model.graph.value_info[:]
        for one in model.graph.output:
            for size in one.type.tensor_type.shape.dim:
                if size.dim_param:
                    size.ClearField("dim_param")
    return [f"shown with a batch of 1: {', '.join(changed)}"] if changed and not shapes else []


class _Reader:
    """Reads a graph into rows: `places` are tensors by name, `stored` constants by name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        from onnx import numpy_helper

        self.graph = model.graph
        self.stored: dict[str, NDArray[Any]] = {one.name: numpy_helper.to_array(one) for one in self.graph.initializer}
        nodes = []
        for node in self.graph.node:
            value = _constant(node)
            if value is None:
                nodes.append(node)
            else:
                self.stored[node.output[0]] = value
        self.known = {
            one.name: one.type.tensor_type for one in (*self.graph.input, *self.graph.value_info, *self.graph.output)
        }
        self.places: dict[str, int] = {}
        self.tensors: list[TensorRow] = []
        for one in (*self.graph.input, *self.graph.output):
            self.place(one.name)
        self.layers = [self._layer(node) for node in nodes]
        connect(self.tensors, self.layers)
        for node in nodes:
            self._scale(node)

    def place(self, name: str) -> int:
        """Return a tensor's place; it is added where it is new."""
        if name not in self.places:
            self.places[name] = len(self.tensors)
            self.tensors.append(self._tensor(name))
        return self.places[name]

    def values(self, place: int) -> NDArray[Any] | None:
        """Return a constant's values."""
        return self.stored.get(self.tensors[place].name)

    def shape(self, name: str) -> list[int] | None:
        """Return a tensor's shape, None where it is not known whole."""
        if name in self.stored:
            return list(self.stored[name].shape)
        kind = self.known.get(name)
        if kind is None or not kind.HasField("shape"):
            return None
        sizes = [size.dim_value if size.HasField("dim_value") else -1 for size in kind.shape.dim]
        return None if any(size < 0 for size in sizes) else sizes

    def _tensor(self, name: str) -> TensorRow:
        import numpy as np
        from onnx import helper

        if name in self.stored:
            value = self.stored[name]
            return TensorRow(
                name=name, shape=list(value.shape), dtype=str(value.dtype), bytes=value.nbytes, kind="constant"
            )
        sizes, kind = self.shape(name), self.known.get(name)
        dtype, width = "?", None
        if kind is not None and kind.elem_type:
            try:
                numpy_type = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
                dtype, width = str(numpy_type), numpy_type.itemsize
            except (KeyError, TypeError):  # a type of later opsets that numpy has not
                dtype = helper.tensor_dtype_to_string(kind.elem_type).removeprefix("TensorProto.").lower()
        size = None if sizes is None or width is None else prod(sizes) * width
        return TensorRow(name=name, shape=sizes, dtype=dtype, bytes=size)

    def _layer(self, node: onnx.NodeProto) -> InspectedLayer:
        read = [self.place(name) for name in node.input if name]
        written = [self.place(name) for name in node.output if name]
        return InspectedLayer(
            operator=node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}",
            name=node.name or (node.output[0] if node.output else ""),
            module=_module(node),
            reads=read,
            writes=written,
            options={one.name: text for one in node.attribute if (text := _attribute(one))},
            macs=self._macs(node),
        )

    def _macs(self, node: onnx.NodeProto) -> int:
        """Return a node's multiply-accumulates; 0 where a shape is not known, and of one that has none."""
        kind = node.op_type
        place = WEIGHTS.get(kind, 1)
        weights = self.shape(node.input[place]) if len(node.input) > place else None
        outputs = self.shape(node.output[0]) if node.output else None
        if weights is None or outputs is None:
            return 0
        if kind in CONVOLUTIONS:
            return prod(outputs) * prod(weights[1:])  # outputs, inputs a group, h, w
        if kind == "ConvTranspose":  # inputs, outputs a group, h, w: each input value meets every weight of its channel
            source = self.shape(node.input[0])
            return 0 if source is None else prod(source) * prod(weights[1:])
        if kind in PRODUCTS:
            turned = any(one.name == "transB" and one.i for one in node.attribute)
            return prod(outputs) * (weights[-1] if turned else weights[-2] if len(weights) > 1 else weights[0])
        if kind in RECURRENT:  # directions, gates x hidden, inputs; recurrence: the hidden ones
            source, hidden = self.shape(node.input[0]), self.shape(node.input[2])
            return 0 if source is None or hidden is None else prod(source[:2]) * (prod(weights) + prod(hidden))
        return 0

    def _scale(self, node: onnx.NodeProto) -> None:
        """Write the scale and zero point that a Q or DQ node has onto the quantized tensor beside it."""
        if node.op_type not in SCALED or len(node.input) < 2:
            return
        name = node.output[0] if node.op_type == "QuantizeLinear" else node.input[0]
        scale, zero = (self.stored.get(one) for one in (*node.input[1:3], "")[:2])
        tensor = self.tensors[self.places[name]]
        if scale is not None and not tensor.scales:
            tensor.scales = [float(one) for one in scale.ravel()]
            tensor.zero_points = [0] * scale.size if zero is None else [int(one) for one in zero.ravel()]


def _module(node: onnx.NodeProto) -> str:
    """Return the PyTorch module that a node came from, where the exporter has said it."""
    told = any("module" in entry.key or "name_scopes" in entry.key for entry in node.metadata_props) or "/" in node.name
    return owner_of(node) if told else ""


def _constant(node: onnx.NodeProto) -> NDArray[Any] | None:
    """Return the value of a Constant node; None for any other."""
    from onnx import numpy_helper

    if node.op_type != "Constant":
        return None
    value = next((one.t for one in node.attribute if one.name == "value"), None)
    return None if value is None else numpy_helper.to_array(value)


def _attribute(attribute: onnx.AttributeProto) -> str:
    """Return an attribute's value in words; empty where it is a tensor or a graph."""
    from onnx import helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str | int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value):
        text = "×".join(f"{one:g}" for one in value)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return ""
