"""A small CNN with batch norm for 8x8 images: 3,866 parameters."""

import torch
from torch import nn


class DigitsCNN(nn.Module):
    """`depth` convolutions with batch norm, one max-pool, one dense layer; returns logits."""

    def __init__(self, classes: int = 10, width: int = 8, depth: int = 2, kernel: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for place in range(depth):
            outputs = width if place == 0 else 2 * width
            layers += [
                nn.Conv2d(inputs, outputs, kernel_size=kernel, padding=kernel // 2),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            inputs = outputs
        self.features = nn.Sequential(*layers, nn.MaxPool2d(2))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(inputs * 4 * 4, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,1,8,8)."""
        return self.classifier(self.features(images))
