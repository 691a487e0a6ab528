"""Gives a freshly built network the layer sizes of a checkpoint: how a channel-pruned network loads again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn


def resize(network: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Replace each parameter and buffer whose shape is not that of `weights` by an empty one of its shape.

    Layers' own records of their sizes (`in_channels`, `groups`, `num_features`…) follow, since fusing,
    quantizing and exporting read them. Names that only one side has are left to `load_state_dict` to refuse.
    """
    import torch
    from torch import nn

    for name, module in network.named_modules():
        changed = False
        for kind in (module._parameters, module._buffers):
            for key, tensor in kind.items():
                wanted = weights.get(f"{name}.{key}" if name else key)
                if tensor is not None and wanted is not None and tensor.shape != wanted.shape:
                    empty = torch.empty_like(wanted)
                    kind[key] = nn.Parameter(empty) if isinstance(tensor, nn.Parameter) else empty
                    changed = True
        if changed:
            _record_sizes(module)


def _record_sizes(module: nn.Module) -> None:
    """Set a layer's attributes from the shapes of its tensors."""
    from torch import nn
    from torch.nn.modules.batchnorm import _NormBase
    from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

    if isinstance(module, _ConvNd):
        depthwise = module.groups > 1 and module.groups == module.in_channels
        first, second = module.weight.shape[:2]  # outputs, inputs a group; of a transposed one inputs, outputs a group
        if isinstance(module, _ConvTransposeNd):
            module.groups = first if depthwise else module.groups
            module.in_channels, module.out_channels = first, second * module.groups
        else:
            per_group = module.out_channels // module.groups
            module.groups = first // per_group if depthwise else module.groups
            module.in_channels, module.out_channels = second * module.groups, first
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, _NormBase):
        sized = module.weight if module.weight is not None else module.running_mean
        assert sized is not None
        module.num_features = len(sized)
    elif isinstance(module, nn.GroupNorm):
        module.num_channels = len(module.weight)
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = tuple(module.weight.shape)
    elif isinstance(module, nn.PReLU):
        module.num_parameters = len(module.weight)
