"""Depthwise separable convolutions for 28x28 images in 8 KB of weights: 6,538 parameters."""

import torch
from torch import nn


class MnistSeparable(nn.Module):
    """A 5x5 convolution and `depth` depthwise separable ones, the first and last of stride 2; returns logits."""

    def __init__(self, classes: int = 10, width: int = 16, depth: int = 4, kernel: int = 3) -> None:
        super().__init__()
        layers = [_convolution(1, width, 5, stride=2)]
        inputs = width
        for place in range(depth):
            outputs = 3 * width if place == depth - 1 else 2 * width
            layers.append(_convolution(inputs, inputs, kernel, 2 if place in (0, depth - 1) else 1, groups=inputs))
            layers.append(_convolution(inputs, outputs, 1))
            inputs = outputs
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,1,28,28)."""
        return self.classifier(torch.flatten(self.features(images), 1))


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
