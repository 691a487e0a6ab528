"""Inverted residual blocks with kernels of 3, 5 and 7, as in MCUNet (Lin et al. 2020, arXiv:2007.10319)."""

import torch
from torch import nn

# Kernel, expansion, channels, stride: a row a block. A short net of this kind, for 64x64 images and small boards.
BLOCKS = ((3, 1, 8, 1), (7, 4, 16, 2), (3, 3, 16, 1), (5, 4, 24, 2), (7, 3, 24, 1), (5, 5, 40, 2), (3, 4, 40, 1))


class MCUNetBlocks(nn.Module):
    """A stem and inverted residuals whose kernels and expansions differ block by block; returns logits.

    blocks: rows of kernel, expansion, channels (at width 1) and stride, so that a searched net can be written down.
    """

    def __init__(
        self,
        classes: int = 2,
        channels: int = 3,
        width: float = 1.0,
        blocks: tuple[tuple[int, int, int, int], ...] = BLOCKS,
    ) -> None:
        super().__init__()
        inputs = divisible(16 * width)
        layers: list[nn.Module] = [_convolution(channels, inputs, 3, stride=2)]
        for kernel, expansion, wide, stride in blocks:
            outputs = divisible(wide * width)
            layers.append(_InvertedResidual(inputs, outputs, kernel, expansion, stride))
            inputs = outputs
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.classifier(torch.flatten(self.features(images), 1))


class _InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection without activation; added where shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers = [_convolution(inputs, hidden, 1)] if expansion > 1 else []
        layers.append(_convolution(hidden, hidden, kernel, stride, groups=hidden))
        layers.append(nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs
        self.sum = nn.quantized.FloatFunctional()  # where eager-mode quantization observes the sum's range

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (N,outputs,H/stride,W/stride)."""
        return self.sum.add(images, self.layers(images)) if self.residual else self.layers(images)


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


def divisible(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8."""
    return max(8, int(channels + 4) // 8 * 8)
