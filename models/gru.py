"""A small recurrent network for windows of a sensor: a convolution that thins them out, then a GRU."""

import torch
from torch import nn


class GRU(nn.Module):
    """A strided convolution over N,channels,samples, a GRU over its steps, a dense layer of its last state.

    A GRU is written out step by step for int8: `stride` keeps the steps few.
    """

    def __init__(
        self, classes: int = 4, channels: int = 6, width: int = 16, hidden: int = 16, size: int = 8, stride: int = 8
    ) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv1d(channels, width, size, stride, bias=False), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.classifier = nn.Linear(hidden, classes)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of windows (N,channels,samples)."""
        states, _ = self.gru(self.steps(samples).transpose(1, 2))
        return self.classifier(states[:, -1])
