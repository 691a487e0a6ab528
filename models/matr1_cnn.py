"""A small CNN for the voltage-capacity matrix of a battery (100 voltages x 99 cycles)."""

import torch
from torch import nn


class Matr1CNN(nn.Module):
    """Averages neighbouring voltages and cycles, where noise goes and life's trace stays; one convolution; one dense
    layer. Returns the output vector: the normalised logarithm of life, then the logits of short- and long-lived.

    Larger nets learn the 41 training cells by heart.
    """

    def __init__(self, classes: int = 3, width: int = 8) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.AvgPool2d((5, 9)),
            nn.Conv2d(1, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.AvgPool2d((2, 1)),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(width * 10 * 11, classes))

    def forward(self, changes: torch.Tensor) -> torch.Tensor:
        """Return the output vector (N,classes) of inputs (N,1,100,99)."""
        return self.head(self.features(changes))
