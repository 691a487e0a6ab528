"""The one way in for a stranger's .onnx file: read bounded, its parts checked, then by onnx's own checker.

What no check can tell (whether a computed condition ends a Loop) is left to the worker process that the file is run in.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.watch import given, watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import named, read_regular
from edgeforge.inputs.sizes import in_words
from edgeforge.onnx_graph.external import external_files_of
from edgeforge.onnx_graph.loops import require_ends
from edgeforge.onnx_graph.opsets import require_known_opset

if TYPE_CHECKING:
    import onnx

NONE = "it is no ONNX file, or a damaged one"
AGAIN = "export it again"
DEEPEST = 32  # graphs within graphs, functions within functions
MOST_BYTES = 2**31 - 1  # of a tensor, as in .tflite files
LARGEST_STEP = 2**20  # of strides, dilations, windows and paddings: a larger one is no layer's
AT_LEAST_ONE = ("strides", "dilations", "kernel_shape", "group")


def read_onnx(path: Path, *, external: bool = True) -> onnx.ModelProto:
    """Return the model in an .onnx file. external: with the weights that lie beside it.

    Raises RecipeError naming the file where it cannot be read, is none, or is damaged.
    """
    import onnx

    data = read_regular(path, "name an .onnx file")
    with watched("onnx", path):
        try:
            model = onnx.load_model_from_string(data)
            require_known_opset(model)
            _require_parts(model)
            external_files_of(model, path)
            if external:
                onnx.load_external_data_for_model(model, str(path.parent))
            onnx.checker.check_model(model if external else str(path))
            for graph in (model.graph, *model.functions):
                require_ends(graph)
            given(path, more_bytes=require_sizes(model))
        except RecipeError as error:
            reason = error.reason if named(path) in error.reason else f"{named(path)}: {error.reason}"
            raise RecipeError(reason, fix=error.fix) from error
        except Exception as error:
            raise RecipeError(
                f"{named(path)} cannot be read: {cause_in(error, NONE)}", fix=known_remedy(error, AGAIN)
            ) from error
    return model


def _require_parts(model: onnx.ModelProto) -> None:
    """Raise RecipeError for what the checker passes over, or crashes on."""
    graph = model.graph
    for name, parts in (("operator", graph.node), ("input", graph.input), ("output", graph.output)):
        if not parts:
            raise _wrong(f"it has no {name}")
    for tensor in graph.initializer:
        _require_values(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        sizes = [size.dim_value for size in value.type.tensor_type.shape.dim if size.HasField("dim_value")]
        if any(not 0 <= size < 2**31 for size in sizes):
            raise _wrong(f"'{value.name}' is of the shape {sizes}")
    functions = {(one.domain, one.name): one for one in model.functions}
    for key in functions:
        _require_end(key, functions, ())
    _require_nodes(graph.node, 0)
    for function in model.functions:
        _require_nodes(function.node, 0)


def _require_values(tensor: Any) -> None:
    """The values of a tensor are as many as its shape says."""
    import onnx

    sizes = list(tensor.dims)
    if any(size < 0 for size in sizes):
        raise _wrong(f"tensor '{tensor.name}' is of the shape {sizes}")
    require_memory(prod(sizes), f"tensor '{tensor.name}'")
    if not tensor.HasField("raw_data") or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return
    try:
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, TypeError, ValueError):
        raise _wrong(f"tensor '{tensor.name}' is of a type that ONNX does not know ({tensor.data_type})") from None
    bits = 4 if tensor.data_type in _packed() else 8 * width
    if (bits * prod(sizes) + 7) // 8 != len(tensor.raw_data):
        raise _wrong(f"tensor '{tensor.name}' has {len(tensor.raw_data):,} bytes, which do not fill its shape {sizes}")


def _packed() -> tuple[int, ...]:
    """Return the types of which several values share a byte."""
    import onnx

    names = ("INT4", "UINT4", "FLOAT4E2M1")
    return tuple(getattr(onnx.TensorProto, name) for name in names if hasattr(onnx.TensorProto, name))


def _require_end(
    key: tuple[str, str], functions: dict[tuple[str, str], Any], path: tuple[tuple[str, str], ...]
) -> None:
    """A function does not call itself: the checker and ONNX Runtime would follow it until their stack is full."""
    if key in path or len(path) > DEEPEST:
        raise _wrong(f"its function '{key[1]}' calls itself")
    for called in {(node.domain, node.op_type) for node in functions[key].node} & set(functions):
        _require_end(called, functions, (*path, key))


def _require_nodes(nodes: Iterable[Any], depth: int) -> None:
    if depth > DEEPEST:
        raise _wrong("its graphs lie one in the other without end")
    for node in nodes:
        for attribute in node.attribute:
            numbers = [*attribute.ints, *([attribute.i] if attribute.HasField("i") else [])]
            bad = [one for one in numbers if one < 1 or one > LARGEST_STEP]
            if attribute.name in AT_LEAST_ONE and bad:
                raise _wrong(f"{_layer(node)} has {attribute.name} {bad[0]}")
            if attribute.name == "pads" and any(abs(one) > LARGEST_STEP for one in numbers):
                raise _wrong(f"{_layer(node)} has pads {max(numbers, key=abs)}")
            for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                _require_nodes(graph.node, depth + 1)


def _layer(node: Any) -> str:
    return f"{node.op_type} '{node.name or next(iter(node.output), '')}'"


def require_sizes(model: onnx.ModelProto) -> int:
    """Return the bytes of all tensors that a model computes, where their shapes are known from its inputs.

    Raises RecipeError when they do not fit into memory: a file of a few bytes may expand a number to gigabytes.
    """
    import onnx

    try:
        known = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # its shapes contradict each other: said by what runs it
        return 0
    total = 0
    for value in known.graph.value_info:
        sizes = [size.dim_value for size in value.type.tensor_type.shape.dim]
        size = 4 * prod(max(one, 1) for one in sizes)
        if size > MOST_BYTES:
            raise RecipeError(
                f"'{value.name}', which it computes, would take {in_words(size)}; a tensor may take {in_words(2**31)}",
                fix="export it for a smaller input, or for a smaller output",
            )
        require_memory(size, f"'{value.name}', which it computes,")
        total += size
    return total


def _wrong(reason: str) -> RecipeError:
    return RecipeError(f"this .onnx file is damaged: {reason}", fix=AGAIN)
