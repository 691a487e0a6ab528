"""What eager-mode quantization must fuse: convolution or dense, batch norm, ReLU in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def fusable_groups(network: nn.Module) -> list[list[str]]:
    """Return the dotted names of modules to fuse, as torch.ao.quantization.fuse_modules takes them.

    Only children of an nn.Sequential are known to follow each other; other models fuse nothing and are
    quantized layer by layer.
    """
    from torch import nn

    patterns: list[tuple[type[nn.Module], ...]] = [
        (nn.Conv2d, nn.BatchNorm2d, nn.ReLU),
        (nn.Conv2d, nn.BatchNorm2d),
        (nn.Conv2d, nn.ReLU),
        (nn.Conv1d, nn.BatchNorm1d, nn.ReLU),
        (nn.Conv1d, nn.BatchNorm1d),
        (nn.Conv1d, nn.ReLU),
        (nn.Linear, nn.ReLU),
    ]
    groups = []
    for prefix, module in network.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        children = list(module.named_children())
        place = 0
        while place < len(children):
            for pattern in patterns:
                row = children[place : place + len(pattern)]
                if tuple(type(child) for _, child in row) == pattern:
                    groups.append([f"{prefix}.{name}" if prefix else name for name, _ in row])
                    place += len(pattern) - 1
                    break
            place += 1
    return groups
