"""Depthwise separable convolutions for 28x28 images in 8 KB of weights and an arena under 8 KB."""

import torch
from torch import nn


class MnistSeparable(nn.Module):
    """A convolution and `depth` depthwise separable ones, the first, second and last of stride 2; returns logits.

    Kernels of stride 2 on an even size are 4x4, which pads both sides alike: with 3x3 TFLite needs PADs, whose copies
    would be the largest in the arena.
    """

    def __init__(self, classes: int = 10, width: int = 12, depth: int = 5) -> None:
        super().__init__()
        layers = [_convolution(1, width, 4, stride=2)]
        inputs = width
        for place in range(depth):
            outputs = (3 if place == depth - 1 else 2) * width
            size, stride = (4, 2) if place == 0 else (3, 2) if place == depth - 1 else (3, 1)
            layers.append(_convolution(inputs, inputs, size, stride, groups=inputs))
            layers.append(_convolution(inputs, outputs, 1))
            inputs = outputs
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,1,28,28)."""
        return self.classifier(torch.flatten(self.features(images), 1))


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=(size - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
