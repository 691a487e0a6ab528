"""Small random networks over the operators that people use, in PyTorch. The same seed gives the same network.

A network is a list of blocks, each a name and a seed of its own, so that one that goes wrong can be cut down: leaving
blocks out gives a network again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch_forms import Call

Block = tuple[str, int]  # name, seed
Shape = tuple[int, int, int]  # C,H,W

LARGEST = 300  # pixels of a side


class Joined(nn.Module):
    """What two branches of one input give, added, multiplied, subtracted or side by side."""

    def __init__(self, how: str, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.how, self.first, self.second = how, first, second

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.first(x), self.second(x)
        if self.how == "concatenated":
            return torch.cat([a, b], 1)
        return a + b if self.how == "added" else a - b if self.how == "subtracted" else a * b


class Rows(nn.Module):
    """A layer over N,C,L, applied to the image with its rows end to end."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(2)).unsqueeze(2)


class Recurrent(nn.Module):
    """An LSTM or GRU over the image's rows; its last output as C,1,1."""

    def __init__(self, kind: type[nn.Module], shape: Shape, hidden: int) -> None:
        super().__init__()
        self.layer = kind(shape[0] * shape[2], hidden, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, _ = self.layer(x.permute(0, 2, 1, 3).flatten(2))
        return rows[:, -1, :, None, None]


def _convolution(shape: Shape, pick: random.Random, **fixed: Any) -> nn.Module:
    channels = shape[0]
    kernel = (pick.choice([1, 2, 3, 5]), pick.choice([1, 3]))
    dilation = pick.choice([1, 1, 1, 2])
    padding = tuple((size - 1) * dilation // 2 + pick.choice([0, 0, 1]) for size in kernel)
    options = {"stride": pick.choice([1, 1, 2]), "padding": padding, "dilation": dilation, "bias": pick.random() < 0.7}
    return nn.Conv2d(channels, pick.choice([3, 4, 8, 12]), kernel, **(options | fixed))


def _grouped(shape: Shape, pick: random.Random) -> nn.Module:
    return _convolution(shape, pick, groups=2) if shape[0] % 4 == 0 else _convolution(shape, pick)


def _depthwise(shape: Shape, pick: random.Random) -> nn.Module:
    outputs = shape[0] * pick.choice([1, 1, 2])
    return nn.Conv2d(shape[0], outputs, 3, stride=pick.choice([1, 2]), padding=1, groups=shape[0])


def _transposed(shape: Shape, pick: random.Random) -> nn.Module:
    stride = pick.choice([1, 2])
    kernel = pick.choice([2, 3, 4])
    return nn.ConvTranspose2d(shape[0], pick.choice([4, 8]), kernel, stride, padding=pick.choice([0, 1]))


def _resized(shape: Shape, pick: random.Random) -> nn.Module:
    mode = pick.choice(["nearest", "bilinear"])
    corners = pick.random() < 0.5 if mode == "bilinear" else None
    size = tuple(pick.choice([side * 2, side + 3, side + 5, max(side // 2, 2)]) for side in shape[1:])
    return Call(lambda x: functional.interpolate(x, size, mode=mode, align_corners=corners))


def _pooled(shape: Shape, pick: random.Random) -> nn.Module:
    kernel, padding = pick.choice([(2, 0), (3, 1), (3, 0)])
    kind = pick.choice([nn.MaxPool2d, nn.AvgPool2d])
    return kind(kernel, pick.choice([1, 2]), padding)


def _padded(shape: Shape, pick: random.Random) -> nn.Module:
    sides = tuple(pick.choice([0, 1, 2]) for _ in range(4))
    mode = pick.choice(["constant", "constant", "reflect"])
    return Call(lambda x: functional.pad(x, sides, mode=mode))


def _joined(shape: Shape, pick: random.Random) -> nn.Module:
    how = pick.choice(["added", "added", "subtracted", "multiplied", "concatenated"])
    first = nn.Conv2d(shape[0], shape[0], 3, padding=1)
    second = pick.choice([nn.Identity(), nn.Conv2d(shape[0], shape[0], 1), nn.Sigmoid()])
    return Joined(how, first, second)


def _gated(shape: Shape, pick: random.Random) -> nn.Module:
    squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(shape[0], shape[0], 1), nn.Sigmoid())
    return Joined("multiplied", nn.Identity(), squeeze)


def _reduced(shape: Shape, pick: random.Random) -> nn.Module:
    dims = pick.choice([(2,), (3,), (2, 3)])
    return Call(lambda x: x.mean(dims, keepdim=True))


def _sliced(shape: Shape, pick: random.Random) -> nn.Module:
    return Call(lambda x: x[:, :, 1:, ::2])


def _split(shape: Shape, pick: random.Random) -> nn.Module:
    def halves(x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, 1)
        return torch.cat([b, a], 1)

    return Call(halves)


def _shuffled(shape: Shape, pick: random.Random) -> nn.Module:
    return nn.Sequential(nn.Conv2d(shape[0], 8, 1), nn.PixelShuffle(2))


def _activation(module: Callable[[], nn.Module]) -> Callable[[Shape, random.Random], nn.Module]:
    return lambda shape, pick: module()


# Whether a block can stand at a shape is found by trying it.
BLOCKS: dict[str, Callable[[Shape, random.Random], nn.Module]] = {
    "convolution": _convolution,
    "grouped": _grouped,
    "depthwise": _depthwise,
    "transposed": _transposed,
    "resized": _resized,
    "pooled": _pooled,
    "padded": _padded,
    "joined": _joined,
    "gated": _gated,
    "reduced": _reduced,
    "sliced": _sliced,
    "split": _split,
    "shuffled": _shuffled,
    "normalised": lambda shape, pick: nn.BatchNorm2d(shape[0]),
    "rows": lambda shape, pick: Rows(nn.Conv1d(shape[0], 8, pick.choice([1, 3, 5]), padding=1)),
    "lstm": lambda shape, pick: Recurrent(nn.LSTM, shape, 8),
    "gru": lambda shape, pick: Recurrent(nn.GRU, shape, 8),
    "relu": _activation(nn.ReLU),
    "relu6": _activation(nn.ReLU6),
    "leaky_relu": lambda shape, pick: nn.LeakyReLU(pick.choice([0.01, 0.2])),
    "prelu": lambda shape, pick: nn.PReLU(pick.choice([1, shape[0]])),
    "elu": _activation(nn.ELU),
    "gelu": lambda shape, pick: nn.GELU(approximate=pick.choice(["none", "tanh"])),
    "silu": _activation(nn.SiLU),
    "hardswish": _activation(nn.Hardswish),
    "hardsigmoid": _activation(nn.Hardsigmoid),
    "sigmoid": _activation(nn.Sigmoid),
    "tanh": _activation(nn.Tanh),
    "softplus": _activation(nn.Softplus),
    "mish": _activation(nn.Mish),
    "clamped": lambda shape, pick: Call(lambda x: x.clamp(-1.0, 2.0)),
    "scaled": lambda shape, pick: Call(lambda x: x * 0.5 + 0.25),
    "absolute": lambda shape, pick: Call(torch.abs),
}
COMMON = ("convolution", "convolution", "convolution", "depthwise", "relu", "relu", "normalised", "pooled", "joined")


def random_blocks(seed: int) -> tuple[Shape, list[Block]]:
    """Return the input's shape and up to nine blocks."""
    pick = random.Random(seed)
    shape = (pick.choice([1, 3, 4]), pick.choice([8, 9, 12, 16]), pick.choice([8, 11, 16]))
    names = [pick.choice([*COMMON, *BLOCKS, *BLOCKS]) for _ in range(pick.randint(2, 8))]
    return shape, [("convolution", pick.randrange(10**6)), *((name, pick.randrange(10**6)) for name in names)]


def build(shape: Shape, blocks: Sequence[Block]) -> tuple[nn.Module, list[str]]:
    """Return the network, in evaluation mode, and the blocks that stand in it: those that the shapes allow."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    used: list[str] = []
    x = torch.zeros(2, *shape)
    for name, seed in blocks:
        try:
            layer = BLOCKS[name]((int(x.shape[1]), int(x.shape[2]), int(x.shape[3])), random.Random(seed)).eval()
            with torch.no_grad():
                y = layer(x)
        except (RuntimeError, ValueError):
            continue
        if y.dim() == 4 and min(y.shape[1:]) >= 1 and max(y.shape[2:]) <= LARGEST and y.numel() <= 40_000:
            layers.append(layer)
            used.append(name)
            x = y
    features = int(x[0].numel())
    pooled = features > 512
    head = [nn.AdaptiveAvgPool2d(1)] if pooled else []
    network = nn.Sequential(*layers, *head, nn.Flatten(), nn.Linear(int(x.shape[1]) if pooled else features, 5))
    return network.eval(), used


def inputs(shape: Shape, count: int = 48) -> NDArray[np.float32]:
    """Return smooth random images about zero (N,C,H,W): neighbours resemble each other, as in pictures."""
    noise = torch.randn(count, *shape, generator=torch.Generator().manual_seed(1))
    smooth = functional.avg_pool2d(noise, 3, 1, 1) * 2 + 0.3 * noise
    found: NDArray[np.float32] = smooth.numpy()
    return found


def settle(network: nn.Module, x: NDArray[np.float32]) -> None:
    """Give batch norms the statistics of the inputs, as training would."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        network(torch.from_numpy(x))
    network.eval()
