"""What of an ONNX graph cannot go to TFLite, said before the conversion and by the names a person knows."""

from __future__ import annotations

import ast
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import with_debug

if TYPE_CHECKING:
    import onnx

WEIGHTY = ("Conv", "ConvTranspose", "Gemm", "MatMul")  # operators with weights
MODULE_KEY = "pkg.torch.onnx.name_scopes"  # where torch.onnx.export notes the modules around a node


def require_static_shapes(model: onnx.ModelProto, name: str) -> None:
    """Raise RecipeError when an input or output of the model has a dimension without a fixed size."""
    for value in (*model.graph.input, *model.graph.output):
        for place, size in enumerate(value.type.tensor_type.shape.dim):
            if not size.HasField("dim_value") or size.dim_value <= 0:
                what = "the batch" if place == 0 else f"dimension {place}"
                raise RecipeError(
                    f"{name}: {what} of '{value.name}' is dynamic ('{size.dim_param or '?'}')",
                    fix="export it with a fixed shape and batch 1: a board allocates memory for fixed shapes only",
                )


def fix_batch(model: onnx.ModelProto, name: str, shape: tuple[int, ...]) -> onnx.ModelProto:
    """Return a model whose input `name` has this shape; operators that only computed a dynamic shape are folded."""
    import onnx
    import onnxruntime
    from onnxruntime.tools.onnx_model_utils import fix_output_shapes, make_input_shape_fixed

    sizes = [size for value in (*model.graph.input, *model.graph.output) for size in value.type.tensor_type.shape.dim]
    if all(size.HasField("dim_value") and size.dim_value > 0 for size in sizes):
        return model
    make_input_shape_fixed(model.graph, name, list(shape))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # plain ONNX operators
    with TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "fixed.onnx")
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        model = onnx.load(options.optimized_model_filepath)
    fix_output_shapes(model)
    return model


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Give an input or output of a graph another name; a tensor that has that name already gets one of its own."""
    if old == new:
        return
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    if new in taken:
        _replace(model.graph, new, f"{new}_inside")
    _replace(model.graph, old, new)


def _replace(graph: onnx.GraphProto, old: str, new: str) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if value.name == old:
            value.name = new
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _replace(inner, old, new)


def unsupported(what: str, why: str, error: BaseException | None = None) -> RecipeError:
    """Return the error of something that cannot go to TFLite; `error`: what a converter raised."""
    fix = "replace it in the model, or build without TFLite: --set quantize.tflite.variants=[]"
    return RecipeError(
        f"{what} cannot be converted to TFLite ({why})",
        fix=with_debug(fix, error) if error else fix,
    )


def module_of(node: onnx.NodeProto) -> str:
    """Return the dotted name of the PyTorch module that a node came from, such as `features.3`."""
    for entry in node.metadata_props:
        if entry.key == MODULE_KEY:
            scopes = [scope for scope in ast.literal_eval(entry.value)[:-1] if scope]
            return scopes[-1] if scopes else "forward of the model itself"
    if "/" not in node.name:
        return node.name
    # PyTorch's older exporter puts the path into the name: /features/features.3/Erf
    scopes = [part for part in node.name.split("/")[:-1] if part]
    return scopes[-1] if scopes else "forward of the model itself"


def owner_of(node: onnx.NodeProto) -> str:
    """Return the module that owns a node's weights; a folded batch norm leaves its own name on the convolution."""
    weights = node.input[1] if node.op_type in WEIGHTY else ""
    return str(weights.removesuffix(".weight")) if weights.endswith(".weight") else module_of(node)


def outputs_in_a_row(model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]], name: str) -> None:
    """Put a model's outputs of these names and shapes (1,…) one after the other, as its one output `name` (1,sum)."""
    from math import prod

    import onnx

    graph, rows = model.graph, []
    for place, (output, shape) in enumerate(shapes.items()):
        rows.append(output if len(shape) == 2 else f"{name}_row_{place}")
        if len(shape) != 2:
            graph.node.append(onnx.helper.make_node("Flatten", [output], [rows[-1]], name=rows[-1], axis=1))
    graph.node.append(onnx.helper.make_node("Concat", rows, [name], name=name, axis=1))
    del graph.output[:]
    size = sum(prod(shape) for shape in shapes.values())
    graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, size]))
