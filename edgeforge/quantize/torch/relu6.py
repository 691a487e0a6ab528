"""ReLU6 behind a layer, which TFLite fuses and PyTorch's integer kernels do not.

A ReLU whose range ends at 6 or below is the same in integers, since int8 saturates there, and PyTorch fuses that: each
such ReLU6 becomes a ReLU, and the layers before it are those whose range must end at 6. Eager mode finds them in its
nn.Sequentials, FX mode in its graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import fx, nn


def replace_in_sequentials(network: nn.Module) -> list[str]:
    """Replace, in place, those in an nn.Sequential; return the layers with weights that must saturate at 6.

    Eager mode's own int8 ReLU6 gives wrong values behind a qnnpack convolution.
    """
    from torch import nn

    saturating = []
    for prefix, module in list(network.named_modules()):
        if not isinstance(module, nn.Sequential):
            continue
        children = list(module.named_children())
        for place, (name, child) in enumerate(children):
            layers = _layers_before(reversed(children[:place]), (nn.BatchNorm2d,))
            if isinstance(child, nn.ReLU6) and layers:
                setattr(module, name, nn.ReLU())
                saturating.append(f"{prefix}.{layers[-1]}" if prefix else layers[-1])
    return saturating


def replace_in_graph(traced: fx.GraphModule, skipped: list[str]) -> list[str]:
    """Replace those of a graph, modules and functions; return the modules that must saturate at 6."""
    from torch import nn
    from torch.nn import functional

    modules = dict(traced.named_modules())

    def before(node: fx.Node) -> Iterable[tuple[str, nn.Module]]:
        source = node.args[0]
        while isinstance(source, type(node)) and source.op == "call_module" and len(source.users) == 1:
            yield str(source.target), modules[str(source.target)]
            source = source.args[0]

    saturating: list[str] = []
    for node in list(traced.graph.nodes):
        is_module = node.op == "call_module" and isinstance(modules[node.target], nn.ReLU6)
        if not is_module and not (node.op == "call_function" and node.target is functional.relu6):
            continue
        layers = _layers_before(before(node), (nn.BatchNorm2d, nn.BatchNorm1d))
        if not layers or (node.target if is_module else layers[-1]) in skipped:
            continue
        if is_module:
            traced.set_submodule(node.target, nn.ReLU())
            saturating.append(node.target)
        else:
            node.target, node.kwargs = functional.relu, {}
        saturating += layers
    return saturating


def _layers_before(modules: Iterable[tuple[str, nn.Module]], norms: tuple[type[nn.Module], ...]) -> list[str]:
    """Return the batch norms and then the layer with weights that come first, backwards; empty where none does."""
    from torch import nn

    names: list[str] = []
    for name, module in modules:
        names.append(name)
        if isinstance(module, nn.Conv2d | nn.Linear):
            return names
        if not isinstance(module, norms):
            return []
    return []
