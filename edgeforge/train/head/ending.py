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
# Functions that do not change what values mean; of PyTorch, of its graphs' operators, of ONNX.
PASSED_OVER = ("view", "reshape", "flatten", "squeeze", "unsqueeze", "contiguous", "clone", "float", "detach", "expand",
               "unsafe_view", "alias", "unflatten", "permute", "transpose", "identity", "cast", "dequantizelinear",
               "quantizelinear")  # fmt: skip


def last_function(network: nn.Module, inputs: torch.Tensor) -> str:
    """Return softmax, log_softmax or sigmoid where that makes a network's output, reshaped or not; "" for others.

    inputs: one is enough, N,C,H,W. The network: in Python, TorchScript, or out of a torch.export file.
    """
    import torch

    if isinstance(network, torch.jit.ScriptModule):
        return _last_of_script(network)
    if isinstance(network, torch.fx.GraphModule):
        return _last_of_graph(network.graph)
    return _last_seen(network, inputs)


def _last_seen(network: nn.Module, inputs: torch.Tensor) -> str:
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
    name, source = made.pop(id(output), ("", None))
    while name in PASSED_OVER:
        name, source = made.pop(id(source), ("", None))
    return ENDS.get(name, "")


def _last_of_script(network: Any) -> str:
    graph = network.inlined_graph  # made anew each time, and its nodes go with it
    node = next(graph.outputs()).node()
    while (kind := node.kind().removeprefix("aten::").rstrip("_")) in PASSED_OVER:
        node = next(node.inputs()).node()
    return ENDS.get(kind, "")


def _last_of_graph(graph: Any) -> str:
    node = next(iter(reversed(graph.nodes))).args[0]
    while isinstance(node, (tuple, list)) and len(node) == 1:
        node = node[0]
    while (name := _named(node)) in PASSED_OVER:
        node = node.args[0]
    return ENDS.get(name, "")


def _named(node: Any) -> str:
    called = getattr(node, "op", "") == "call_function"
    return str(node.target).removeprefix("aten.").split(".")[0].lstrip("_") if called else ""


def last_operator(model: onnx.ModelProto) -> str:
    """Return `last_function` of an ONNX graph."""
    makers = {name: node for node in model.graph.node for name in node.output}
    node = makers.get(model.graph.output[0].name)
    while node is not None and node.op_type.lower() in PASSED_OVER:
        node = makers.get(node.input[0])
    return ENDS.get({"LogSoftmax": "log_softmax"}.get(node.op_type, node.op_type.lower()) if node is not None else "",
                    "")  # fmt: skip


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
