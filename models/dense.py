"""Dense layers for a vector of measured numbers, such as a line of a table."""

from itertools import pairwise

import torch
from torch import nn


class Dense(nn.Module):
    """Dense layers of `widths`, each with ReLU, and one that gives the outputs.

    classes: outputs; of a value, or of yes or no, one. channels: numbers in an input.
    """

    def __init__(self, classes: int = 1, channels: int = 8, widths: tuple[int, ...] = (32, 16)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((channels, *widths)):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear((channels, *widths)[-1], classes))

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return outputs (N,classes) of numbers (N,channels)."""
        return self.layers(numbers)
