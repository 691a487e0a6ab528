"""Brings a network's FX graph into the shape that TFLite will have, so that both quantize the same tensors.

Six differences are removed before PyTorch places its observers:
- dropout: only passes values on, but scales them while training and would widen its observer's range;
- nn.Identity, and the stubs of eager mode, for the same reason;
- nn.Flatten: FX knows that torch.flatten only passes values on, but would give the module a range of its own;
- nn.Upsample: likewise, FX knows torch.nn.functional.interpolate alone;
- ReLU6 behind a convolution or dense layer (relu6.py);
- SiLU: TFLite computes a sigmoid and a product, and rounds after each. PyTorch has no integer kernel for it at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError, line_in
from edgeforge.foreign.wording import cause, with_debug
from edgeforge.quantize.torch.relu6 import replace_in_graph
from edgeforge.train.network.modules import named_modules

if TYPE_CHECKING:
    from torch import fx, nn


@dataclass(frozen=True)
class QuantizableGraph:
    """A traced network, which of its modules saturate at 6, and which stay in float (paths of leaf modules)."""

    network: fx.GraphModule
    saturating: tuple[str, ...]
    skipped: tuple[str, ...]


def quantizable_graph(network: nn.Module, file: Path, skip: tuple[str, ...] = ()) -> QuantizableGraph:
    """Trace a network in evaluation mode. Raises RecipeError naming the model's line that FX cannot trace.

    skip: paths of modules to leave in float, with the batch norm and activation behind them.
    """
    import copy

    from torch import fx

    copied = copy.deepcopy(network).eval()
    try:
        traced = fx.symbolic_trace(copied)
    except Exception as error:
        raise RecipeError(
            f"model: {file}{line_in(file, error)}: FX cannot trace it: {cause(error)}",
            fix=with_debug(
                "quantization-aware training needs a forward without branches or loops on tensor values; "
                "move them out, or leave quantize.qat out",
                error,
            ),
        ) from error
    named_modules(network, skip, "quantize.qat.skip")
    _drop_what_passes_values_on(traced)
    _flatten_by_function(traced)
    _interpolate_by_function(traced)
    _split_silu(traced)
    skipped = _skipped(traced, skip)
    saturating = replace_in_graph(traced, skipped)
    traced.eval().recompile()
    return QuantizableGraph(traced, tuple(saturating), tuple(skipped))


def _drop_what_passes_values_on(traced: fx.GraphModule) -> None:
    from torch import nn
    from torch.ao.quantization import DeQuantStub, QuantStub
    from torch.nn import functional

    modules = dict(traced.named_modules())
    passing = (
        QuantStub,
        DeQuantStub,
        nn.Identity,
        nn.Dropout,
        nn.Dropout1d,
        nn.Dropout2d,
        nn.Dropout3d,
        nn.AlphaDropout,
    )
    functions = (functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d)
    for node in list(traced.graph.nodes):
        is_module = node.op == "call_module" and isinstance(modules[node.target], passing)
        if is_module or (node.op == "call_function" and node.target in functions):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)


def _flatten_by_function(traced: fx.GraphModule) -> None:
    import torch

    modules = dict(traced.named_modules())
    for node in traced.graph.nodes:
        if node.op == "call_module" and isinstance(modules[node.target], torch.nn.Flatten):
            flatten = modules[node.target]
            node.op, node.target = "call_function", torch.flatten
            node.args = (node.args[0], flatten.start_dim, flatten.end_dim)


def _interpolate_by_function(traced: fx.GraphModule) -> None:
    from torch import nn
    from torch.nn import functional

    modules = dict(traced.named_modules())
    if any(isinstance(module, nn.Conv1d) for module in modules.values()):  # of rows there is no integer kernel
        return
    for node in traced.graph.nodes:
        made = modules.get(node.target) if node.op == "call_module" else None
        if isinstance(made, nn.Upsample) and made.mode in ("nearest", "bilinear"):
            node.op, node.target = "call_function", functional.interpolate
            names = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")
            node.kwargs = {name: value for name in names if (value := getattr(made, name)) is not None}


def _split_silu(traced: fx.GraphModule) -> None:
    """Write x * sigmoid(x) for every SiLU, module or function; the sigmoid is called after the module."""
    import operator

    from torch import nn
    from torch.nn import functional

    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        is_module = node.op == "call_module" and isinstance(modules[node.target], nn.SiLU)
        if not is_module and not (node.op == "call_function" and node.target is functional.silu):
            continue
        name = f"{node.target if is_module else node.name}_sigmoid"
        traced.add_submodule(name, nn.Sigmoid())
        with traced.graph.inserting_before(node):
            gate = traced.graph.call_module(name, (node.args[0],))
            product = traced.graph.call_function(operator.mul, (node.args[0], gate))
        node.replace_all_uses_with(product)
        traced.graph.erase_node(node)


def _skipped(traced: fx.GraphModule, skip: tuple[str, ...]) -> list[str]:
    """Return the leaf modules inside the skipped ones, and what is fused into them: batch norm and ReLU behind."""
    from torch import nn

    modules = dict(traced.named_modules())
    nodes = [node for node in traced.graph.nodes if node.op == "call_module"]
    found = [node.target for node in nodes if any(f"{node.target}.".startswith(f"{name}.") for name in skip)]
    for node in nodes:
        behind = isinstance(modules[node.target], nn.BatchNorm2d | nn.BatchNorm1d | nn.ReLU | nn.ReLU6)
        before = node.args[0]
        if behind and before.op == "call_module" and before.target in found and len(before.users) == 1:
            found.append(node.target)
    return list(dict.fromkeys(found))
