"""A U-Net (Ronneberger, Fischer, Brox 2015, arXiv:1505.04597) for boards with 256 KB of RAM: a class for each pixel."""

from itertools import pairwise

import torch
from torch import nn


class UNetTiny(nn.Module):
    """Down and up again by depthwise separable convolutions, with a skip by concatenation at each size.

    Its widest activations are of half the picture's height and width: the first convolution has stride 2, and the
    classes alone are brought to the picture's own, by the nearest pixel, where a last convolution draws their edges. (A
    transposed one would do both, but TFLM sums it in 32 bits, in four times the map's memory.)
    classes: channels of the map; of two classes 1 does. widths: channels at a half, a quarter, … of height and width,
    which are multiples of 2 ** len(widths).
    """

    def __init__(self, classes: int = 2, channels: int = 3, widths: tuple[int, ...] = (8, 16, 24, 32)) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(channels, widths[0], 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.down = nn.ModuleList(separable(a, b, stride=2) for a, b in pairwise(widths))
        self.bottom = separable(widths[-1], widths[-1])
        self.up = nn.ModuleList(nn.Upsample(scale_factor=2) for _ in widths[1:])
        self.join = nn.ModuleList(separable(a + b, a) for a, b in pairwise(widths))
        self.last = nn.Sequential(
            nn.Conv2d(widths[0], classes, 1), nn.Upsample(scale_factor=2), nn.Conv2d(classes, classes, 3, padding=1)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return maps (N,classes,H,W) of logits."""
        found = self.first(images)
        skips = []
        for down in self.down:
            skips.append(found)
            found = down(found)
        found = self.bottom(found)
        for place in range(len(skips) - 1, -1, -1):
            found = self.join[place](torch.cat([skips[place], self.up[place](found)], 1))
        return self.last(found)


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution in each channel, then one across channels, each normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
