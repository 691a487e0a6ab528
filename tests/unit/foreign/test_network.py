"""PyTorch's messages while a network runs or is exported, provoked for real, and what EdgeForge says instead."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from provoked import Call, raised, require_provoked
from torch import nn

from edgeforge.foreign.kinds import NETWORK
from edgeforge.foreign.wording import cause, words

IMAGE = torch.zeros(1, 1, 8, 8)


class Branches(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            x = x + 1
        return x.flatten(1)


class TakesNumbers(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, : int(x.sum().item())]


class LeavesTorch(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.sin(x.numpy())).flatten(1)


class Decomposes(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.svd(x)[1].flatten(1)


def to_onnx(network: nn.Module) -> object:
    return torch.onnx.export(network.eval(), (IMAGE,), dynamo=True, verbose=False)


def as_script() -> object:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(3, 3), torch.zeros(1, 3)), buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)(torch.zeros(1, 8))


PROVOKED: list[tuple[str, Call]] = [
    ("a dense layer is given 64 values where it takes 10", lambda: nn.Linear(10, 5)(torch.zeros(1, 64))),
    ("a dense layer is given 8 values where it takes 3", as_script),
    (
        "a matrix product is given a second factor of 1, 4 where it takes 1, 3",
        lambda: torch.zeros(1, 2, 3) @ torch.zeros(1, 4, 5),
    ),
    ("dimension 2 is asked for of a tensor whose dimensions are -1 to 0", lambda: torch.flatten(torch.zeros(3), 2)),
    ("a convolution is given 1 channels where it takes 3", lambda: nn.Conv2d(3, 4, 3)(IMAGE)),
    ("a kernel of 11 x 11 is larger than its input of 8 x 8", lambda: nn.Conv2d(1, 4, 11)(IMAGE)),
    ("a pooling of an input of 1x1x1 leaves nothing", lambda: nn.MaxPool2d(2)(torch.zeros(1, 1, 1, 1))),
    ("a convolution in 2 dimensions is given a tensor of the shape [5]", lambda: nn.Conv2d(1, 4, 3)(torch.zeros(5))),
    ("a batch norm is given 1 channels where it takes 3", lambda: nn.BatchNorm2d(3).eval()(IMAGE)),
    (
        "a layer takes tensors of 4 dimensions and is given one of 2",
        lambda: nn.BatchNorm2d(3)(torch.zeros(3, 3)),
    ),
    ("a batch norm cannot train on one value for each channel", lambda: nn.BatchNorm1d(3)(torch.zeros(1, 3))),
    ("a layer norm over [7] is given a tensor of the shape [1, 8]", lambda: nn.LayerNorm(7)(torch.zeros(1, 8))),
    ("64 values do not fit into the shape [3, -1]", lambda: IMAGE.view(3, -1)),
    ("view() cannot be used on a tensor whose values do not lie in order", lambda: torch.zeros(2, 3).t().view(6)),
    (
        "two tensors that are to be combined have the sizes 3 and 4 in dimension 1",
        lambda: torch.zeros(2, 3) + torch.zeros(2, 4),
    ),
    (
        "tensors that are to be joined along dimension 0 have the sizes 3 and 4 in another",
        lambda: torch.cat([torch.zeros(2, 3), torch.zeros(2, 4)]),
    ),
    (
        "tensors that are to be stacked have the shapes [2, 3] and [2, 4]",
        lambda: torch.stack([torch.zeros(2, 3), torch.zeros(2, 4)]),
    ),
    ("permute() is given 2 dimensions for a tensor that has 4", lambda: IMAGE.permute(0, 1)),
    (
        "a normalization of 4 channels is given a tensor of the shape [1, 6, 2, 2]",
        lambda: nn.GroupNorm(2, 4)(torch.zeros(1, 6, 2, 2)),
    ),
    ("a reflecting padding of (20, 20) is wider than its input", lambda: nn.ReflectionPad2d(20)(IMAGE)),
    (
        "a layer is given values of another type than its weights: Double and Float",
        lambda: nn.Linear(3, 3)(torch.zeros(1, 3, dtype=torch.float64)),
    ),
    (
        "a layer is given values of another type than its weights: double and float",
        lambda: nn.Conv2d(1, 1, 3)(IMAGE.double()),
    ),
    ("tensors lie on different devices", lambda: torch.zeros(2).to("meta") + torch.zeros(2)),
    ("there is not memory enough: 71.1 PiB more are asked for", lambda: np.zeros(10**16)),
    ("there is not memory enough: 4000000000000000 bytes more are asked for", lambda: torch.zeros(10**15)),
    ("entry 7 is asked for in dimension 0, which has 3", lambda: torch.zeros(3)[7]),
    ("a tensor of several values is used as a condition", lambda: bool(torch.zeros(3) > 0)),
    ("Module has no method forward", lambda: nn.Module()(IMAGE)),
    (
        "PyTorch has no quantized kernel for exp",
        lambda: torch.quantize_per_tensor(IMAGE, 1.0, 0, torch.qint8).exp(),
    ),
    (
        "PyTorch has no quantized kernel for an operation there, such as + of two tensors",
        lambda: torch.quantize_per_tensor(torch.ones(2, 3), 1.0, 0, torch.quint8) / 2 + 1,
    ),
    (
        "the quantized operator linear_prepack is given float values",
        lambda: torch.ops.quantized.linear_prepack(torch.zeros(2, 2), None),
    ),
    ("forward branches on the values of a tensor", lambda: to_onnx(Branches())),
    ("forward branches on the values of a tensor", lambda: torch.fx.symbolic_trace(Branches())),
    (
        "forward takes a number out of a tensor (item(), int() or the like)",
        lambda: torch.export.export(TakesNumbers(), (IMAGE,)),
    ),
    ("forward leaves PyTorch, for NumPy or the like", lambda: torch.export.export(LeavesTorch(), (IMAGE,))),
    ("ONNX has no operator for _linalg_svd", lambda: to_onnx(Decomposes())),
]
ON_A_GPU = {"the GPU has no memory left"}
if torch.cuda.is_available():
    ON_A_GPU |= {"this PyTorch knows no GPU"}
else:
    PROVOKED.append(("this PyTorch knows no GPU", lambda: torch.zeros(2).cuda()))
KINDS = [kind for kind in NETWORK if kind.cause not in ON_A_GPU]


@pytest.mark.parametrize(("expected", "call"), PROVOKED, ids=[expected for expected, _ in PROVOKED])
def test_a_message_is_told_in_our_words(expected: str, call: Call) -> None:
    said = words(raised(call))
    assert said.cause == expected and said.known


def test_every_known_kind_is_provoked() -> None:
    require_provoked(KINDS, [expected for expected, _ in PROVOKED])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_s_full_memory_is_told_in_our_words() -> None:
    assert cause(raised(lambda: torch.zeros(10**13, device="cuda"))) == "the GPU has no memory left"
