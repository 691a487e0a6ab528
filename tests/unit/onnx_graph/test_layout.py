"""N,H,W,C files: told from shape and graph, turned by value, and asked for where neither says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Model
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.onnxruntime import OnnxRunner, run_as_it_is
from edgeforge.train.network.onnx_file import open_onnx


class Turned(nn.Module):
    """Normalises N,H,W,C images along their last axis, and convolves them as N,C,H,W."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(channels, 2, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        mean = torch.arange(images.shape[3]) / 10
        return self.convolution((images - mean).permute(0, 3, 1, 2)).mean((2, 3))


class Flat(nn.Module):
    """Takes images as rows of numbers, in whatever order."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :2] * 2.0 + images.flatten(1)[:, 3:5]


def written(path: Path, network: nn.Module, shape: tuple[int, ...], *, free: bool = False) -> Path:
    axes = {"x": {0: "n", 1: "a", 2: "b", 3: "c"}, "y": {0: "n"}} if free else None
    torch.onnx.export(network, (torch.zeros(1, *shape),), path, dynamo=False, opset_version=17, input_names=["x"],
                      output_names=["y"], dynamic_axes=axes)  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("network", "shape", "asked", "expected"),
    [
        (Turned(3), (8, 6, 3), None, "nhwc"),  # by its shape
        (Turned(6), (6, 6, 6), None, "nhwc"),  # by its graph
        (Turned(6), (6, 6, 6), "nhwc", "nhwc"),
        (Flat(), (8, 6, 3), None, "nhwc"),
        (Flat(), (6, 6, 6), "nhwc", "nhwc"),
        (Flat(), (6, 6, 6), "nchw", "nchw"),
        (nn.Sequential(nn.Conv2d(6, 2, 6), nn.Flatten()), (6, 6, 6), None, "nchw"),
    ],
)
@pytest.mark.parametrize("free", [False, True])
def test_outputs_are_the_file_s(
    tmp_path: Path, network: nn.Module, shape: tuple[int, ...], asked: str | None, expected: str, free: bool
) -> None:
    if free and isinstance(network, Flat) and asked is None:
        pytest.skip("asked for, see below")
    path = written(tmp_path / "net.onnx", network.eval(), shape, free=free)
    c, h, w = shape if expected == "nchw" else (shape[2], *shape[:2])
    preprocessing = Preprocessing((c, h, w), 1.0, (0.0,) * c, (1.0,) * c, ("a", "b"))
    file = open_onnx(path, preprocessing, Model(name=str(path), layout=asked))  # type: ignore[arg-type]
    assert file.layout == expected
    onnx.save(file.network, tmp_path / "turned.onnx")
    runner = OnnxRunner(tmp_path / "turned.onnx")
    assert runner.input.shape == (1, c, h, w)
    images = np.random.default_rng(0).normal(0, 1, (5, c, h, w)).astype(np.float32)
    right = run_as_it_is(path, images, channels_last=expected == "nhwc", optimized=True)
    np.testing.assert_allclose(runner.run(images), right, atol=1e-5)


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx", Flat(), (6, 6, 6))
    preprocessing = Preprocessing((6, 6, 6), 1.0, (0.0,) * 6, (1.0,) * 6, ("a", "b"))
    with pytest.raises(RecipeError) as caught:
        open_onnx(path, preprocessing, Model(name=str(path)))
    assert "N,C,H,W or N,H,W,C cannot be told" in caught.value.reason
    assert caught.value.fix == "set model.layout: nchw, or model.layout: nhwc"


def test_a_layout_that_does_not_fit_the_data(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx", Turned(3), (8, 6, 3))
    preprocessing = Preprocessing((3, 8, 6), 1.0, (0.0,) * 3, (1.0,) * 3, ("a", "b"))
    with pytest.raises(RecipeError, match=r"is \(1,8,6,3\), model.layout: nchw with this data gives \(1,3,8,6\)"):
        open_onnx(path, preprocessing, Model(name=str(path), layout="nchw"))
