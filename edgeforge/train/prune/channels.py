"""Structured pruning with torch-pruning: whole channels are removed, and the network really gets smaller.

Which channels must go together (through batch norm, depthwise convolutions, residual adds, flattening) follows
from its dependency graph: G. Fang et al., "DepGraph: Towards Any Structural Pruning", CVPR 2023.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause, with_debug


def out_channels(network: nn.Module) -> dict[str, int]:
    """Return the output channels of each convolution and dense layer, by name."""
    from torch.nn.modules.conv import _ConvNd

    found = {}
    for name, module in network.named_modules():
        if isinstance(module, _ConvNd):
            found[name] = module.out_channels
        elif isinstance(module, nn.Linear):
            found[name] = module.out_features
    return found


def remove_channels(
    network: nn.Module, example: torch.Tensor, dense: dict[str, int], ratio: float, skipped: set[nn.Module]
) -> None:
    """Remove the least important channels until each layer has lost `ratio` of those in `dense`.

    example: one input (1,C,H,W). dense: `out_channels` of the network before any pruning. The logits' channels and
    those of `skipped` modules stay, and with them all that a residual add or a depthwise convolution ties to
    them. A channel's importance is the mean L2 norm of the weights that go with it. Raises RecipeError when the
    network cannot be traced, or cannot run without the removed channels.
    """
    import torch_pruning

    network.eval()
    before = network(example).shape
    modules = dict(network.named_modules())
    ratios = {}
    for name, channels in out_channels(network).items():
        kept = max(dense[name] - int(dense[name] * ratio), 1)
        # torch-pruning keeps int(channels * (1 - ratio)): a half more stays clear of rounding.
        ratios[modules[name]] = max(1.0 - (kept + 0.5) / channels, 0.0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers that it finds no gradient for
            pruner = torch_pruning.pruner.BasePruner(
                network,
                example,
                importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
                pruning_ratio=0.0,
                pruning_ratio_dict=ratios,
                ignored_layers=[*skipped, *_making_logits(network, example)],
            )
            pruner.step()
    except Exception as error:
        raise RecipeError(
            f"prune: torch-pruning cannot follow the channels of this network: {cause(error)}",
            fix=with_debug("use prune.method magnitude, or simplify the model's forward", error),
        ) from error
    try:
        with torch.no_grad():
            after = network(example).shape
    except Exception as error:
        raise RecipeError(
            f"prune: the model cannot run with fewer channels: {cause(error)}",
            fix=with_debug(
                "flatten with x.flatten(1) instead of a fixed size, or name the layers before it in prune.skip", error
            ),
        ) from error
    if after != before:
        raise RecipeError(
            f"prune: logits of shape {tuple(before)} became {tuple(after)}",
            fix="name the last layer in prune.skip",
        )


def _making_logits(network: nn.Module, example: torch.Tensor) -> list[nn.Module]:
    """Return the layers whose output channels are the network's own: nothing stands after them in the graph."""
    import torch_pruning

    graph: Any = torch_pruning.DependencyGraph().build_dependency(network, example_inputs=example)
    found = []
    for group in graph.get_all_groups(root_module_types=[nn.modules.conv._ConvNd, nn.Linear]):
        if any(
            graph.is_out_channel_pruning_fn(dependency.handler) and not dependency.target.outputs
            for dependency, _ in group
        ):
            found.append(group[0].dep.target.module)
    return found
