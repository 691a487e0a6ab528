"""Forms of PyTorch networks, from the module to int8 in TFLM, by value; those of `quick`: the others are a proof."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch_forms import FORMS, Outcome, outcomes, resize

from edgeforge.errors import EdgeForgeError, RecipeError, StageFailed
from edgeforge.export.direct import convert_directly
from edgeforge.export.onnx import write_onnx
from edgeforge.results.preprocessing import Preprocessing

QUICK = [name for name, form in FORMS.items() if form.quick]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return outcomes(QUICK, tmp_path_factory.mktemp("forms"))


@pytest.mark.parametrize("name", QUICK)
def test_a_form_goes_the_whole_way(found: dict[str, Outcome], name: str) -> None:
    made = found[name]
    assert not made.convert
    assert min(made.onnx, made.float32) > 100
    assert min(made.int8, made.tflm) > FORMS[name].least
    assert made.steps <= 2
    assert set(made.failed) <= set(FORMS[name].failing)


def test_what_tflm_has_no_kernel_for_is_a_table(found: dict[str, Outcome]) -> None:
    for name in ("ELU", "GELU", "GELU by tanh", "Softplus"):
        assert {"CAST": 2, "GATHER": 1}.items() <= found[name].operators.items()
    assert "DEPTH_TO_SPACE" in found["PixelShuffle"].operators
    assert not {"GRU", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BATCH_MATMUL"} & set(found["LSTM"].operators)


def exported(folder: Path, network: nn.Module, size: tuple[int, int] = (8, 8)) -> Path:
    with torch.no_grad():
        network(torch.zeros(1, 3, *size))
    preprocessing = Preprocessing((3, *size), 1.0, (0.0,) * 3, (1.0,) * 3, ("a", "b", "c", "d", "e"))
    write_onnx(network.eval(), preprocessing, folder / "net.onnx")
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("settings", "says", "remedy"),
    [
        ({"mode": "bicubic", "scale_factor": 2}, "module '1' interpolates by cubes", "mode='bilinear'"),
        ({"mode": "bilinear", "scale_factor": 1.7}, "module '1' scales 8 by 1.7", "recompute_scale_factor=True"),
        ({"mode": "bilinear", "size": (5, 5), "antialias": True}, "module '1' smooths", "antialias=False"),
    ],
)
def test_a_resize_that_nobody_computes_is_named(
    tmp_path: Path, settings: dict[str, object], says: str, remedy: str
) -> None:
    import onnx

    with pytest.raises(EdgeForgeError) as caught:
        convert_directly(onnx.load(exported(tmp_path, resize(**settings)())))  # type: ignore[arg-type]
    assert isinstance(caught.value, RecipeError | StageFailed)
    assert says in caught.value.reason
    assert remedy in caught.value.fix


def test_a_recurrent_layer_of_very_many_steps_is_named(tmp_path: Path) -> None:
    class Long(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.out = nn.GRU(3, 2, batch_first=True), nn.Linear(2, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(self.words(x.flatten(2).transpose(1, 2))[0][:, -1])

    with pytest.raises(StageFailed, match="module 'words' takes 400 steps"):
        exported(tmp_path, Long(), (20, 20))
