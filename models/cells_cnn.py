"""A CNN for 48x48 crops of blood cells on a microcontroller: 45,000 parameters, 3 million multiply-accumulates."""

import torch
from torch import nn


class CellsCNN(nn.Module):
    """`depth` convolutions with batch norm, then a weight for each place of the map, since the cell in question is in
    the middle and its neighbours are around it; returns the output vector of all heads."""

    def __init__(
        self, classes: int = 6, width: int = 16, dropout: float = 0.2, depth: int = 5, kernel: int = 3
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        strided = [(width, 2), (3 * width // 2, 2), (2 * width, 1), (3 * width, 2)]
        for channels, stride in strided + [(3 * width, 1)] * (depth - len(strided)):
            layers += [
                nn.Conv2d(before, channels, kernel, stride, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            before = channels
        self.features = nn.Sequential(*layers)
        self.pool = nn.Conv2d(before, before, kernel_size=6, groups=before)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(before, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of crops (N,3,48,48)."""
        return self.classifier(self.pool(self.features(images)))
