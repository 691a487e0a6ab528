"""Fully connected autoencoder of MLPerf Tiny's anomaly detection (Banbury et al. 2021, arXiv:2106.07597)."""

from itertools import pairwise

import torch
from torch import nn


class Autoencoder(nn.Module):
    """Four dense layers of `width`, a narrow one, four more, and as many outputs as inputs.

    Its input is one vector, shaped N,1,1,inputs; what it returns is that vector as the network would have it:
    the squared difference says how unusual it is. classes: the outputs, where they are not as many as the inputs.
    """

    def __init__(
        self,
        classes: int | None = None,
        channels: int = 1,
        width: int = 128,
        inputs: int = 640,
        bottleneck: int = 8,
        layers: int = 4,
    ) -> None:
        super().__init__()
        sizes = [channels * inputs, *(width,) * layers, bottleneck, *(width,) * layers]
        dense = [
            nn.Sequential(nn.Linear(size, outputs), nn.BatchNorm1d(outputs), nn.ReLU())
            for size, outputs in pairwise(sizes)
        ]
        self.layers = nn.Sequential(*dense)
        self.output = nn.Linear(sizes[-1], classes or channels * inputs)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return (N,channels*inputs) of vectors (N,channels,1,inputs)."""
        return self.output(self.layers(torch.flatten(vectors, 1)))
