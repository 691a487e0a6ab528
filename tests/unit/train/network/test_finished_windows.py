"""A finished file of windows: N,C,L and N,L,C as they are, and what is neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.builder.stage import Job
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.errors import RecipeError
from edgeforge.export.onnx import write_onnx
from edgeforge.recipe.schema import Model, Recipe
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing, Sampling
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.train.network.finished import check_finished, load_finished
from edgeforge.train.network.onnx_file import open_onnx
from edgeforge.train.stage import train

WINDOWS = Preprocessing(
    (3, 1, 20), 1.0, (0.0,) * 3, (1.0,) * 3, ("a", "b"), raw_type="float32",
    sampling=Sampling(50.0, 10, ("x", "y", "z")),
)  # fmt: skip


class Rows(nn.Module):
    def __init__(self, turned: bool) -> None:
        super().__init__()
        self.turned, self.layer = turned, nn.Conv1d(3, 2, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.transpose(1, 2) if self.turned else x).mean(2)


def exported(path: Path, network: nn.Module, *shape: int) -> Path:
    torch.onnx.export(network.eval(), (torch.zeros(1, *shape),), path, dynamo=False, opset_version=17)
    return path


@pytest.mark.parametrize("turned", [False, True])
def test_its_three_dimensions_are_those_of_the_data(tmp_path: Path, turned: bool) -> None:
    network = Rows(turned)
    path = exported(tmp_path / "n.onnx", network, *((20, 3) if turned else (3, 20)))
    file = open_onnx(path, WINDOWS, Model(name=str(path)))
    (tmp_path / "made.onnx").write_bytes(file.given.SerializeToString())
    windows = np.random.default_rng(0).standard_normal((4, 3, 1, 20)).astype(np.float32)
    rows = torch.from_numpy(windows).squeeze(2)
    with torch.no_grad():
        expected = network(rows.transpose(1, 2) if turned else rows).numpy()
    assert abs(OnnxRunner(tmp_path / "made.onnx").run(windows) - expected).max() < 1e-5
    assert file.changed[0] == f"{'N,L,C' if turned else 'N,C,L'} as N,C,1,L"


def test_other_sizes_are_named(tmp_path: Path) -> None:
    path = exported(tmp_path / "n.onnx", Rows(False), 3, 30)
    with pytest.raises(RecipeError, match="the data gives 3 axes x 20 samples") as caught:
        open_onnx(path, WINDOWS, Model(name=str(path)))
    assert "data.window" in caught.value.fix


SUFFIXES = [".pt", ".pt2"]


def finished(path: Path, network: nn.Module, *shape: int) -> Path:
    example = (torch.zeros(1, *shape),)
    if path.suffix == ".pt":
        torch.jit.trace(network.eval(), example).save(str(path))  # type: ignore[no-untyped-call]
    else:
        torch.export.save(torch.export.export(network.eval(), example), path)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("turned", [False, True])
def test_a_file_of_pytorch_takes_them_as_the_data_has_them(tmp_path: Path, suffix: str, turned: bool) -> None:
    network = Rows(turned)
    path = finished(tmp_path / f"n{suffix}", network, *((20, 3) if turned else (3, 20)))
    windows = np.random.default_rng(0).standard_normal((4, 3, 1, 20)).astype(np.float32)
    rows = torch.from_numpy(windows).squeeze(2)
    with torch.no_grad():
        expected = network(rows.transpose(1, 2) if turned else rows).numpy()
    seen = check_finished(path, WINDOWS, windows)
    assert seen.outputs is not None and abs(seen.outputs - expected).max() < 1e-6
    loaded = load_finished(path, WINDOWS)
    write_onnx(loaded, WINDOWS, tmp_path / "made.onnx")
    assert abs(OnnxRunner(tmp_path / "made.onnx").run(windows) - expected).max() < 1e-5


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_no_window_of_the_data_goes_through_is_named(tmp_path: Path, suffix: str) -> None:
    path = finished(tmp_path / f"n{suffix}", nn.Sequential(nn.Conv1d(4, 2, 5), nn.Flatten()), 4, 30)
    with pytest.raises(RecipeError, match=r"an input of shape 1,3,1,20 cannot go through n\.pt"):
        check_finished(path, WINDOWS)


class Sure(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x.mean((1, 2), keepdim=True)).flatten(1)


@pytest.mark.parametrize("suffix", [".onnx", *SUFFIXES])
def test_one_that_ends_in_a_sigmoid_has_a_threshold_of_its_probabilities(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"n{suffix}"
    (exported if suffix == ".onnx" else finished)(path, Sure(), 3, 20)
    head = Head("class", ("no", "yes"), kind="yes_no")
    raw = (
        np.linspace(0.5, 2, 40).repeat(60).reshape(40, 3, 1, 20).astype(np.float32)
    )  # one half says yes to all of them
    data = tmp_path / "data"
    data.mkdir()
    np.savez(data / "data.npz", train_x=raw[:9], train_y=np.zeros(9), val_x=raw, val_y=np.arange(40) >= 15)
    (data / "preprocessing.json").write_text(replace(WINDOWS, classes=head.classes, heads=(head,)).to_json())
    recipe = Recipe.model_validate({
        "name": "x", "data": {"source": "windows", "root": "x", "rate_hz": 50, "task": "binary"},
        "model": {"name": str(path), **({} if suffix == ".onnx" else {"input": "ncl"})},
    })  # fmt: skip
    out = tmp_path / "out"
    out.mkdir()
    inputs = {"data": data, "train": out}
    job = Job("train", recipe, inputs, out, out, lambda share, text: None, files={"model": path})
    train(job)
    found = deployed_preprocessing(job).heads[0]
    outputs = 1 / (1 + np.exp(-raw.mean((1, 2, 3))))
    assert found.probability and found.threshold == pytest.approx(outputs[14:16].mean(), abs=1e-4)
    assert (found.decide(outputs[:, None].astype(np.float32)) == (np.arange(40) >= 15)).all()
