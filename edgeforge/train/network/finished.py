"""Models that are finished already: an .onnx, TorchScript or torch.export file to start with after training.

TorchScript and torch.export files give a torch module, which the stages after training take like a trained network;
PyTorch's quantization alone needs its layers as nn.Modules. An ONNX file goes into the stage `onnx` as it is.
"""

from __future__ import annotations

import types
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause, remedy, with_debug
from edgeforge.recipe.schema import FINISHED
from edgeforge.results.preprocessing import Head, Preprocessing
from edgeforge.train.network.forms import described, how_to_return_one, require_finite

if TYPE_CHECKING:
    import onnx
    from torch import nn

Shape = tuple[int, int, int]
BROKEN = "mend the file, or train anew with a lower learning rate"
TRACED = (
    "save it with torch.jit.trace(network.eval(), image).save(path); a state dict belongs into model.weights, with "
    "its network as model.name"
)


def check_finished(path: Path, preprocessing: Preprocessing) -> int:
    """Return how many parameters a finished model has. Raises RecipeError unless it fits the data."""
    if FINISHED[path.suffix.lower()] == "ONNX":
        import numpy as np
        import onnx
        import torch
        from onnx import numpy_helper

        model = open_onnx(path, preprocessing)
        require_finite(
            {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer
             if t.data_type == onnx.TensorProto.FLOAT},
            f"model: {path}",
            BROKEN,
        )  # fmt: skip
        arrays = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
        return sum(array.size for array in arrays if array.dtype == np.float32)
    import torch

    network = load_finished(path, preprocessing.shape)
    image = torch.zeros(1, *preprocessing.shape)
    try:
        with torch.no_grad():
            output = network(image)
    except Exception as error:
        raise _wrong_input(path, preprocessing.shape, error) from error
    require_outputs(output, preprocessing)
    require_finite(dict(network.state_dict()), f"model: {path}", BROKEN)
    return sum(parameter.numel() for parameter in network.parameters())


def load_finished(path: Path, shape: Shape) -> nn.Module:
    """Return the module in a TorchScript or torch.export file, in evaluation mode, for images (1,C,H,W).

    Raises RecipeError for a file that holds none, or one that was exported in training mode.
    """
    import torch

    if path.suffix.lower() != ".pt2":
        try:
            return torch.jit.load(path, map_location="cpu").eval()
        except RuntimeError as error:
            raise RecipeError(
                f"model: {path} is no TorchScript file: {cause(error)}",
                fix=with_debug(TRACED, error),
            ) from error
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise RecipeError(
            f"model: {path} is no torch.export file: {cause(error)}",
            fix=with_debug("save it with torch.export.save", error),
        ) from error
    _require_evaluation(path, program)
    try:  # anew for one image: a file may have been exported for any batch, which cannot be traced
        module = torch.export.export(program.module(), (torch.zeros(1, *shape),)).module(check_guards=False)
    except Exception as error:
        raise _wrong_input(path, shape, error) from error
    for name in ("train", "eval"):  # those of an exported module raise, though it has only one mode
        setattr(module, name, types.MethodType(getattr(torch.nn.Module, name), module))
    return module.eval()


def _require_evaluation(path: Path, program: Any) -> None:
    """The mode is part of an exported graph: dropout would go on dropping."""
    place = {"aten.dropout.default": 2, "aten.batch_norm.default": 5}
    for node in program.graph.nodes:
        at = place.get(str(node.target))
        if at is not None and node.args[at]:
            raise RecipeError(
                f"model: {path} was exported in training mode ({node.target})",
                fix="call network.eval() before torch.export.export",
            )


def open_onnx(path: Path, preprocessing: Preprocessing) -> onnx.ModelProto:
    """Return an ONNX model with the input `input` (1,C,H,W) and the output `logits` (1,outputs).

    Any batch becomes 1. Raises RecipeError when the model takes or gives something else.
    """
    import onnx

    from edgeforge.onnx_graph.checks import fix_batch, newer_opset, rename

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:
        raise RecipeError(
            f"model: {path} cannot be read: {cause(error)}",
            fix=remedy(error, f"export it again; weights beside it belong into {path.name}.data"),
        ) from error
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    outputs = list(model.graph.output)
    for what, values in (("inputs", inputs), ("outputs", outputs)):
        if len(values) != 1:
            names = ", ".join(value.name for value in values)
            raise RecipeError(f"model: {path} has {len(values)} {what} ({names})", fix=f"export one of the {what}")
    _require_input(path, inputs[0], preprocessing.shape)
    try:
        model = newer_opset(model)
        model = fix_batch(model, inputs[0].name, (1, *preprocessing.shape))
        found = _output(model, preprocessing.shape)
    except Exception as error:
        raise _wrong_input(path, preprocessing.shape, error) from error
    require_outputs(found, preprocessing)
    rename(model, inputs[0].name, "input")
    rename(model, outputs[0].name, "logits")
    return model


def _require_input(path: Path, value: onnx.ValueInfoProto, shape: Shape) -> None:
    kind = value.type.tensor_type
    dims = [size.dim_value if size.HasField("dim_value") else None for size in kind.shape.dim]
    shown = ",".join("any" if size is None else str(size) for size in dims)
    where = f"model: {path}: its input '{value.name}' is ({shown})"
    c, h, w = shape
    if kind.elem_type != 1:
        raise RecipeError(f"{where} of another type than float32", fix="export it with a float32 input")
    if len(dims) == 4 and dims[0] not in (None, 1):
        raise RecipeError(where, fix="export it with batch 1, or with a dynamic batch")
    if len(dims) != 4 or any(size not in (None, wanted) for size, wanted in zip(dims[1:], shape, strict=True)):
        layout = len(dims) == 4 and dims[1:] == [h, w, c]
        fix = "export it with the layout N,C,H,W" if layout else "set data.size and data.channels to what it takes"
        raise RecipeError(f"{where}, the data gives (1,{c},{h},{w})", fix=fix)


def _output(model: onnx.ModelProto, shape: Shape) -> Any:
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: np.zeros((1, *shape), np.float32)})
    return output


def require_outputs(output: Any, preprocessing: Preprocessing) -> None:
    """Raise RecipeError unless the output for one image is one vector of the right length."""
    outputs, heads = preprocessing.outputs, preprocessing.heads
    found = tuple(getattr(output, "shape", ()))
    if found != (1, outputs):
        wanted = f"{outputs} classes" if len(heads) == 1 and heads[0].classes else f"heads {_listed(heads)}"
        raise RecipeError(
            f"model: its output for one image is {described(output)}, the data has {wanted}: expected (1, {outputs})",
            fix=how_to_return_one(output, outputs)
            or ("flatten it: .flatten(1)" if prod(found) == outputs else "")
            or f"make the last layer give {outputs} outputs, for instance with model.args: {{classes: {outputs}}}",
        )


def _listed(heads: tuple[Head, ...]) -> str:
    return ", ".join(
        f"'{head.name}' ({head.size} classes)" if head.classes else f"'{head.name}' (a value)" for head in heads
    )


def _wrong_input(path: Path, shape: Shape, error: Exception) -> RecipeError:
    return RecipeError(
        f"model: an input of shape 1,{','.join(map(str, shape))} cannot go through {path.name}: {cause(error)}",
        fix=with_debug("set data.size and data.channels to what it takes", error),
    )
