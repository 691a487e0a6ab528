"""Files of PyTorch: TorchScript, torch.export, and weights. No Python of a model's is imported or unpickled.

A torch.export file holds its graph with all shapes. TorchScript holds none: its program runs once, in PyTorch's own
interpreter, on an input of zeros, and the operators that it calls are written down. Weights are their tensors alone.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.watch import watched
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause, with_debug
from edgeforge.inputs.memory import require_memory
from edgeforge.inspection.inspected import Inspected, connect, count_constants, write_memory
from edgeforge.results.rows.inspected import Format, InspectedLayer, ModelRow, TensorRow
from edgeforge.runtimes.torch_export.runner import read_program
from edgeforge.runtimes.torch_script import TorchRunner, said_sizes
from edgeforge.tflite.input_shapes import Shapes
from edgeforge.train.network.weights import read_state_dict

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

CONVOLUTIONS = (
    "aten.convolution", "aten._convolution", "aten.conv2d", "aten.conv1d", "aten.conv3d", "aten.conv_transpose2d",
    "aten.conv_transpose1d", "aten.mkldnn_convolution", "aten.thnn_conv2d", "aten._conv_depthwise2d",
)  # fmt: skip
PRODUCTS = {"aten.mm": 1, "aten.bmm": 1, "aten.matmul": 1, "aten.addmm": 2, "aten.baddbmm": 2}  # its second factor
WARMED = 2  # runs after which the interpreter has done with optimizing, which calls operators too
VIEWS = ("aten.t", "aten.transpose", "aten.permute", "aten.detach", "aten.alias")  # of weights: no layers of their own


def read_torch(path: Path, shapes: Shapes) -> Inspected:
    """Return what a .pt, .pth, .pt2, .ckpt or .safetensors file is made of. shapes: of a TorchScript's inputs.

    Raises RecipeError for a file that holds none of the three, MissingDependency without PyTorch.
    """
    inside = _names(path)
    if any("/code/" in f"/{name}" and name.endswith(".py") for name in inside):
        return _torch_script(path, shapes)
    if any(name.endswith(("models/model.json", "serialized_exported_program.json")) for name in inside):
        return _exported(path)
    return _weights(path)


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return []


def _weights(path: Path) -> Inspected:

    state = read_state_dict(path, str(path))
    tensors: list[TensorRow] = []
    layers: list[InspectedLayer] = []
    for module in dict.fromkeys(name.rpartition(".")[0] for name in state):
        names = [name for name in state if name.rpartition(".")[0] == module]
        places = range(len(tensors), len(tensors) + len(names))
        tensors += [_tensor(name, state[name], "constant") for name in names]
        name = module or "the network's own"
        layers.append(InspectedLayer(operator="weights", name=name, module=module, reads=list(places)))
    note = "weights alone: the network that they belong to is in no file, so nothing is known of shapes and order"
    row = _row(path, "PyTorch weights", layers, tensors, [], [], [note])
    return Inspected(row, lambda place: _numbers(state.get(tensors[place].name)))


def _exported(path: Path) -> Inspected:

    program = read_program(path)
    values = {**program.state_dict, **program.constants}
    stored = {**program.graph_signature.inputs_to_parameters, **program.graph_signature.inputs_to_buffers,
              **program.graph_signature.inputs_to_lifted_tensor_constants}  # fmt: skip
    tensors: list[TensorRow] = []
    places: dict[Any, list[int]] = {}
    layers: list[InspectedLayer] = []
    inputs: list[int] = []
    outputs: list[int] = []
    for node in program.graph.nodes:
        if node.op == "output":
            outputs = [place for one in node.all_input_nodes for place in places.get(one, [])]
            continue
        held = node.op == "placeholder" and node.name in stored
        name = stored[node.name] if held else node.name
        found = [one for one in _flat(node.meta.get("val")) if _is_tensor(one)]
        places[node] = list(range(len(tensors), len(tensors) + len(found)))
        tensors += [_tensor(name, one, "constant" if held else "activation") for one in found]
        if node.op == "placeholder":
            inputs += [] if held else places[node]
            continue
        read = [place for one in node.all_input_nodes for place in places.get(one, [])]
        operator, arguments = str(node.target).removesuffix(".default"), [_described(one) for one in node.args]
        layers.append(_layer(operator, node.name, _module(node), read, places[node], tensors, arguments))
    used = {place for layer in layers for place in layer.reads} | {*inputs, *outputs}
    row = _row(path, "torch.export", layers, tensors, inputs, outputs, [])
    row.notes += ["parameters that no operator reads are counted too"] if len(used) < len(tensors) else []
    return Inspected(row, lambda place: _numbers(values.get(tensors[place].name)))


def _torch_script(path: Path, shapes: Shapes) -> Inspected:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    runner = TorchRunner(path)
    sizes = said_sizes(path, runner, shapes)
    if not all(sizes):
        several = " ".join(f"--shape {name}=1,3,224,224" for name in runner.names)
        raise RecipeError(
            f"{path}: a TorchScript file does not say what shape its input{'s have' if len(sizes) > 1 else ' has'}",
            fix=f"edgeforge inspect {path} {several if len(sizes) > 1 else '--shape 1,3,224,224'}",
        )
    said = ", ".join(",".join(map(str, size)) for size in sizes)
    tensors: list[TensorRow] = []
    layers: list[InspectedLayer] = []
    kept: dict[int, tuple[Any, int]] = {}  # by identity: the tensor itself is held, so that no other gets its place
    named = (*runner.module.named_parameters(), *runner.module.named_buffers())
    state = {value.data_ptr(): name for name, value in named if value.numel()}

    def place_of(value: torch.Tensor, kind: Any) -> int:
        if id(value) not in kept:
            pointer = value.data_ptr() if kind == "constant" and not value.is_quantized else 0
            name = state.get(pointer, "") or f"{'constant' if kind == 'constant' else 'value'} {len(tensors)}"
            kept[id(value)] = (value, len(tensors))
            tensors.append(_tensor(name, value, kind))
        return kept[id(value)][1]

    class Written(TorchDispatchMode):
        """Writes each operator down as it is called."""

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            given = [*args, *(kwargs or {}).values()]
            values = [value for one in given for value in _unpacked(one)]
            read = [place_of(value, "constant") for value in values]
            written = [value for value in _flat(result) if _is_tensor(value)]
            name = str(function).removesuffix(".default")
            if name in VIEWS and all(tensors[one].kind == "constant" for one in read) and read:
                for value in written:  # weights, turned: still weights
                    kept[id(value)] = (value, read[0])
                return result
            made = [place_of(value, "activation") for value in written]
            owner = next((tensors[one].name.rpartition(".")[0] for one in read if "." in tensors[one].name), "")
            layers.append(_layer(name, tensors[made[0]].name if made else name, owner, read, made, tensors,
                                 [_described(one) for one in given]))  # fmt: skip
            return result

    for size in sizes:
        require_memory(8 * prod(size), f"{path}: an input of shape {','.join(map(str, size))}")
    try:
        kinds = runner.kinds(sizes)
        example = [torch.zeros(size, dtype=getattr(torch, kind)) for size, kind in zip(sizes, kinds, strict=True)]
        inputs = [place_of(one, "activation") for one in example]
        with torch.no_grad():
            for _ in range(WARMED):
                with watched("PyTorch", path):
                    runner.module(*example)
            with Written(), watched("PyTorch", path):
                result = runner.module(*example)
    except Exception as error:
        raise RecipeError(
            f"{path}: an input of shape {said} cannot go through it: {cause(error)}",
            fix=with_debug("say another: --shape 1,C,H,W", error),
        ) from error
    outputs = [place_of(value, "activation") for value in _flat(result) if _is_tensor(value)]
    note = f"its operators as PyTorch's interpreter calls them, for one input of zeros ({said})"
    row = _row(path, "TorchScript", layers, tensors, inputs, outputs, [note])
    numbers = {place: value for value, place in kept.values()}
    return Inspected(row, lambda place: _numbers(numbers.get(place)))


def _layer(
    operator: str, name: str, module: str, read: list[int], written: list[int], tensors: Sequence[TensorRow],
    arguments: Sequence[str],
) -> InspectedLayer:  # fmt: skip
    shown = [text for text in arguments if text]
    return InspectedLayer(
        operator=operator,
        name=name,
        module=module,
        reads=read,
        writes=written,
        options={"arguments": ", ".join(shown)} if shown else {},
        macs=_macs(operator, [tensors[one] for one in read], [tensors[one] for one in written]),
    )


def _macs(operator: str, read: Sequence[TensorRow], written: Sequence[TensorRow]) -> int:
    """Return an operator's multiply-accumulates; 0 of one that has none, or whose shapes are not known."""
    if not written or len(read) < 2:
        return 0
    base, outputs = operator.split(".default")[0], prod(written[0].shape or ())
    first, second = read[0].shape or [], read[1].shape or []
    if base in CONVOLUTIONS or base.startswith(("quantized.conv", "onednn.qconv")):
        # A transposed one's weights are inputs, outputs a group, h, w: each value meets every weight of its channel.
        channels = (written[0].shape or [0, 0])[1:2]
        turned = "transpose" in base or (channels != second[:1] and first[1:2] == second[:1])
        return prod(first) * prod(second[1:]) if turned else outputs * prod(second[1:])
    if base in ("aten.linear",) or base.startswith(("quantized.linear", "onednn.qlinear")):
        return outputs * (second[-1] if second else 0)
    if base in PRODUCTS and len(read) > PRODUCTS[base]:
        factor = read[PRODUCTS[base] - 1].shape or []
        return outputs * (factor[-1] if factor else 0)
    return 0


def _unpacked(value: Any) -> Iterator[Any]:
    """Yield the tensors in an argument; those that quantized operators hold packed, unpacked."""
    import torch

    for one in _flat(value):
        if _is_tensor(one):
            yield one
        elif isinstance(one, torch.ScriptObject) and hasattr(one, "unpack"):
            yield from (tensor for tensor in _flat(one.unpack()) if _is_tensor(tensor))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _flat(one)
    else:
        yield value


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _tensor(name: str, value: torch.Tensor, kind: Any) -> TensorRow:
    import torch

    scales: list[float] = []
    zeros: list[int] = []
    if value.is_quantized and value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        scales, zeros = [value.q_scale()], [value.q_zero_point()]
    elif value.is_quantized:
        scales = [float(one) for one in value.q_per_channel_scales()]
        zeros = [int(one) for one in value.q_per_channel_zero_points()]
    shape = [size if isinstance(size, int) else 1 if place == 0 else 0 for place, size in enumerate(value.shape)]
    free = any(not isinstance(size, int) for size in value.shape[1:])
    return TensorRow(
        name=name,
        shape=shape,
        dtype=str(value.dtype).removeprefix("torch."),
        bytes=None if free else prod(shape) * value.element_size(),
        kind=kind,
        scales=scales,
        zero_points=zeros,
    )


def _module(node: Any) -> str:
    """Return the innermost module around a node of a torch.export graph, by its path."""
    stack = node.meta.get("nn_module_stack") or {}
    return next((str(path) for path, _ in reversed(list(stack.values())) if path), "")


def _described(value: Any) -> str:
    """Return an argument that is a number or a list of some; empty for any other."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:g}"
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    ):
        return "×".join(map(str, value))
    return ""


def _numbers(value: Any) -> NDArray[Any] | None:
    """Return a tensor's numbers, those of a quantized one as integers; None for none."""
    if not _is_tensor(value):
        return None
    tensor = value.detach()
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    elif tensor.is_floating_point():  # bfloat16 is none of numpy's
        tensor = tensor.float()
    found: NDArray[Any] = tensor.numpy()
    return found


def _row(
    path: Path, kind: Format, layers: list[InspectedLayer], tensors: list[TensorRow], inputs: list[int],
    outputs: list[int], notes: list[str],
) -> ModelRow:  # fmt: skip
    data = path.read_bytes()
    connect(tensors, layers)
    row = ModelRow(
        file=str(path),
        format=kind,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        layers=layers,
        tensors=tensors,
        inputs=inputs,
        outputs=outputs,
        notes=notes,
        **count_constants(layers, tensors),
    )
    if kind != "PyTorch weights":
        write_memory(row)
    return row
