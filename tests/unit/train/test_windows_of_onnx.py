"""A finished ONNX file of windows: N,C,L and N,L,C as they are, and what is neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Model
from edgeforge.results.preprocessing import Preprocessing, Sampling
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.train.network.onnx_file import open_onnx

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
