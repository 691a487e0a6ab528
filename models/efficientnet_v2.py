"""EfficientNetV2-B0 (Tan & Le 2021, arXiv:2104.00298) with width and depth multipliers.

Its parameters have the names of timm's `tf_efficientnetv2_b0`: those weights load as they are.
"""

import math

import torch
from torch import nn

# Kind, blocks, stride, expansion, channels of each stage, at width and depth 1.
STAGES = (
    ("plain", 1, 1, 1, 16),
    ("fused", 2, 2, 4, 32),
    ("fused", 2, 2, 4, 48),
    ("inverted", 3, 2, 4, 96),
    ("inverted", 5, 1, 6, 112),
    ("inverted", 8, 2, 6, 192),
)
ACTIVATIONS = {"silu": nn.SiLU, "hardswish": nn.Hardswish, "relu6": nn.ReLU6, "relu": nn.ReLU}
GATES = {"sigmoid": nn.Sigmoid, "hardsigmoid": nn.Hardsigmoid}


class EfficientNetV2(nn.Module):
    """Fused and inverted residuals, the latter with squeeze-and-excite; returns logits.

    activation, gate: the paper's are silu and sigmoid; hardswish and hardsigmoid lose less in int8.
    image_size: pads as TensorFlow does, which depends on it and which pretrained weights expect; None: on both sides.
    stem_stride: 1 keeps twice as many pixels of a small image.
    """

    def __init__(
        self,
        classes: int = 1000,
        channels: int = 3,
        width: float = 1.0,
        depth: float = 1.0,
        last_channels: int = 1280,
        activation: str = "silu",
        gate: str = "sigmoid",
        image_size: int | None = None,
        stem_stride: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        act, size, inputs = ACTIVATIONS[activation], image_size, divisible(32 * width)
        self.pad, padding, size = tf_padding(size, stem_stride)
        self.conv_stem = nn.Conv2d(channels, inputs, 3, stem_stride, padding, bias=False)
        self.bn1, self.act1 = _norm(inputs), act()
        stages = []
        for kind, blocks, stride, expansion, wide in STAGES:
            stage: list[nn.Module] = []
            for block in range(math.ceil(blocks * depth)):
                shape = inputs, divisible(wide * width), expansion, stride if block == 0 else 1
                if kind == "plain":
                    made: nn.Module = _Plain(inputs, shape[1], act)
                elif kind == "fused":
                    made = _Fused(*shape, act, size)
                else:
                    made = _Inverted(*shape, act, GATES[gate], size)
                size = None if size is None else -(-size // shape[3])
                stage.append(made)
                inputs = shape[1]
            stages.append(nn.Sequential(*stage))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = nn.Conv2d(inputs, last_channels, 1, bias=False)
        self.bn2, self.act2 = _norm(last_channels), act()
        self.pool, self.dropout = nn.AdaptiveAvgPool2d(1), nn.Dropout(dropout)
        self.classifier = nn.Linear(last_channels, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        features = self.act1(self.bn1(self.conv_stem(self.pad(images))))
        features = self.act2(self.bn2(self.conv_head(self.blocks(features))))
        return self.classifier(self.dropout(torch.flatten(self.pool(features), 1)))


class _Plain(nn.Module):
    """A 3x3 convolution."""

    def __init__(self, inputs: int, outputs: int, act: type[nn.Module]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn1, self.act1 = _norm(outputs), act()
        self.residual = inputs == outputs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.act1(self.bn1(self.conv(images)))
        return features + images if self.residual else features


class _Fused(nn.Module):
    """3x3 expansion and 1x1 projection (Fused-MBConv), added to the input where shapes agree."""

    def __init__(
        self, inputs: int, outputs: int, expansion: int, stride: int, act: type[nn.Module], size: int | None
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.pad, padding, _ = tf_padding(size, stride)
        self.conv_exp = nn.Conv2d(inputs, hidden, 3, stride, padding, bias=False)
        self.bn1, self.act1 = _norm(hidden), act()
        self.conv_pwl = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn2 = _norm(outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.act1(self.bn1(self.conv_exp(self.pad(images))))
        features = self.bn2(self.conv_pwl(features))
        return features + images if self.residual else features


class _Inverted(nn.Module):
    """1x1 expansion, 3x3 depthwise, squeeze-and-excite, 1x1 projection (MBConv), added where shapes agree."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        expansion: int,
        stride: int,
        act: type[nn.Module],
        gate: type[nn.Module],
        size: int | None,
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.conv_pw = nn.Conv2d(inputs, hidden, 1, bias=False)
        self.bn1, self.act1 = _norm(hidden), act()
        self.pad, padding, _ = tf_padding(size, stride)
        self.conv_dw = nn.Conv2d(hidden, hidden, 3, stride, padding, groups=hidden, bias=False)
        self.bn2, self.act2 = _norm(hidden), act()
        self.se = _SqueezeExcite(hidden, round(inputs / 4), act, gate)
        self.conv_pwl = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn3 = _norm(outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.act1(self.bn1(self.conv_pw(images)))
        features = self.act2(self.bn2(self.conv_dw(self.pad(features))))
        features = self.bn3(self.conv_pwl(self.se(features)))
        return features + images if self.residual else features


class _SqueezeExcite(nn.Module):
    """Each channel times a gate in [0, 1] that the channels' averages decide (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int, act: type[nn.Module], gate: type[nn.Module]) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv_reduce, self.act1 = nn.Conv2d(channels, squeezed, 1), act()
        self.conv_expand, self.gate = nn.Conv2d(squeezed, channels, 1), gate()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * self.gate(self.conv_expand(self.act1(self.conv_reduce(self.pool(images)))))


def tf_padding(size: int | None, stride: int) -> tuple[nn.Module, int, int | None]:
    """Return a padding layer, the padding of the 3x3 convolution after it, and the size after both.

    TensorFlow's SAME pads an even size before stride 2 only at its end.
    """
    after = None if size is None else -(-size // stride)
    if size is not None and stride == 2 and size % 2 == 0:
        return nn.ZeroPad2d((0, 1, 0, 1)), 0, after
    return nn.Identity(), 1, after


def divisible(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8."""
    return max(8, int(channels + 4) // 8 * 8)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)  # TensorFlow's
