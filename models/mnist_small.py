"""A small network for 28x28 images: 3,698 parameters."""

import torch
from torch import nn


class MnistSmall(nn.Module):
    """`depth` convolutions, the first three of stride 2, and one dense layer; returns logits."""

    def __init__(self, classes: int = 10, width: int = 8, depth: int = 3, kernel: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, side = 1, 28
        for place in range(depth):
            outputs, stride = 2 * width if place == 1 else width, 2 if place < 3 else 1
            layers += [nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ReLU()]
            inputs, side = outputs, -(-side // stride)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(inputs * side * side, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,1,28,28)."""
        return self.classifier(self.features(images))
