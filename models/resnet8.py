"""ResNet-8 of MLPerf Tiny's image classification (Banbury et al. 2021, arXiv:2106.07597), for 32x32 images."""

import torch
from torch import nn


class ResNet8(nn.Module):
    """A convolution and three residual blocks of width, 2 width and 4 width channels; returns logits."""

    def __init__(self, classes: int = 10, channels: int = 3, width: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _Block(width, width, stride=1),
            _Block(width, 2 * width, stride=2),
            _Block(2 * width, 4 * width, stride=2),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(4 * width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.classifier(torch.flatten(self.features(images), 1))


class _Block(nn.Module):
    """Two 3x3 convolutions, added to the input, or to its 1x1 projection where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride)
        self.sum = nn.quantized.FloatFunctional()  # where eager-mode quantization observes the sum's range
        self.activation = nn.ReLU()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (N,outputs,H/stride,W/stride)."""
        return self.activation(self.sum.add(self.layers(images), self.shortcut(images)))
