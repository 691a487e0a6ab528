"""ResNet-8 of MLPerf Tiny's image classification (Banbury et al. 2021, arXiv:2106.07597), for 32x32 images."""

import torch
from torch import nn


class ResNet8(nn.Module):
    """A convolution and residual blocks of width, 2 width and 4 width channels, `depth` of each; returns logits."""

    def __init__(self, classes: int = 10, channels: int = 3, width: int = 16, depth: int = 1, kernel: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *_stage(width, width, 1, depth, kernel),
            *_stage(width, 2 * width, 2, depth, kernel),
            *_stage(2 * width, 4 * width, 2, depth, kernel),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(4 * width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.classifier(torch.flatten(self.features(images), 1))


class _Block(nn.Module):
    """Two convolutions, added to the input, or to its 1x1 projection where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, kernel: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride)
        self.sum = nn.quantized.FloatFunctional()  # where eager-mode quantization observes the sum's range
        self.activation = nn.ReLU()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (N,outputs,H/stride,W/stride)."""
        return self.activation(self.sum.add(self.layers(images), self.shortcut(images)))


def _stage(inputs: int, outputs: int, stride: int, depth: int, kernel: int) -> list[nn.Module]:
    first = _Block(inputs, outputs, stride, kernel)
    return [first, *(_Block(outputs, outputs, 1, kernel) for _ in range(depth - 1))]
