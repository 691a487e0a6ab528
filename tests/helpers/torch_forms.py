"""Forms of PyTorch networks: a table of small nets, and what comes of each on its way to int8."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

STRAY = "no stray transpose"


@dataclass(frozen=True)
class Form:
    """make: the network of images (3,*size). failing: checks of the int8 file that it may fail. least: dB in int8."""

    make: Callable[[], nn.Module]
    size: tuple[int, int] = (8, 8)
    failing: tuple[str, ...] = ()
    least: float = 28.0
    quick: bool = False  # part of `make test`, not of the proofs alone


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


class Recurrent(nn.Module):
    """A convolution, then a recurrent layer over the columns of its output."""

    def __init__(self, cell: str, *, use: str = "last", first: bool = True, **settings: Any) -> None:
        super().__init__()
        self.use, self.first = use, first
        self.conv = nn.Conv2d(3, 4, 3, 1, 1)
        self.cell = getattr(nn, cell)(4 * 9, 6, batch_first=first, **settings)
        self.out = nn.LazyLinear(5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = self.conv(x).permute(0, 3, 1, 2).flatten(2)
        steps, state = self.cell(rows if self.first else rows.transpose(0, 1))
        steps = steps if self.first else steps.transpose(0, 1)
        if self.use == "state":
            return self.out((state[0] if isinstance(state, tuple) else state)[-1])
        return self.out(steps[:, -1] if self.use == "last" else steps.mean(1))


class Excited(nn.Module):
    """A squeeze-and-excitation block; its values are made by 1x1 convolutions, or by dense layers."""

    def __init__(self, *, dense: bool = False, pool: bool = True) -> None:
        super().__init__()
        layer: Callable[[int, int], nn.Module] = nn.Linear if dense else partial(nn.Conv2d, kernel_size=1)
        self.dense, self.pool = dense, nn.AdaptiveAvgPool2d(1) if pool else Call(lambda x: x.mean((2, 3), keepdim=True))
        self.gate = nn.Sequential(layer(8, 4), nn.ReLU(), layer(4, 8), nn.Hardsigmoid() if pool else nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squeezed = self.pool(x)
        return self.gate(squeezed.flatten(1))[:, :, None, None] * x if self.dense else x * self.gate(squeezed)


def around(form: Callable[[], nn.Module], out: int = 8, channels: int = 8) -> Callable[[], nn.Module]:
    """A convolution, the form, a strided convolution with ReLU, and a dense layer."""
    return lambda: nn.Sequential(
        nn.Conv2d(3, channels, 3, 1, 1), form(), nn.Conv2d(out, 6, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5)
    )


def row(*layers: Callable[[], nn.Module], how: str = "squeeze") -> Callable[[], nn.Module]:
    """Layers over N,C,L, of an image with one row, or of one whose rows are put one after the other."""
    shape = Call(lambda x: x.squeeze(2) if how == "squeeze" else x.flatten(2))
    return lambda: nn.Sequential(shape, *(layer() for layer in layers), nn.Flatten(), nn.LazyLinear(5))


def resize(mode: str, **settings: Any) -> Callable[[], nn.Module]:
    return around(lambda: Call(lambda x: functional.interpolate(x, mode=mode, **settings)))


def prelu() -> nn.Module:
    layer = nn.PReLU(8)
    layer.weight.data = torch.linspace(-0.4, 0.6, 8)
    return layer


RELU = nn.ReLU
ACTIVATIONS: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "PReLU, one a channel": (prelu, True),
    "PReLU": (nn.PReLU, False),
    "LeakyReLU": (partial(nn.LeakyReLU, 0.1), True),
    "ELU": (nn.ELU, True),
    "CELU": (partial(nn.CELU, 1.3), False),
    "SELU": (nn.SELU, False),
    "GELU": (nn.GELU, True),
    "GELU by tanh": (partial(nn.GELU, "tanh"), True),
    "Mish": (nn.Mish, False),
    "SiLU": (nn.SiLU, False),
    "Softplus": (nn.Softplus, True),
    "Softplus, beta": (partial(nn.Softplus, 2, 8), False),
    "Softsign": (nn.Softsign, False),
    "LogSigmoid": (nn.LogSigmoid, False),
    "Hardswish": (nn.Hardswish, False),
    "Hardsigmoid": (nn.Hardsigmoid, False),
    "Hardtanh": (nn.Hardtanh, False),
    "Hardtanh, other ends": (partial(nn.Hardtanh, -0.3, 0.6), True),
    "Tanhshrink": (nn.Tanhshrink, False),
    "abs": (lambda: Call(torch.abs), False),
    "exp": (lambda: Call(torch.exp), False),
    "sin": (lambda: Call(torch.sin), False),
    "sqrt": (lambda: Call(lambda x: torch.sqrt(x.abs() + 0.1)), False),
}
TRANSPOSED: dict[str, Callable[[], nn.Module]] = {
    "1x1, stride 2": lambda: nn.ConvTranspose2d(8, 8, 1, 2, bias=False),
    "output padding": lambda: nn.ConvTranspose2d(8, 8, 3, 2, 1, output_padding=1),
    "4x4": lambda: nn.ConvTranspose2d(8, 8, 4, 2, 1),
    "depthwise": lambda: nn.ConvTranspose2d(8, 8, 3, 2, 1, groups=8),
    "dilated": lambda: nn.ConvTranspose2d(8, 8, 3, 2, 2, dilation=2),
    "3x2": lambda: nn.ConvTranspose2d(8, 8, (3, 2), (2, 1), (1, 0)),
    "batch norm": lambda: nn.Sequential(nn.ConvTranspose2d(8, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), RELU()),
}
CONV1D = (partial(nn.Conv1d, 3, 8, 5), RELU, partial(nn.MaxPool1d, 2), partial(nn.Conv1d, 8, 8, 3, padding=1))
FORMS: dict[str, Form] = {
    **{name: Form(around(make), quick=quick) for name, (make, quick) in ACTIVATIONS.items()},
    # It jumps: half a step decides on which side a value comes out.
    "Threshold": Form(around(partial(nn.Threshold, 0.1, -0.2)), least=24.0),
    "GLU": Form(around(partial(nn.GLU, 1), 4)),
    "nearest, twice": Form(resize("nearest", scale_factor=2)),
    "nearest, 8 to 13": Form(resize("nearest", size=(13, 13)), quick=True),
    "nearest-exact, 8 to 13": Form(resize("nearest-exact", size=(13, 13))),
    "bilinear, twice": Form(resize("bilinear", scale_factor=2)),
    "bilinear, twice, corners": Form(resize("bilinear", scale_factor=2, align_corners=True), quick=True),
    "bilinear, 8 to 13": Form(resize("bilinear", size=(13, 13)), quick=True),
    "bilinear, 8 to 5, corners": Form(resize("bilinear", size=(5, 5), align_corners=True)),
    "bilinear, 1.7": Form(resize("bilinear", scale_factor=1.7, recompute_scale_factor=True)),
    "area, 8 to 4": Form(resize("area", size=(4, 4))),
    "area, 8 to 5": Form(resize("area", size=(5, 5)), failing=(STRAY,), quick=True),
    "area, 8 to 13": Form(resize("area", size=(13, 13)), failing=(STRAY,)),
    "PixelShuffle": Form(around(partial(nn.PixelShuffle, 2), 2), quick=True),
    "PixelShuffle, 3": Form(around(partial(nn.PixelShuffle, 3), 2, 18)),
    "PixelUnshuffle": Form(around(partial(nn.PixelUnshuffle, 2), 32), quick=True),
    "ChannelShuffle": Form(around(partial(nn.ChannelShuffle, 2))),
    **{f"ConvTranspose2d, {name}": Form(around(make), quick=name == "batch norm") for name, make in TRANSPOSED.items()},
    "Conv1d": Form(
        row(*CONV1D, partial(nn.BatchNorm1d, 8), RELU, partial(nn.AdaptiveAvgPool1d, 1)), (1, 40), quick=True
    ),
    "Conv1d of an image's rows": Form(
        row(partial(nn.Conv1d, 3, 8, 5, stride=2), RELU, partial(nn.AvgPool1d, 2), how="flatten")
    ),
    "Conv1d, dilated": Form(
        row(partial(nn.Conv1d, 3, 8, 3, dilation=2, padding=2), RELU, partial(nn.MaxPool1d, 3, 2, 1)), (1, 40)
    ),
    "Conv1d, same": Form(
        row(partial(nn.Conv1d, 3, 8, 4, padding="same"), RELU, partial(nn.Conv1d, 8, 8, 3, groups=8)), (1, 40)
    ),
    "ConvTranspose1d": Form(
        row(partial(nn.Conv1d, 3, 8, 5, stride=2), RELU, partial(nn.ConvTranspose1d, 8, 6, 4, 2, 1), RELU), (1, 40),
        quick=True,
    ),
    "squeeze-and-excitation": Form(around(Excited), quick=True),
    "squeeze-and-excitation by mean": Form(around(partial(Excited, pool=False))),
    "squeeze-and-excitation, dense": Form(around(partial(Excited, dense=True)), quick=True),
    "GRU": Form(partial(Recurrent, "GRU"), (9, 8), (STRAY,), quick=True),
    "GRU, time first": Form(partial(Recurrent, "GRU", first=False), (9, 8), (STRAY,)),
    "GRU, both ways": Form(partial(Recurrent, "GRU", use="all", bidirectional=True), (9, 8), (STRAY,)),
    "GRU, 12 steps, all": Form(partial(Recurrent, "GRU", use="all"), (9, 12), (STRAY,)),
    "GRU, two layers": Form(partial(Recurrent, "GRU", use="state", num_layers=2), (9, 8), (STRAY,)),
    "LSTM": Form(partial(Recurrent, "LSTM"), (9, 8), (STRAY,), quick=True),
    "LSTM, both ways": Form(partial(Recurrent, "LSTM", use="all", bidirectional=True), (9, 8), (STRAY,)),
    "LSTM, two layers": Form(partial(Recurrent, "LSTM", use="state", num_layers=2), (9, 8), (STRAY,)),
    "LSTM without biases": Form(partial(Recurrent, "LSTM", bias=False), (9, 8), (STRAY,)),
    "RNN": Form(partial(Recurrent, "RNN"), (9, 8), (STRAY,)),
    "RNN, relu": Form(partial(Recurrent, "RNN", nonlinearity="relu"), (9, 8), (STRAY,)),
}  # fmt: skip
IMAGES = 16


@dataclass(frozen=True)
class Outcome:
    """dB of each stage's outputs beside PyTorch's; steps: TFLM's from LiteRT's reference; failed: checks; operators."""

    onnx: float
    float32: float
    int8: float
    tflm: float
    steps: float
    failed: tuple[str, ...]
    operators: dict[str, int]
    convert: str = ""  # why there is no int8 file


def outcomes(names: Iterable[str], folder: Path) -> dict[str, Outcome]:
    """Export these forms here, and convert and run them in a process without torch."""
    from edgeforge.quantize.tflite.network import export_network

    for name in names:
        form = FORMS[name]
        torch.manual_seed(0)
        network, images = form.make(), np.random.default_rng(0).normal(size=(IMAGES, 3, *form.size)).astype(np.float32)
        with torch.no_grad():
            network(torch.from_numpy(images))  # gives lazy layers their sizes, and batch norms statistics
        place = folder / str(list(FORMS).index(name))
        np.savez(
            place.with_suffix(".npz"), x=images, y=export_network(network.eval(), images, place.with_suffix(".onnx"))
        )
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return {name: pool.submit(outcome, folder / f"{list(FORMS).index(name)}.onnx").result() for name in names}


def outcome(source: Path) -> Outcome:
    """Convert one exported form and run it in every engine."""
    from edgeforge.quantize.tflite.network import convert_file
    from edgeforge.recipe.sections.quantize import TFLite
    from edgeforge.runtimes.litert import LiteRTRunner
    from edgeforge.runtimes.onnxruntime import OnnxRunner
    from edgeforge.runtimes.tflm import TFLMRunner
    from edgeforge.tflite.flatbuffer import int8_checks, operators

    with np.load(source.with_suffix(".npz")) as arrays:
        x, y = arrays["x"], arrays["y"]
    onnx = decibels(OnnxRunner(source).run(x), y)
    made = convert_file(source, x, TFLite(variants=("float32", "int8")))
    floating = decibels(LiteRTRunner(made.tflite["float32"]).run(x), y)
    if "int8" not in made.tflite:
        return Outcome(onnx, floating, 0, 0, 0, (), {}, made.refused["int8"])
    path = made.tflite["int8"]
    reference, micro = LiteRTRunner(path, kernels="reference").run(x), TFLMRunner(path)
    found = micro.run(x)
    checks = int8_checks(path.read_bytes(), "int8")
    steps = float(abs(found - reference).max() / micro.output.scale)
    failed = tuple(check["name"] for check in checks if not check["passed"])
    names = operators(path.read_bytes())
    return Outcome(onnx, floating, decibels(reference, y), decibels(found, y), steps, failed, names)


def decibels(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the signal-to-noise ratio."""
    error = float(((found - expected) ** 2).sum())
    return float("inf") if error == 0 else float(10 * np.log10((expected**2).sum() / error))
