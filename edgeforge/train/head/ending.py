"""How a network ends: in a softmax or a sigmoid its outputs are probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import onnx
    import torch
    from torch import nn

ENDS = {"softmax": "softmax", "log_softmax": "log_softmax", "sigmoid": "sigmoid", "sigmoid_": "sigmoid"}
JOINING = "cat"  # of several outputs: see network/several_outputs.py
TAKEN_OUT = ("prim::TupleUnpack", "__getitem")  # of a tuple, of a dict
# Functions that do not change what values mean; of PyTorch, of its graphs' operators, of ONNX.
PASSED_OVER = ("view", "reshape", "flatten", "squeeze", "unsqueeze", "contiguous", "clone", "float", "detach", "expand",
               "unsafe_view", "alias", "unflatten", "permute", "transpose", "identity", "cast", "dequantizelinear",
               "quantizelinear")  # fmt: skip


def last_functions(network: nn.Module, inputs: torch.Tensor) -> tuple[str, ...]:
    """Return softmax, log_softmax or sigmoid where that makes a network's output, reshaped or not; "" for others.

    One for each part of an output that is put together of several. inputs: one is enough, N,C,H,W. The network: in
    Python, TorchScript, or out of a torch.export file.
    """
    import torch

    if isinstance(network, torch.jit.ScriptModule):
        names = _last_of_script(network)
    elif isinstance(network, torch.fx.GraphModule):
        names = _last_of_graph(network.graph)
    else:
        names = _last_seen(network, inputs)
    return tuple(ENDS.get(name, "") for name in names)


def _last_seen(network: nn.Module, inputs: torch.Tensor) -> list[str]:
    import torch
    from torch.overrides import TorchFunctionMode

    made: dict[int, tuple[str, Any]] = {}
    kept = []  # an id is only that of a tensor that lives

    class Noting(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            name, source = getattr(func, "__name__", ""), args[0] if args else None
            if isinstance(result, torch.Tensor) and not (result is source and name in PASSED_OVER):
                kept.append((result, args))
                made[id(result)] = (name, source)
            return result

    was_training = network.training
    try:
        with torch.no_grad(), Noting():
            output = getattr(network.eval(), "returned", network)(inputs)  # as its file has it: see forms.give_maps
    finally:
        network.train(was_training)

    def maker(tensor: Any) -> tuple[str, Any]:
        left = dict(made)
        name, source = left.pop(id(tensor), ("", None))
        while name in PASSED_OVER:
            name, source = left.pop(id(source), ("", None))
        return name, source

    name, parts = maker(output)
    return [maker(part)[0] for part in parts] if name == JOINING else [name]


def _last_of_script(network: Any) -> list[str]:
    graph = network.inlined_graph  # made anew each time, and its nodes go with it

    def maker(value: Any) -> tuple[str, Any]:
        while (kind := value.node().kind().removeprefix("aten::").rstrip("_")) in PASSED_OVER or kind in TAKEN_OUT:
            node = value.node()
            value = next(node.inputs()) if kind in PASSED_OVER else _put_in(node, value)
        return kind, value.node()

    kind, node = maker(next(graph.outputs()))
    return [maker(part)[0] for part in next(node.inputs()).node().inputs()] if kind == JOINING else [kind]


def _put_in(node: Any, value: Any) -> Any:
    """Return what was put into a tuple or a dict that a TorchScript graph takes a value out of."""
    made, *key = node.inputs()
    inside = list(made.node().inputs())
    if made.node().kind() == "prim::TupleConstruct":
        return inside[[one.debugName() for one in node.outputs()].index(value.debugName())]
    if made.node().kind() == "prim::DictConstruct":
        return next(
            (one for name, one in zip(inside[::2], inside[1::2], strict=True) if name.toIValue() == key[0].toIValue()),
            made,
        )
    return made


def _last_of_graph(graph: Any) -> list[str]:
    def maker(node: Any) -> tuple[str, Any]:
        while isinstance(node, (tuple, list)) and len(node) == 1:
            node = node[0]
        while (name := _named(node)) in PASSED_OVER:
            node = node.args[0]
        return name, node

    name, node = maker(next(iter(reversed(graph.nodes))).args[0])
    return [maker(part)[0] for part in node.args[0]] if name == JOINING else [name]


def _named(node: Any) -> str:
    called = getattr(node, "op", "") == "call_function"
    return str(node.target).removeprefix("aten.").split(".")[0].lstrip("_") if called else ""


def last_operators(model: onnx.ModelProto) -> tuple[str, ...]:
    """Return `last_functions` of an ONNX graph."""
    makers = {name: node for node in model.graph.node for name in node.output}

    def maker(name: str) -> Any:
        node = makers.get(name)
        while node is not None and node.op_type.lower() in PASSED_OVER:
            node = makers.get(node.input[0])
        return node

    last = maker(model.graph.output[0].name)
    nodes = [maker(name) for name in last.input] if last is not None and last.op_type == "Concat" else [last]
    kinds = ["" if node is None else {"LogSoftmax": "log_softmax"}.get(node.op_type, node.op_type.lower())
             for node in nodes]  # fmt: skip
    return tuple(ENDS.get(kind, "") for kind in kinds)


def doubled_softmax(last: str, file: Path) -> list[Finding]:
    """Return a finding when a classifier's outputs are probabilities already: the loss takes softmax again."""
    if not last:
        return []
    harm = {
        "softmax": "it learns slowly and never becomes sure",
        "sigmoid": "it learns slowly and never becomes sure",
        "log_softmax": "that changes nothing, and costs an operator on the board",
    }
    return [
        Finding(
            severity="warning",
            what=f"model: {file.name} ends with {last}, and the loss (cross-entropy) takes softmax of that once more: "
            f"{harm[last]}",
            remedy=f"return what {last} is given: EdgeForge takes logits",
        )
    ]
