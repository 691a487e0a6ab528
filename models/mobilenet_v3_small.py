"""MobileNetV3-Small (Howard et al. 2019, arXiv:1905.02244, table 2) with a width multiplier."""

import torch
from torch import nn

# Kernel, expanded channels, channels, squeeze-and-excite, hard-swish, stride; channels at width 1.
BLOCKS = (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)


class MobileNetV3Small(nn.Module):
    """Inverted residuals with squeeze-and-excite and hard-swish; returns logits.

    stem_stride: the paper's 2 is for 224x224; with 1 a 32x32 image keeps twice as many pixels.
    """

    def __init__(
        self, classes: int = 10, channels: int = 3, width: float = 1.0, last_channels: int = 1024, stem_stride: int = 2
    ) -> None:
        super().__init__()
        inputs = divisible(16 * width)
        layers: list[nn.Module] = [_convolution(channels, inputs, 3, stem_stride, activation=nn.Hardswish())]
        for kernel, expanded, wide, squeeze, hard_swish, stride in BLOCKS:
            outputs = divisible(wide * width)
            layers.append(
                _InvertedResidual(inputs, divisible(expanded * width), outputs, kernel, stride, squeeze, hard_swish)
            )
            inputs = outputs
        head = 6 * inputs
        layers.append(_convolution(inputs, head, 1, 1, activation=nn.Hardswish()))
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Sequential(
            nn.Linear(head, last_channels), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(last_channels, classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.classifier(torch.flatten(self.features(images), 1))


class _InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, squeeze-and-excite, 1x1 projection; added where shapes agree."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, kernel: int, stride: int, squeeze: bool, hard_swish: bool
    ) -> None:
        super().__init__()
        kind = nn.Hardswish if hard_swish else nn.ReLU
        layers: list[nn.Module] = [] if hidden == inputs else [_convolution(inputs, hidden, 1, 1, kind())]
        layers.append(_convolution(hidden, hidden, kernel, stride, kind(), groups=hidden))
        if squeeze:
            layers.append(_SqueezeExcite(hidden, divisible(hidden / 4)))
        layers.append(nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs
        self.sum = nn.quantized.FloatFunctional()  # where eager-mode quantization observes the sum's range

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (N,outputs,H/stride,W/stride)."""
        return self.sum.add(images, self.layers(images)) if self.residual else self.layers(images)


class _SqueezeExcite(nn.Module):
    """Each channel times a gate in [0, 1] that the channels' averages decide (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )
        self.product = nn.quantized.FloatFunctional()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (N,channels,H,W)."""
        return self.product.mul(images, self.gate(images))


def _convolution(
    inputs: int, outputs: int, size: int, stride: int, activation: nn.Module, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        activation,
    )


def divisible(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8 and at most a tenth smaller, as the paper's code does."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
