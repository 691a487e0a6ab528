"""Finished models: each format gives the outputs of the module it came from; what does not fit is one error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.export.onnx import save_onnx, write_onnx
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.model_file import resolve_model_file
from edgeforge.recipe.schema import Model
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.train.network.finished import check_finished, load_finished
from edgeforge.train.network.onnx_file import check_onnx, open_onnx

SHAPE = (3, 8, 10)
IMAGE = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(4 * 8 * 10, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images).reshape(images.shape[0], -1))


NET = Net().eval()
PARAMETERS = sum(parameter.numel() for parameter in NET.parameters())


def preprocessing(shape: tuple[int, int, int] = SHAPE, classes: str = "abcde") -> Preprocessing:
    return Preprocessing(shape, 255.0, (0.0,), (1.0,), tuple(classes))


def check(path: Path, wanted: Preprocessing) -> int:
    if path.suffix == ".onnx":
        images = np.zeros((2, *wanted.shape), np.float32)
        return check_onnx(path, wanted, Model(name=str(path)), images).parameters
    return check_finished(path, wanted).parameters


def to_torch_script(path: Path) -> None:
    torch.jit.trace(NET, IMAGE).save(str(path))  # type: ignore[no-untyped-call]


def to_script(path: Path) -> None:
    torch.jit.script(NET).save(str(path))


def to_export(path: Path) -> None:
    torch.export.save(torch.export.export(NET, (IMAGE,)), path)


def to_export_any_batch(path: Path) -> None:
    shapes = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(NET, (torch.cat([IMAGE, IMAGE]),), dynamic_shapes=shapes), path)


def to_onnx(path: Path, module: nn.Module = NET, image: torch.Tensor = IMAGE, **options: object) -> None:
    torch.onnx.export(module, (image,), path, **{"dynamo": False, "opset_version": 17, **options})  # type: ignore[arg-type]


def to_old_onnx_any_batch(path: Path) -> None:
    axes = {"logits": {0: "n"}, "scores": {0: "n"}}
    to_onnx(path, opset_version=11, input_names=["logits"], output_names=["scores"], dynamic_axes=axes)


def to_onnx_weights_beside(path: Path) -> None:
    to_onnx(path)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=0)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.pt", to_torch_script),
        ("a.ts", to_script),
        ("a.pt2", to_export),
        ("b.pt2", to_export_any_batch),
        ("a.onnx", to_onnx),
        ("b.onnx", to_old_onnx_any_batch),
        ("c.onnx", to_onnx_weights_beside),
    ],
)
def test_every_format_gives_the_module_s_outputs(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    path, saved = tmp_path / name, tmp_path / "out.onnx"
    make(path)
    folded = 8 if path.suffix == ".onnx" else 0  # batch norm, by the exporter
    assert check(path, preprocessing()) == PARAMETERS - folded
    expected = NET(IMAGE).detach().numpy()
    if path.suffix == ".onnx":
        save_onnx(open_onnx(path, preprocessing(), Model(name=str(path))).network, preprocessing(), saved)
    else:
        module = load_finished(path, preprocessing())
        np.testing.assert_allclose(module(IMAGE).detach().numpy(), expected, atol=1e-6)
        write_onnx(module, preprocessing(), saved)
    runner = OnnxRunner(saved)
    assert runner.input.shape == (1, *SHAPE)
    np.testing.assert_allclose(runner.run(IMAGE.numpy()), expected, atol=1e-5)
    written = onnx.load(saved)
    assert [value.name for value in (*written.graph.input, *written.graph.output)] == ["input", "logits"]
    assert Preprocessing.from_json(written.metadata_props[-1].value).classes == tuple("abcde")


def test_several_heads_are_one_vector(tmp_path: Path) -> None:
    to_onnx(tmp_path / "a.onnx")
    heads = (Head("kind", tuple("abc")), Head("size", tuple("xy")))
    assert check(tmp_path / "a.onnx", Preprocessing(SHAPE, 255.0, (0.0,), (1.0,), tuple("abc"), heads))
    with pytest.raises(
        RecipeError, match=r"the data has heads 'kind' \(3 classes\), 'cycles' \(a value\): expected \(1, 4\)"
    ):
        heads = (Head("kind", tuple("abc")), Head("cycles", unit="cycles"))
        check(tmp_path / "a.onnx", Preprocessing(SHAPE, 255.0, (0.0,), (1.0,), tuple("abc"), heads))


class TwoOutputs(nn.Module):
    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images.mean((2, 3)), images.amax((2, 3))


def to_training(path: Path) -> None:
    torch.export.save(torch.export.export(Net().train(), (IMAGE,)), path)


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("a.pt2", to_training, "was exported in training mode (aten."),
        ("a.pt2", lambda path: path.write_text("x"), "is no torch.export file"),
        ("a.pt", lambda path: torch.save(NET.state_dict(), path), "is no TorchScript file"),
        ("a.onnx", lambda path: path.write_text("x"), "a.onnx cannot be read"),
        ("a.onnx", lambda path: to_onnx(path, TwoOutputs()), "has 2 outputs"),
        ("a.onnx", lambda path: to_onnx(path, image=torch.cat([IMAGE] * 2)), "is (2,3,8,10)"),
    ],
)
def test_a_file_that_is_no_such_model(tmp_path: Path, name: str, make: Callable[[Path], None], expected: str) -> None:
    make(tmp_path / name)
    with pytest.raises(RecipeError) as caught:
        check(tmp_path / name, preprocessing())
    assert expected in caught.value.reason and caught.value.fix


@pytest.mark.parametrize(
    ("make", "name"),
    [(to_torch_script, "a.pt"), (to_export, "a.pt2"), (to_export_any_batch, "b.pt2"), (to_onnx, "a.onnx")],
)
def test_wrong_inputs_and_outputs_are_one_error(tmp_path: Path, make: Callable[[Path], None], name: str) -> None:
    make(tmp_path / name)
    with pytest.raises(RecipeError, match=r"its output for one image is \(1, 5\), the data has 3 classes"):
        check(tmp_path / name, preprocessing(classes="abc"))
    with pytest.raises(RecipeError) as caught:
        check(tmp_path / name, preprocessing((3, 10, 8 + 4)))
    assert "data.size" in caught.value.fix


def test_an_onnx_file_alone_has_a_layout_and_ranges(tmp_path: Path) -> None:
    for key, value in (("layout", "nhwc"), ("ranges", {"logits": (0, 1)})):
        with pytest.raises(ValueError, match=rf"{key} belongs to a finished ONNX model; a.pt2 is none"):
            Model(name="a.pt2", **{key: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"ranges: x: \[2, 2\] has no width"):
        Model(name="a.onnx", ranges={"x": (2, 2)})


def test_what_does_not_go_with_a_finished_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"args makes no sense with a.onnx: a finished ONNX model"):
        Model(name="a.onnx", args={"width": 3})
    with pytest.raises(RecipeError) as caught:
        resolve_model_file("a.pth", tmp_path)
    assert "holds weights" in caught.value.reason and "model.weights" in caught.value.fix
    recipe = tmp_path / "r.yaml"
    for line, key in (("prune: {}", "prune"), ("quantize:\n  qat: {}", "quantize.qat")):
        recipe.write_text(f"name: x\ndata: {{source: digits}}\nmodel: {{name: a.pt2}}\n{line}\n")
        with pytest.raises(RecipeError, match=rf"r.yaml:[45]: {key}: a.pt2 is a finished torch.export model"):
            load_recipe(recipe)
