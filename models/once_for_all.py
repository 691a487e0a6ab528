"""The blocks among which MCUNet searches (Cai et al. 2020, arXiv:1908.09791; Lin et al. 2020, arXiv:2007.10319).

Each stage's are arguments, for a recipe's `search.over`:
model.args.kernel1: [3, 5, 7], model.args.expansion1: [3, 4, 6], model.args.depth1: [2, 3, 4].
"""

import torch
from torch import nn

CHANNELS = (16, 24, 40)  # of the stages, at width 1; each begins with stride 2
KERNELS, EXPANSIONS, DEPTHS = (3, 5, 7), (3, 4, 6), (2, 3, 4)


class OnceForAll(nn.Module):
    """A strided stem and three stages of inverted residuals, each of one kernel, expansion and depth; returns logits.

    Kernels are 3, 5 or 7, expansions 3, 4 or 6, depths 2 to 4. width: factor of all channels, which are multiples of 4.
    """

    def __init__(
        self,
        classes: int = 2,
        channels: int = 3,
        width: float = 1.0,
        kernel1: int = 3, expansion1: int = 3, depth1: int = 2,
        kernel2: int = 3, expansion2: int = 3, depth2: int = 2,
        kernel3: int = 3, expansion3: int = 3, depth3: int = 2,
    ) -> None:  # fmt: skip
        super().__init__()
        inputs = divisible(8 * width)
        layers: list[nn.Module] = [_convolution(channels, inputs, 3, stride=2)]
        stages = ((kernel1, expansion1, depth1), (kernel2, expansion2, depth2), (kernel3, expansion3, depth3))
        for number, (wide, (kernel, expansion, depth)) in enumerate(zip(CHANNELS, stages, strict=True), start=1):
            _require(f"kernel{number}", kernel, KERNELS)
            _require(f"expansion{number}", expansion, EXPANSIONS)
            _require(f"depth{number}", depth, DEPTHS)
            for place in range(depth):
                outputs = divisible(wide * width)
                layers.append(_InvertedResidual(inputs, outputs, kernel, expansion, stride=2 if place == 0 else 1))
                inputs = outputs
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.classifier(torch.flatten(self.features(images), 1))


class _InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection without activation; added where shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.layers = nn.Sequential(
            _convolution(inputs, hidden, 1),
            _convolution(hidden, hidden, kernel, stride, groups=hidden),
            nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )
        self.residual = stride == 1 and inputs == outputs
        self.sum = nn.quantized.FloatFunctional()  # where eager-mode quantization observes the sum's range

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (N,outputs,H/stride,W/stride)."""
        return self.sum.add(images, self.layers(images)) if self.residual else self.layers(images)


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


def _require(name: str, value: int, known: tuple[int, ...]) -> None:
    if value not in known:
        raise TypeError(f"{name} is {value}: give one of {', '.join(map(str, known))}")


def divisible(channels: float) -> int:
    """Return the nearest multiple of 4, at least 4."""
    return max(4, int(channels + 2) // 4 * 4)
