"""One-dimensional DS-CNN of MLPerf Tiny's streaming wake word, for 30 frames of 40 features (time,1,features)."""

import torch
from torch import nn


class DSCNN1D(nn.Module):
    """Depthwise separable convolutions over time without padding, down to one step; returns logits.

    Its input is N,features,time,1: features are channels. strides: of the depthwise ones; default: 1. pool: steps
    that are left, and averaged.
    """

    def __init__(
        self,
        classes: int = 3,
        channels: int = 40,
        widths: tuple[int, ...] = (128, 128, 128, 32),
        sizes: tuple[int, ...] = (3, 5, 10, 15),
        strides: tuple[int, ...] = (),
        pool: int = 1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, size, stride in zip(widths, sizes, strides or (1,) * len(widths), strict=True):
            layers += [
                nn.Conv2d(channels, channels, (size, 1), (stride, 1), groups=channels, bias=False),
                nn.Conv2d(channels, width, kernel_size=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Dropout(0.2),
            ]
            channels = width
        if pool > 1:
            layers.append(nn.AvgPool2d((pool, 1)))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of frames (N,channels,time,1), 30 in time for these sizes."""
        return self.classifier(torch.flatten(self.features(frames), 1))
