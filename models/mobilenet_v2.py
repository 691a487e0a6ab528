"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, table 2) with a width multiplier, for small images too."""

import torch
from torch import nn

# Expansion factor, channels at width 1, how many blocks: one row a stage.
STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
IMAGENET_STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)
ACTIVATIONS = {"relu6": nn.ReLU6, "relu": nn.ReLU}


class MobileNetV2(nn.Module):
    """Inverted residuals over a narrow or wide body; returns logits.

    strides: of the stem and of each stage's first block; for 28x28 images take [2, 1, 2, 1, 2, 1, 1, 1], since the
    paper's own would leave one pixel. activation: relu6 (the paper's), or relu, which cross-layer equalization
    can scale freely.
    """

    def __init__(
        self,
        classes: int = 10,
        channels: int = 1,
        width: float = 0.35,
        last_channels: int = 1280,
        strides: tuple[int, ...] = IMAGENET_STRIDES,
        activation: str = "relu6",
    ) -> None:
        super().__init__()
        if len(strides) != 1 + len(STAGES):
            raise TypeError(f"strides has {len(strides)} values: give {1 + len(STAGES)}, stem and stages")
        inputs = divisible(32 * width)
        layers = [convolution(channels, inputs, 3, strides[0], activation)]
        for (expansion, wide, blocks), stride in zip(STAGES, strides[1:], strict=True):
            for block in range(blocks):
                outputs = divisible(wide * width)
                layers.append(_InvertedResidual(inputs, outputs, stride if block == 0 else 1, expansion, activation))
                inputs = outputs
        layers.append(convolution(inputs, last_channels, 1, 1, activation))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last_channels, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.classifier(self.features(images))


class _InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 projection without activation; added to its input where shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, activation: str) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers = [convolution(inputs, hidden, 1, 1, activation)] if expansion > 1 else []
        layers.append(convolution(hidden, hidden, 3, stride, activation, groups=hidden))
        layers.append(nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs
        self.sum = nn.quantized.FloatFunctional()  # where eager-mode quantization observes the sum's range

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (N,outputs,H/stride,W/stride)."""
        return self.sum.add(images, self.layers(images)) if self.residual else self.layers(images)


def convolution(inputs: int, outputs: int, size: int, stride: int, activation: str, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm and activation in a row, which quantization fuses into one layer."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        ACTIVATIONS[activation](),
    )


def divisible(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8 and at most a tenth smaller, as the paper's code does."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
