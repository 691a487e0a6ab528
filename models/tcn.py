"""A small temporal convolutional network (Bai, Kolter, Koltun 2018, arXiv:1803.01271) for windows of a sensor."""

import torch
from torch import nn


class _Block(nn.Module):
    """Two convolutions whose reach grows with the dilation, and what went in added to what comes out."""

    def __init__(self, channels: int, width: int, size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = dilation * (size - 1) // 2
        self.layers = nn.Sequential(
            nn.Conv1d(channels, width, size, padding=padding, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, size, padding=padding, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
        )
        self.shortcut = nn.Conv1d(channels, width, 1) if channels != width else nn.Identity()
        self.sum = nn.quantized.FloatFunctional()  # where eager-mode quantization observes the sum's range
        self.end = nn.ReLU()

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.end(self.sum.add(self.layers(samples), self.shortcut(samples)))


class TCN(nn.Module):
    """Dilated residual blocks over N,channels,samples, then the average over time; returns logits.

    A window is whole before it is judged, so convolutions look to both sides of a sample.
    """

    def __init__(
        self,
        classes: int = 4,
        channels: int = 6,
        width: int = 16,
        size: int = 5,
        dilations: tuple[int, ...] = (1, 2, 4),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        blocks = []
        for dilation in dilations:
            blocks.append(_Block(channels, width, size, dilation, dropout))
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.average = nn.AdaptiveAvgPool1d(1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of windows (N,channels,samples)."""
        return self.classifier(torch.flatten(self.average(self.blocks(samples)), 1))
