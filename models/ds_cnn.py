"""DS-CNN of MLPerf Tiny's keyword spotting (Zhang et al. 2017, arXiv:1711.07128), for 49x10 spectrograms."""

import torch
from torch import nn


class DSCNN(nn.Module):
    """A 10x4 convolution and `blocks` depthwise separable ones, all of `width` channels; returns logits."""

    def __init__(self, classes: int = 12, channels: int = 1, width: int = 64, blocks: int = 4, kernel: int = 3) -> None:
        super().__init__()
        layers = [_convolution(channels, width, (10, 4), stride=2, padding=(5, 1)), nn.Dropout(0.2)]
        for _ in range(blocks):
            layers += [_convolution(width, width, (kernel, kernel), padding=(kernel // 2, kernel // 2), groups=width)]
            layers += [_convolution(width, width, (1, 1))]
        self.features = nn.Sequential(*layers, nn.Dropout(0.4), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(width, classes)

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of spectrograms (N,channels,time,coefficients)."""
        return self.classifier(torch.flatten(self.features(spectrograms), 1))


def _convolution(
    inputs: int,
    outputs: int,
    size: tuple[int, int],
    stride: int = 1,
    padding: tuple[int, int] = (0, 0),
    groups: int = 1,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
