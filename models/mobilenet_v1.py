"""MobileNetV1 (Howard et al. 2017, arXiv:1704.04861, table 1): at width 0.25 MLPerf Tiny's person detector."""

import torch
from torch import nn

# Channels at width 1 and stride of the depthwise separable blocks; between them, `depth` more of 512 channels.
FIRST, LAST = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)), ((1024, 2), (1024, 1))


class MobileNetV1(nn.Module):
    """A stem and thirteen depthwise separable convolutions, at depth 5; returns logits."""

    def __init__(
        self, classes: int = 2, channels: int = 3, width: float = 0.25, depth: int = 5, kernel: int = 3
    ) -> None:
        super().__init__()
        inputs = int(32 * width)
        layers = [_convolution(channels, inputs, size=3, stride=2)]
        for wide, stride in (*FIRST, *((512, 1),) * depth, *LAST):
            outputs = int(wide * width)
            layers.append(_convolution(inputs, inputs, size=kernel, stride=stride, groups=inputs))
            layers.append(_convolution(inputs, outputs, size=1))
            inputs = outputs
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.classifier(torch.flatten(self.features(images), 1))


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )
